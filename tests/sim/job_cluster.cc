#include "tests/sim/job_cluster.h"

#include <utility>

namespace berth::sim {

namespace {

constexpr Duration kFaultsLast = Duration::seconds(40);
/// Workers are back by then, and what could not be placed is known.
constexpr Duration kBackTogether = Duration::seconds(30);
/// By then every job has ended: leases, the longest back-offs and cooldowns, clocks that jumped,
/// and everything that waits run one after the other on the smallest workers.
constexpr Duration kAllEnded = Duration::seconds(1'200);
constexpr Duration kLook = Duration::seconds(5);
constexpr int64_t kClockJumpMs = 15'000;

Duration ms(int64_t amount) {
  return Duration::milliseconds(amount);
}

JobLane job_lane(uint64_t seed) {
  JobLane lane;
  core::JobSettings& settings = lane.settings;
  settings.accept_within = Duration::seconds(5);
  settings.lease = Duration::seconds(6);
  settings.grace_after_start = Duration::seconds(8);
  settings.cooldown_base = ms(500);
  settings.cooldown_cap = Duration::seconds(5);
  // Half of the time that such a story takes is planning: some have it. Eleven has no factor in
  // common with anything else that a seed decides.
  settings.plan.on = seed % 11 == 0;
  settings.plan.job_min = ms(10);
  settings.plan.period = ms(200);
  settings.plan.pending = 4;
  settings.plan.objective = static_cast<wire::PlanObjective>(seed / 44 % wire::kPlanObjectiveCount);
  if (seed % 5 == 0) settings.finished_max = 10;
  lane.merge_turns = seed % 3 == 0;
  return lane;
}

}  // namespace

JobCluster::JobCluster(uint64_t seed)
    : faults_(seed % 4 != 0),
      world_(seed),
      lane_(job_lane(seed)),
      checker_(world_, lane_.merge_turns) {
  build();
}

void JobCluster::build() {
  core::Rng& rng = world_.rng;
  if (!faults_) {
    constexpr int64_t kDelaysMs[] = {1, 40, 700};
    network_.delay_most = ms(kDelaysMs[rng.below(3)]);
  }
  server_ = std::make_unique<Server>(
      world_, network_, checker_, "s1", static_cast<uint16_t>(1 + rng.below(3)), lane_);
  const size_t workers = 2 + rng.below(3);
  LastEpoch first_epoch = std::make_shared<uint64_t>(0);
  for (size_t i = 0; i < workers; ++i) {
    worker_names_.push_back("w" + std::to_string(i + 1));
    LastEpoch epoch = i == 0 ? first_epoch : std::make_shared<uint64_t>(0);
    add_worker(worker_names_[i], worker_names_[i], std::move(epoch), i + 1);
  }
  // The other agent with its id is a copy of the machine, or a machine that was named wrongly.
  add_worker("w1-twin", "w1", first_epoch, world_.one_in(2) ? 1 : 99);
  const size_t clients = 1 + rng.below(2);
  for (size_t i = 0; i < clients; ++i) {
    clients_.push_back(std::make_unique<JobClient>(
        world_,
        network_,
        "c" + std::to_string(i + 1),
        "s1",
        faults_ ? worker_names_ : std::vector<std::string>{},
        [this](uint64_t before, const wire::JobEvent& event) {
          checker_.on_watched(before, event);
        }));
  }
  if (!faults_ || !world_.one_in(3)) return;
  // Places and jobs take from the same workers.
  other_client_ = std::make_unique<ClientNode>(
      world_,
      network_,
      "c9",
      std::vector<std::string>{"s1"},
      worker_names_,
      [](const std::string&, const std::string&) {});
}

void JobCluster::add_worker(
    const std::string& name, const std::string& worker, LastEpoch epoch, uint64_t nonce) {
  const size_t number = machines_.size();
  agents_.push_back(std::make_unique<AgentNode>(
      world_,
      network_,
      name,
      worker,
      std::move(epoch),
      random_profile(number),
      std::vector<std::string>{"s1"}));
  AgentNode& agent = *agents_.back();
  machines_.push_back(std::make_unique<Machine>(world_, agent.process(), &checker_, name));
  Machine& machine = *machines_.back();
  if (number == 1) {
    return agent.host(
        machine, [this, &machine](AgentNode& of, uint64_t life, const JobGuest::Send& send) {
          return std::make_unique<PullGuest>(
              world_, of.process(), machine, of.worker(), life, send);
        });
  }
  agent.host(
      machine, [this, &machine, nonce](AgentNode& of, uint64_t life, const JobGuest::Send& send) {
        agent::JobSessionSettings settings;
        settings.worker = of.worker();
        settings.life = life;
        settings.nonce = nonce;
        settings.answer_max = Duration::seconds(4);
        auto guest = std::make_unique<PushGuest>(world_, of.process(), machine, settings, send);
        guest->loses_answers = faults_;
        return guest;
      });
}

agent::Profile JobCluster::random_profile(size_t worker) {
  core::Rng& rng = world_.rng;
  agent::Profile profile;
  profile.address = "10.0.0." + std::to_string(worker + 1) + ":9000";
  // w1 can run whatever can be run at all.
  profile.tags = {"linux", "runner:process"};
  if (worker == 0 || world_.one_in(2)) profile.tags.push_back("even");
  profile.slots = 2 + static_cast<int64_t>(rng.below(5));
  profile.cpu_milli = 1'000 * (1 + static_cast<int64_t>(rng.below(6)));
  profile.memory_mib = 512 * (1 + static_cast<int64_t>(rng.below(6)));
  profile.gpu_models.assign(worker == 0 ? 2 : rng.below(3), "a100");
  profile.software = "berth-agent";
  return profile;
}

std::string JobCluster::run() {
  server_->start();
  for (auto& agent : agents_) {
    if (agent != agents_.back()) agent->start();
  }
  for (auto& client : clients_)
    client->start();
  if (other_client_ != nullptr) other_client_->start();
  if (faults_) next_fault();
  if (!world_.run(kStart + kFaultsLast)) return world_.failure();
  make_whole();
  if (!world_.run(world_.now() + kBackTogether)) return world_.failure();
  abort_impossible();
  const Instant until = world_.now() + kAllEnded;
  while (!checker_.unfinished().empty() && world_.now() < until) {
    if (!world_.run(world_.now() + kLook)) return world_.failure();
  }
  // Watchers hear of it, and machines stop what was aborted.
  if (!world_.run(world_.now() + Duration::seconds(15))) return world_.failure();
  check_whole();
  return world_.failure();
}

void JobCluster::next_fault() {
  world_.after(world_.between(ms(100), ms(3'000)), [this] {
    if (over_) return;
    switch (world_.rng.below(8)) {
      case 0:
      case 1: fault_server(); break;
      case 2: fault_store(); break;
      case 3:
      case 4:
      case 5: fault_agent(); break;
      default: fault_network(); break;
    }
    next_fault();
  });
}

void JobCluster::fault_network() {
  const std::string other =
      world_.one_in(3) ? any_of(clients_).process().name() : any_of(agents_).name();
  const auto heal_later = [&] {
    world_.after(world_.between(ms(200), ms(30'000)), [this, other] {
      world_.say("network", "heals " + other + " - s1");
      network_.heal(other, "s1");
    });
  };
  switch (world_.rng.below(4)) {
    case 0: world_.say("network", "resets " + other + " - s1"); return network_.reset(other, "s1");
    case 1:
      world_.say("network", "cuts " + other + " - s1");
      network_.cut(other, "s1");
      return heal_later();
    case 2: {
      const bool outward = world_.one_in(2);
      world_.say("network", outward ? "cuts s1 -> " + other : "cuts " + other + " -> s1");
      network_.cut_one_way(outward ? "s1" : other, outward ? other : "s1");
      return heal_later();
    }
    default:
      network_.delay_most = ms(1 + static_cast<int64_t>(world_.rng.below(1'500)));
      world_.say("network", "delays up to " + std::to_string(network_.delay_most.ms()) + " ms");
      world_.after(world_.between(ms(500), ms(5'000)), [this] { network_.delay_most = ms(2); });
  }
}

void JobCluster::fault_server() {
  if (!server_->process().alive()) return;
  if (world_.one_in(4)) {
    world_.say("s1", "frozen");
    server_->process().freeze();
    world_.after(world_.between(ms(50), ms(8'000)), [this] {
      if (server_->process().frozen()) world_.say("s1", "thawed");
      server_->process().thaw();
    });
    return;
  }
  server_->stop(/*silently=*/world_.one_in(3));
  restart_server_later(world_.between(ms(50), ms(world_.one_in(4) ? 25'000 : 3'000)));
}

void JobCluster::fault_store() {
  if (world_.one_in(2)) {
    const auto ahead = static_cast<int64_t>(world_.rng.below(2 * kClockJumpMs)) - kClockJumpMs;
    world_.say("s1", "its clock is set " + std::to_string(ahead) + " ms ahead");
    return server_->set_wall_clock(ahead);
  }
  if (server_->disk().full) return;
  world_.say("s1", "its disk is full");
  server_->disk().full = true;
  world_.after(world_.between(ms(100), ms(4'000)), [this] {
    server_->disk().full = false;
    world_.say("s1", "its disk has room again");
  });
  // It ends itself at the next write; whoever watches over it starts it again.
  restart_server_later(world_.between(ms(500), ms(6'000)));
}

void JobCluster::fault_agent() {
  if (world_.one_in(6)) return fault_twin();
  AgentNode& agent = any_of(agents_);
  if (!agent.process().alive()) return;
  switch (world_.rng.below(6)) {
    case 0:
    case 1:
      // Beyond its lease, now and then.
      world_.say(agent.name(), "frozen");
      agent.process().freeze();
      world_.after(world_.between(ms(50), ms(30'000)), [this, &agent] {
        if (agent.process().frozen()) world_.say(agent.name(), "thawed");
        agent.process().thaw();
      });
      break;
    case 2:
      agent.leave();
      restart_later(agent, world_.between(ms(1'000), ms(10'000)));
      break;
    default:
      agent.stop(/*silently=*/world_.one_in(3));
      restart_later(agent, world_.between(ms(50), ms(world_.one_in(2) ? 30'000 : 2'000)));
  }
}

/// The same worker id is started somewhere else while the first may still run.
void JobCluster::fault_twin() {
  AgentNode& twin = *agents_.back();
  AgentNode& first = *agents_.front();
  AgentNode& newer = twin.process().alive() ? first : twin;
  if (!newer.process().alive()) newer.start();
}

void JobCluster::restart_server_later(Duration away) {
  world_.after(away, [this] {
    if (!server_->process().alive()) server_->start();
  });
}

void JobCluster::restart_later(AgentNode& agent, Duration away) {
  world_.after(away, [this, &agent] {
    bool wanted = !over_ || living(agent.worker()) == nullptr;
    if (wanted && !agent.process().alive()) agent.start();
  });
}

AgentNode* JobCluster::living(const std::string& worker) {
  for (auto& agent : agents_) {
    if (agent->worker() == worker && agent->process().alive()) return agent.get();
  }
  return nullptr;
}

void JobCluster::make_whole() {
  over_ = true;
  world_.say("cluster", "no more faults");
  for (auto& client : clients_)
    client->rest();
  if (other_client_ != nullptr) other_client_->rest();
  if (!faults_) return;
  network_.delay_most = ms(2);
  server_->disk().full = false;
  if (!server_->process().alive()) server_->start();
  // A write that failed while the disk was full may still end it.
  restart_server_later(Duration::seconds(2));
  server_->process().thaw();
  for (auto& agent : agents_)
    agent->process().thaw();
  network_.heal_all();
  for (AgentNode* agent : {agents_.front().get(), agents_.back().get()}) {
    if (agent->process().alive()) agent->stop(/*silently=*/false);
  }
  for (const std::string& worker : worker_names_) {
    if (living(worker) == nullptr) agents_[&worker - worker_names_.data()]->start();
  }
}

void JobCluster::abort_impossible() {
  for (const auto& [id, job] : checker_.models().all()) {
    if (job.impossible && !is_over(job.state)) clients_.front()->abort(id);
  }
}

void JobCluster::check_whole() {
  if (!server_->process().alive()) return world_.fail("s1 has ended, and nothing was wrong");
  if (std::string left = checker_.unfinished(); !left.empty()) return world_.fail(left);
  for (auto& client : clients_) {
    if (client->unanswered() == 0) continue;
    return world_.fail(client->process().name() + " has submits that nobody answers");
  }
  checker_.check_end(*server_);
  for (const std::string& worker : worker_names_) {
    AgentNode* agent = living(worker);
    if (agent == nullptr) return world_.fail(worker + " has no agent left");
    if (agent->machine()->running() > 0) return world_.fail(worker + " runs what has ended");
    if (agent->machine()->kept() > 0) {
      return world_.fail(worker + " keeps results that nobody takes from it");
    }
    std::optional<RowView> row = server_->show(worker);
    if (!row) return world_.fail(worker + " runs and is not registered");
    const bool free = row->held_slots == 0 && row->free.slots == row->capacity.slots &&
                      row->free.cpu_milli == row->capacity.cpu_milli &&
                      row->free.memory_mib == row->capacity.memory_mib;
    if (!free) return world_.fail(worker + " has lost capacity: jobs that ended still hold some");
  }
  if (!faults_ && checker_.models().lost > 0) {
    world_.fail("a lease was lost although nothing was wrong");
  }
}

}  // namespace berth::sim
