#include "tests/sim/cluster.h"

namespace berth::sim {

namespace {

constexpr Duration kFaultsLast = Duration::seconds(45);
/// The longest back-off, a greeting that is never answered, an overdue heartbeat, and some more.
constexpr Duration kBackTogether = Duration::seconds(25);
/// The longest hold and task, and how long a task that is no longer listed keeps its place.
constexpr Duration kAllOver = Duration::seconds(30);

Duration ms(int64_t amount) {
  return Duration::milliseconds(amount);
}

}  // namespace

Cluster::Cluster(uint64_t seed) : faults_(seed % 4 != 0), world_(seed) {
  build();
}

void Cluster::build() {
  core::Rng& rng = world_.rng;
  if (!faults_) {
    constexpr int64_t kDelaysMs[] = {1, 40, 1'400};
    network_.delay_most = ms(kDelaysMs[rng.below(3)]);
  }
  size_t servers = 1 + rng.below(2), workers = 2 + rng.below(5), clients = 1 + rng.below(3);
  for (size_t i = 0; i < servers; ++i) {
    server_names_.push_back("s" + std::to_string(i + 1));
    servers_.push_back(std::make_unique<Server>(
        world_, network_, checker_, server_names_.back(), static_cast<uint16_t>(1 + rng.below(3))));
  }
  LastEpoch first_epoch;
  for (size_t i = 0; i < workers; ++i) {
    worker_names_.push_back("w" + std::to_string(i + 1));
    auto epoch = std::make_shared<uint64_t>(0);
    if (i == 0) first_epoch = epoch;
    agents_.push_back(std::make_unique<AgentNode>(
        world_,
        network_,
        worker_names_[i],
        worker_names_[i],
        epoch,
        random_profile(i),
        server_names_));
  }
  agents_.push_back(std::make_unique<AgentNode>(
      world_, network_, "w1-twin", "w1", first_epoch, random_profile(0), server_names_));
  auto on_placed = [this](const std::string& task, const std::string& worker) {
    AgentNode* agent = living(worker);
    if (agent == nullptr || world_.one_in(2)) return;
    agent->run_task(task, world_.between(ms(500), Duration::seconds(12)));
  };
  for (size_t i = 0; i < clients; ++i) {
    clients_.push_back(std::make_unique<ClientNode>(
        world_, network_, "c" + std::to_string(i + 1), server_names_, worker_names_, on_placed));
  }
}

agent::Profile Cluster::random_profile(size_t worker) {
  core::Rng& rng = world_.rng;
  agent::Profile profile;
  profile.address = "10.0.0." + std::to_string(worker + 1) + ":9000";
  profile.tags = {"linux"};
  if (worker % 2 == 0) profile.tags.push_back("even");
  profile.labels = {{"zone", worker % 3 == 0 ? "a" : "b"}};
  profile.slots = 1 + static_cast<int64_t>(rng.below(8));
  profile.cpu_milli = 1'000 * (1 + static_cast<int64_t>(rng.below(8)));
  profile.memory_mib = 512 * (1 + static_cast<int64_t>(rng.below(8)));
  profile.gpu_models.assign(rng.below(5), "a100");
  profile.software = "berth-agent";
  return profile;
}

std::string Cluster::run() {
  for (auto& server : servers_)
    server->start();
  for (auto& agent : agents_) {
    if (agent != agents_.back()) agent->start();
  }
  for (auto& client : clients_)
    client->start();
  if (faults_) next_fault();
  if (!world_.run(kStart + kFaultsLast)) return world_.failure();
  make_whole();
  if (!world_.run(world_.now() + kBackTogether)) return world_.failure();
  check_whole();
  if (!world_.run(world_.now() + kAllOver)) return world_.failure();
  for (auto& server : servers_)
    checker_.check_all_free(*server);
  return world_.failure();
}

void Cluster::next_fault() {
  world_.after(world_.between(ms(200), ms(3'000)), [this] {
    if (over_) return;
    switch (world_.rng.below(4)) {
      case 0: fault_server(); break;
      case 1: fault_agent(); break;
      default: fault_network(); break;
    }
    next_fault();
  });
}

void Cluster::fault_network() {
  const std::string server = any_of(servers_).name();
  const std::string other =
      world_.one_in(3) ? any_of(clients_).process().name() : any_of(agents_).name();
  switch (world_.rng.below(3)) {
    case 0:
      world_.say("network", "resets " + other + " - " + server);
      network_.reset(other, server);
      break;
    case 1:
      world_.say("network", "cuts " + other + " - " + server);
      network_.cut(other, server);
      world_.after(world_.between(ms(200), ms(40'000)), [this, other, server] {
        world_.say("network", "heals " + other + " - " + server);
        network_.heal(other, server);
      });
      break;
    default:
      network_.delay_most = ms(1 + static_cast<int64_t>(world_.rng.below(1'500)));
      world_.say("network", "delays up to " + std::to_string(network_.delay_most.ms()) + " ms");
      world_.after(world_.between(ms(500), ms(5'000)), [this] { network_.delay_most = ms(2); });
  }
}

void Cluster::fault_server() {
  Server& server = any_of(servers_);
  if (!server.process().alive()) return;
  if (world_.one_in(2)) {
    world_.say(server.name(), "frozen");
    server.process().freeze();
    world_.after(world_.between(ms(50), ms(8'000)), [this, &server] {
      if (server.process().frozen()) world_.say(server.name(), "thawed");
      server.process().thaw();
    });
  } else {
    server.stop(world_.one_in(3));
    restart_later(server, world_.between(ms(50), ms(15'000)));
  }
}

void Cluster::fault_agent() {
  if (world_.one_in(6)) return fault_twin();
  AgentNode& agent = any_of(agents_);
  if (!agent.process().alive()) return;
  switch (world_.rng.below(4)) {
    case 0:
      world_.say(agent.name(), "frozen");
      agent.process().freeze();
      world_.after(world_.between(ms(50), ms(40'000)), [this, &agent] {
        if (agent.process().frozen()) world_.say(agent.name(), "thawed");
        agent.process().thaw();
      });
      break;
    case 1: agent.change_profile(random_profile(world_.rng.below(worker_names_.size()))); break;
    case 2:
      agent.leave();
      restart_later(agent, world_.between(ms(1'000), ms(10'000)));
      break;
    default: agent.stop(world_.one_in(3)); restart_later(agent, world_.between(ms(50), ms(40'000)));
  }
}

/// The same worker id is started somewhere else while the first may still run.
void Cluster::fault_twin() {
  AgentNode& twin = *agents_.back();
  AgentNode& first = *agents_.front();
  AgentNode& newer = twin.process().alive() ? first : twin;
  if (!newer.process().alive()) newer.start();
}

void Cluster::restart_later(Server& server, Duration away) {
  world_.after(away, [&server] {
    if (!server.process().alive()) server.start();
  });
}

void Cluster::restart_later(AgentNode& agent, Duration away) {
  world_.after(away, [this, &agent] {
    // In the quiet time a worker needs one agent, not two.
    bool wanted = !over_ || living(agent.worker()) == nullptr;
    if (wanted && !agent.process().alive()) agent.start();
  });
}

AgentNode* Cluster::living(const std::string& worker) {
  for (auto& agent : agents_) {
    if (agent->worker() == worker && agent->process().alive()) return agent.get();
  }
  return nullptr;
}

void Cluster::make_whole() {
  over_ = true;
  world_.say("cluster", "no more faults");
  for (auto& client : clients_)
    client->rest();
  network_.delay_most = faults_ ? ms(2) : network_.delay_most;
  for (auto& server : servers_) {
    if (!server->process().alive()) server->start();
    server->process().thaw();
  }
  for (auto& agent : agents_)
    agent->process().thaw();
  network_.heal_all();
  // Of two agents with one id either may be the older one, which will end, or be dead: start anew.
  for (AgentNode* agent : {agents_.front().get(), agents_.back().get()}) {
    if (agent->process().alive()) agent->stop(/*silently=*/false);
  }
  for (const std::string& worker : worker_names_) {
    if (living(worker) == nullptr) agents_[&worker - worker_names_.data()]->start();
  }
}

void Cluster::check_whole() {
  for (const std::string& worker : worker_names_) {
    if (living(worker) == nullptr) world_.fail(worker + " has no agent left");
    for (auto& server : servers_)
      checker_.check_online(*server, worker);
  }
  for (auto& client : clients_) {
    if (client->unanswered() > 0) {
      world_.fail(
          client->process().name() + " waits for " + std::to_string(client->unanswered()) +
          " answers that never came");
    }
  }
  if (faults_) return;
  for (auto& server : servers_) {
    core::Counters& counters = server->tables().counters;
    if (counters.total(core::Counter::WorkersSuspicious) > 0) {
      world_.fail(server->name() + " has suspected a worker although nothing was wrong");
    }
    if (counters.total(core::Counter::HeartbeatsStale) > 0) {
      world_.fail(server->name() + " has seen a heartbeat out of order although nothing was wrong");
    }
  }
}

uint64_t Cluster::counted(core::Counter counter) const {
  uint64_t count = 0;
  for (const auto& server : servers_)
    count += server->counted(counter);
  return count;
}

}  // namespace berth::sim
