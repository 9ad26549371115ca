#include "loadgen/jobs/job_fleet.h"

#include <algorithm>
#include <cstdio>
#include <limits>

namespace berth::loadgen {
namespace {

constexpr core::Duration kEnrollPatience = core::Duration::seconds(60);
constexpr core::Duration kPatience = core::Duration::seconds(30);
constexpr core::Duration kStopPatience = core::Duration::seconds(10);
constexpr core::Duration kReconnectEvery = core::Duration::milliseconds(100);
constexpr core::Duration kReconnectPatience = core::Duration::seconds(60);
constexpr core::Duration kUpkeep = core::Duration::milliseconds(20);
// An open loop's jobs of so long go in one submit. Less would not be slept through: the loop polls
// for what is due within two milliseconds, and has a processor to itself where jobs come so often.
constexpr core::Duration kGather = core::Duration::milliseconds(3);
constexpr core::Instant kNever{std::numeric_limits<int64_t>::max()};

std::string worker_id(const JobSpecs& specs, uint32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "-%06u", number);
  return specs.prefix() + text;
}

}  // namespace

JobFleet::JobFleet(LinkLoop& loop, const JobSpecs& specs, const JobFleetOptions& options)
    : loop_(loop),
      options_(options),
      book_(options.in_flight_max),
      clients_(options.connections),
      agents_(options.workers) {
  for (uint32_t i = 0; i < clients_.size(); ++i) {
    clients_[i].link = new_client_link(i);
    JobSubmitter::Options submitter{
        specs.prefix() + "-" + std::to_string(i) + "-", options.depth, specs.runnable()};
    clients_[i].submitter = std::make_unique<JobSubmitter>(submitter, loop.encoder, book_);
  }
  for (uint32_t i = 0; i < agents_.size(); ++i) {
    JobWorker::Options worker;
    worker.id = worker_id(specs, i);
    worker.life = options.run;
    worker.slots = options.slots;
    worker.tag = specs.tag();
    worker.fail = options.fail;
    worker.seed = options.seed;
    agents_[i].link = new_agent_link(i);
    agents_[i].worker = std::make_unique<JobWorker>(worker, loop.encoder, book_);
  }
  loop_.add(*this);
}

JobFleet::~JobFleet() {
  loop_.remove(*this);
  std::vector<Link*> links;
  for (Client& client : clients_)
    links.push_back(client.link.get());
  for (Agent& agent : agents_)
    links.push_back(agent.link.get());
  for (Link* link : links)
    link->close();
  auto closed = [&] {
    return std::all_of(links.begin(), links.end(), [](const Link* link) { return link->closed(); });
  };
  (void)loop_.run_until(closed, kNever);  // closing needs nobody's answer
}

std::unique_ptr<Link> JobFleet::new_client_link(uint32_t number) {
  Link::Options link = options_.client;
  link.number = number;
  LinkUser& self = *this;
  return std::make_unique<Link>(loop_, self, link);
}

std::unique_ptr<Link> JobFleet::new_agent_link(uint32_t number) {
  Link::Options link = options_.agent;
  link.number = static_cast<uint32_t>(clients_.size()) + number;
  LinkUser& self = *this;
  return std::make_unique<Link>(loop_, self, link);
}

// ---- The steps of a run -----------------------------------------------------------------------

Failure JobFleet::enroll(const std::atomic<bool>& stop) {
  for (Client& client : clients_)
    client.link->connect();
  for (Agent& agent : agents_)
    agent.link->connect();
  auto done = [&] {
    return problem() || stop.load(std::memory_order_relaxed) || all_attached();
  };
  bool in_time = loop_.run_until(done, LinkLoop::now() + kEnrollPatience);
  phase_ = Phase::Idle;
  if (Failure failure = problem()) return failure;
  if (in_time) return {};
  return {
      kExitFailed,
      "the server at " + options_.client.server_text +
          " did not attach the workers within 60 s; does it run jobs (`--store`)?"};
}

Failure JobFleet::drive(const ArrivalPlan& plan, const std::atomic<bool>& stop) {
  arrivals_ = Arrivals(plan);
  done_at_ = plan.start;
  phase_ = Phase::Driving;
  auto done = [&] {
    return problem() || stop.load(std::memory_order_relaxed) || all_done();
  };
  bool moving = run_while_moving(done, kPatience);
  if (moving && !problem() && !all_done()) {  // stopped
    arrivals_.stop();
    moving = run_while_moving([&] { return problem() || all_done(); }, kStopPatience);
  }
  phase_ = Phase::Idle;
  if (!moving) {
    book_.tally().fail(
        std::to_string(book_.in_flight()) + " jobs did not complete: nothing moved any more");
  }
  return problem();
}

Failure JobFleet::dismiss() {
  phase_ = Phase::Dismissing;
  for (Agent& agent : agents_) {
    if (!agent.link->welcomed() || agent.link->closed()) continue;
    agent.worker->dismiss(agent.link->out());
    agent.link->flush();
  }
  auto done = [this] {
    return std::all_of(agents_.begin(), agents_.end(), [](const Agent& agent) {
      return agent.link->closed() || !agent.link->welcomed() || agent.worker->forgotten();
    });
  };
  if (loop_.run_until(done, LinkLoop::now() + kStopPatience)) return {};
  return {
      kExitFailed, "the server did not forget all workers of this run; `berth worker forget` does"};
}

bool JobFleet::run_while_moving(const std::function<bool()>& done, core::Duration patience) {
  moved_at_ = LinkLoop::now();
  bool still = false;
  auto over = [&] {
    still = LinkLoop::now() - moved_at_ > patience;
    return still || done();
  };
  (void)loop_.run_until(over, kNever);
  return !still;
}

bool JobFleet::all_attached() const {
  bool greeted = std::all_of(clients_.begin(), clients_.end(), [](const Client& client) {
    return client.link->welcomed();
  });
  return greeted && std::all_of(agents_.begin(), agents_.end(), [](const Agent& agent) {
           return agent.worker->attached();
         });
}

bool JobFleet::all_done() const {
  return book_.in_flight() == 0 && arrivals_.finished(LinkLoop::now());
}

Failure JobFleet::problem() const {
  if (failure_) return failure_;
  for (const Client& client : clients_) {
    if (!client.submitter->problem().empty()) return {kExitFailed, client.submitter->problem()};
  }
  for (const Agent& agent : agents_) {
    if (!agent.worker->problem().empty()) return {kExitFailed, agent.worker->problem()};
  }
  return {};
}

// ---- Within a turn ----------------------------------------------------------------------------

core::Instant JobFleet::on_turn(core::Instant now) {
  if (failure_ && phase_ != Phase::Dismissing) return kNever;
  if (lost_since_.ns != 0) connect_again(now);
  if (phase_ == Phase::Driving) submit_due(now);
  for (Client& client : clients_) {
    if (client.again_at.ns != 0 || !client.link->welcomed()) continue;
    client.submitter->end_turn(now, client.link->out());
    client.link->flush();
  }
  for (Agent& agent : agents_) {
    if (agent.again_at.ns != 0 || !agent.link->welcomed() || agent.link->closed()) continue;
    if (agent.worker->attached() && now >= agent.beat_at && phase_ != Phase::Dismissing) {
      agent.worker->beat(agent.link->out());
      agent.beat_at = now + beat_every_;
    }
    if (phase_ != Phase::Dismissing) agent.worker->end_turn(now, agent.link->out());
    agent.link->flush();
  }
  // No polling for the next answer, as other loads do: a job keeps three threads of the server
  // busy, and on few cores they would wait for a generator that only looks.
  bool waits = phase_ == Phase::Driving && arrivals_.open_loop() &&
               book_.in_flight() < options_.in_flight_max;
  if (!waits) return now + kUpkeep;
  return std::max(now + kGather, std::min(now + kUpkeep, arrivals_.next_due()));
}

// All that is due now, in as few submits as `batch` allows, on the connections in turn.
void JobFleet::submit_due(core::Instant now) {
  for (size_t full = 0; full < clients_.size();) {
    Client& client = clients_[next_client_];
    next_client_ = next_client_ + 1 == clients_.size() ? 0 : next_client_ + 1;
    if (client.again_at.ns != 0 || !client.link->welcomed() || !client.submitter->has_room()) {
      ++full;
      continue;
    }
    uint64_t room = options_.in_flight_max - std::min(options_.in_flight_max, book_.in_flight());
    uint32_t most = static_cast<uint32_t>(std::min<uint64_t>(room, options_.batch));
    core::Instant since;
    uint32_t count = 0;
    for (; count < most; ++count) {
      std::optional<core::Instant> due = arrivals_.take(now);
      if (!due) break;
      if (count == 0) since = *due;  // of all of them: the one that has waited longest
    }
    if (count == 0) return;
    client.submitter->submit(since, count, client.link->out());
    full = 0;
  }
}

void JobFleet::connect_again(core::Instant now) {
  if (now - lost_since_ > kReconnectPatience) {
    failure_ = {
        kExitUnreachable,
        "the server at " + options_.client.server_text + " did not come back within a minute"};
    return;
  }
  bool lost = false;
  for (uint32_t i = 0; i < clients_.size(); ++i) {
    Client& client = clients_[i];
    if (client.again_at.ns == 0) continue;
    lost = true;
    if (client.again_at > now || !client.link->closed()) continue;
    client.link = new_client_link(i);
    client.again_at = {0};
    client.link->connect();
  }
  for (uint32_t i = 0; i < agents_.size(); ++i) {
    Agent& agent = agents_[i];
    if (agent.again_at.ns == 0) continue;
    lost = true;
    if (agent.again_at > now || !agent.link->closed()) continue;
    agent.link = new_agent_link(i);
    agent.again_at = {0};
    agent.link->connect();
  }
  if (!lost && all_attached()) lost_since_ = {0};
}

void JobFleet::on_welcome(Link& link, const wire::Welcome& welcome) {
  // Half of the patience of the server: one lost beat is no reason to be suspected.
  int64_t interval_ms = std::max<int64_t>(welcome.suspicious_after_ms / 2, 100);
  beat_every_ = core::Duration::milliseconds(interval_ms);
  if (is_agent(link)) {
    Agent& agent = agent_of(link);
    agent.worker->on_welcome(link.out());
    agent.beat_at = LinkLoop::now() + beat_every_;
  } else {
    clients_[link.number()].submitter->on_welcome(link.out());
  }
}

void JobFleet::on_reply(
    Link& link, core::Instant now, wire::RequestId id, const wire::Reply& reply) {
  // A beat is answered whatever becomes of the jobs.
  if (!std::holds_alternative<wire::HeartbeatReply>(reply)) moved_at_ = now;
  if (is_agent(link)) {
    uint64_t completed = book_.tally().completed;
    agent_of(link).worker->on_reply(now, id, reply, link.out());
    if (book_.tally().completed != completed) done_at_ = now;
  } else {
    clients_[link.number()].submitter->on_reply(now, id, reply);
  }
}

void JobFleet::on_lost(Link& link, const std::string& why) {
  if (phase_ == Phase::Dismissing || failure_) return;
  if (!options_.reconnect || phase_ == Phase::Enrolling) {
    failure_ = {link.welcomed() ? kExitFailed : kExitUnreachable, why};
    return;
  }
  core::Instant now = LinkLoop::now();
  if (link.welcomed()) ++reconnects_;
  if (lost_since_.ns == 0) lost_since_ = now;
  core::Instant again_at = now + kReconnectEvery;
  if (is_agent(link)) {
    agent_of(link).worker->on_down();
    agent_of(link).again_at = again_at;
  } else {
    clients_[link.number()].again_at = again_at;
  }
}

}  // namespace berth::loadgen
