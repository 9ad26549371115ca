#include "loadgen/agents.h"

#include <algorithm>
#include <limits>

#include "loadgen/reply_text.h"

namespace berth::loadgen {
namespace {

// So many handshakes at a time, or the server's backlog overflows and the kernel retries by
// seconds.
constexpr uint32_t kConnectingMax = 256;
constexpr core::Duration kPatience = core::Duration::seconds(120);
constexpr core::Instant kNever{std::numeric_limits<int64_t>::max()};

}  // namespace

Agents::Agents(LinkLoop& loop, const Workload& workload, const Link::Options& link, uint64_t epoch)
    : loop_(loop),
      workload_(workload),
      beats_frames_(loop.encoder, workload, epoch),
      epoch_(epoch),
      rng_(workload.options().seed ^ 0xA6E7),
      agents_(workload.workers().size()) {
  Link::Options options = link;
  LinkUser& self = *this;
  for (uint32_t i = 0; i < agents_.size(); ++i) {
    options.number = i;
    options.identity = workload.workers()[i].id;
    agents_[i].link = std::make_unique<Link>(loop, self, options);
  }
  loop_.add(*this);
}

Agents::~Agents() {
  loop_.remove(*this);
  for (Agent& agent : agents_)
    agent.link->close();
  auto closed = [this] {
    return std::all_of(
        agents_.begin(), agents_.end(), [](const Agent& agent) { return agent.link->closed(); });
  };
  (void)loop_.run_until(closed, kNever);  // closing needs nobody's answer
}

void Agents::connect_some() {
  for (; connecting_ < kConnectingMax && connecting_from_ < agents_.size(); ++connecting_from_) {
    agents_[connecting_from_].link->connect();
    ++connecting_;
  }
}

Failure Agents::connect(const std::atomic<bool>& stop) {
  connect_some();
  auto done = [&] {
    return failure_ || stop.load(std::memory_order_relaxed) || registered_ == agents_.size();
  };
  if (!loop_.run_until(done, LinkLoop::now() + kPatience)) {
    return {
        kExitFailed,
        "only " + std::to_string(registered_) + " of " + std::to_string(agents_.size()) +
            " agents could register within 120 s"};
  }
  return failure_;
}

void Agents::on_welcome(Link& link, const wire::Welcome&) {
  Agent& agent = agents_[link.number()];
  FullBeatFrame frame(loop_.encoder, workload_, workload_.workers()[link.number()], epoch_);
  frame.append(wire::RequestId{1}, ++agent.sequence, link.out());
}

void Agents::stop_measuring() {
  measuring_ = false;
  // One acknowledged after the end is as good; one that never is was an error of the run.
  auto answered = [this] {
    return std::none_of(agents_.begin(), agents_.end(), [](const Agent& agent) {
      return agent.measured && !agent.link->closed();
    });
  };
  (void)loop_.run_until(answered, LinkLoop::now() + core::Duration::seconds(5));
  for (Agent& agent : agents_) {
    if (agent.measured) fail("a heartbeat was not acknowledged");
    agent.measured = false;
  }
}

Failure Agents::dismiss() {
  dismissing_ = true;
  for (uint32_t i = 0; i < agents_.size(); ++i) {
    Agent& agent = agents_[i];
    if (!agent.registered || agent.link->closed()) continue;
    wire::SetWorker forget;
    forget.worker = workload_.workers()[i].id;
    forget.action = wire::WorkerAction::Forget;
    forget.reason = "end of a load test";
    loop_.encoder.encode(wire::RequestId{2}, forget, agent.link->out());
    agent.link->flush();
    ++forgetting_;
  }
  auto done = [this] {
    return forgetting_ == 0;
  };
  if (loop_.run_until(done, LinkLoop::now() + core::Duration::seconds(30))) return {};
  return {
      kExitFailed, "the server did not forget all agents of this run; `berth worker forget` does"};
}

core::Instant Agents::on_turn(core::Instant now) {
  if (dismissing_) return kNever;
  while (!due_.empty() && due_.top().at <= now) {
    Due due = due_.top();
    due_.pop();
    beat(due);
  }
  return due_.empty() ? kNever : due_.top().at;
}

void Agents::beat(const Due& due) {
  Agent& agent = agents_[due.agent];
  if (agent.link->closed()) return;
  double stretch = 0.9 + 0.2 * rng_.unit();
  int64_t pause = static_cast<int64_t>(static_cast<double>(kInterval.ns) * stretch);
  due_.push({due.at + core::Duration{pause}, due.agent});
  if (measuring_) ++beats_;
  // Never two under way: the one that waits keeps its own, longer, time.
  if (agent.asked.ns != 0) {
    if (measuring_) fail("a heartbeat was not acknowledged before the next one was due");
    return;
  }
  agent.asked = due.at;
  agent.measured = measuring_;
  const WorkerProfile& worker = workload_.workers()[due.agent];
  beats_frames_.append(wire::RequestId{1}, worker, ++agent.sequence, agent.link->out());
  agent.link->flush();
}

void Agents::on_reply(Link& link, core::Instant now, wire::RequestId id, const wire::Reply& reply) {
  Agent& agent = agents_[link.number()];
  if (id.value == 2) {
    --forgetting_;
    return;
  }
  const auto* ack = std::get_if<wire::HeartbeatReply>(&reply);
  bool good = ack != nullptr && ack->accepted && !ack->resend_profile;
  if (!agent.registered) {
    --connecting_;
    if (!good) {
      if (!failure_) failure_ = {kExitFailed, "an agent could not register: " + describe(reply)};
      return;
    }
    agent.registered = true;
    ++registered_;
    int64_t phase = static_cast<int64_t>(rng_.below(static_cast<uint64_t>(kInterval.ns)));
    due_.push({now + core::Duration{phase}, link.number()});
    connect_some();
    return;
  }
  if (!good) fail("a heartbeat got " + describe(reply));
  if (good && agent.measured) latency_.record(now - agent.asked);
  agent.asked = {0};
  agent.measured = false;
}

void Agents::on_lost(Link& link, const std::string& why) {
  Agent& agent = agents_[link.number()];
  ++lost_;
  if (dismissing_) {
    if (agent.registered) --forgetting_;
  } else if (!agent.registered) {
    if (!failure_) failure_ = {link.welcomed() ? kExitFailed : kExitUnreachable, why};
  } else {
    fail(why);
  }
}

void Agents::fail(const std::string& what) {
  ++errors_;
  if (first_error_.empty()) first_error_ = what;
}

}  // namespace berth::loadgen
