#include "loadgen/engine.h"

#include <algorithm>
#include <limits>

namespace berth::loadgen {
namespace {

constexpr core::Duration kConnectPatience = core::Duration::seconds(10);
constexpr core::Duration kEnrollPatience = core::Duration::seconds(120);
constexpr core::Duration kDrainPatience = core::Duration::seconds(10);
// So long after an answer a run polls instead of sleeping. To wake a sleeper costs the server's
// write microseconds and the answer tens of them, and whether a generator falls asleep depends on
// how its speed happens to match the server's: neither is what is to be measured.
constexpr core::Duration kAwake{100'000};  // 100 µs
constexpr core::Instant kNever{std::numeric_limits<int64_t>::max()};

}  // namespace

Engine::Engine(LinkLoop& loop, const Workload& workload, const EngineOptions& options)
    : loop_(loop),
      options_(options),
      frames_(loop.encoder, workload, options.epoch, options.place),
      lines_(options.lanes) {
  uint32_t workers = static_cast<uint32_t>(workload.workers().size());
  LinkUser& self = *this;
  for (uint32_t i = 0; i < options.lanes; ++i) {
    Line& line = lines_[i];
    uint32_t number = options.first_lane + i;
    options_.link.number = i;
    options_.lane.number = number;
    line.link = std::make_unique<Link>(loop, self, options_.link);
    line.herd = std::make_unique<Herd>(
        loop.encoder,
        workload,
        frames_.beat,
        options.epoch,
        options.own_workers ? number : workers,
        options.lanes_of_run);
    line.lane =
        std::make_unique<Lane>(options_.lane, workload, frames_, loop.encoder, *line.herd, tally_);
  }
  loop_.add(*this);
}

Engine::~Engine() {
  loop_.remove(*this);
  for (Line& line : lines_)
    line.link->close();
  auto closed = [this] {
    return std::all_of(
        lines_.begin(), lines_.end(), [](const Line& line) { return line.link->closed(); });
  };
  (void)loop_.run_until(closed, kNever);  // closing needs nobody's answer
}

core::Duration Engine::suspicious_after() const {
  return core::Duration::milliseconds(lines_.front().link->welcome().suspicious_after_ms);
}

Failure Engine::connect() {
  for (Line& line : lines_)
    line.link->connect();
  auto welcomed = [this] {
    return failure_ || std::all_of(lines_.begin(), lines_.end(), [](const Line& line) {
             return line.link->welcomed();
           });
  };
  if (!loop_.run_until(welcomed, LinkLoop::now() + kConnectPatience)) {
    return {
        kExitUnreachable,
        "no greeting from the server at " + options_.link.server_text + " within 10 s"};
  }
  return failure_;
}

Failure Engine::enroll(const std::atomic<bool>& stop) {
  phase_ = Phase::Enrolling;
  for (Line& line : lines_)
    line.herd->rewind();
  for (Line& line : lines_)
    work(line, LinkLoop::now());
  auto settled = [&] {
    return failure_ || stop.load(std::memory_order_relaxed) || herd_problem() || all_settled();
  };
  bool in_time = loop_.run_until(settled, LinkLoop::now() + kEnrollPatience);
  phase_ = Phase::Idle;
  if (failure_) return failure_;
  if (Failure problem = herd_problem()) return problem;
  if (!in_time) return {kExitFailed, "the server did not register the workers within 120 s"};
  // Half of the patience of the server: one lost beat is no reason to be suspected.
  int64_t interval_ms = std::max<int64_t>(suspicious_after().ms() / 2, 100);
  core::Instant now = LinkLoop::now();
  for (Line& line : lines_) {
    line.herd->start_keeping(now, core::Duration::milliseconds(interval_ms));
  }
  return {};
}

Failure Engine::drive(const ArrivalPlan& plan, const std::atomic<bool>& stop) {
  arrivals_ = Arrivals(plan);
  done_at_ = plan.start;
  phase_ = Phase::Driving;
  auto over = [&] {
    return failure_ || stop.load(std::memory_order_relaxed) || arrivals_.finished(LinkLoop::now());
  };
  // In an open loop, what was due before the end is owed, but not for ever.
  core::Instant last =
      plan.end.ns < kNever.ns - kDrainPatience.ns ? plan.end + kDrainPatience : kNever;
  if (!loop_.run_until(over, last)) tally_.fail("the server is too slow for this rate");
  arrivals_.stop();
  phase_ = Phase::Draining;
  for (Line& line : lines_)
    work(line, LinkLoop::now());
  auto idle = [this] {
    return failure_ || all_idle();
  };
  if (!loop_.run_until(idle, LinkLoop::now() + kDrainPatience) || failure_) {
    for (Line& line : lines_)
      line.lane->give_up();
  }
  phase_ = Phase::Idle;
  for (const Line& line : lines_) {
    if (!line.herd->problem().empty()) tally_.fail(line.herd->problem());
  }
  return failure_;
}

Failure Engine::dismiss() {
  if (!options_.own_workers) return {};
  phase_ = Phase::Dismissing;
  for (Line& line : lines_) {
    if (!line.link->closed()) line.herd->rewind();
  }
  for (Line& line : lines_)
    work(line, LinkLoop::now());
  auto settled = [this] {
    return all_settled();
  };
  bool in_time = loop_.run_until(settled, LinkLoop::now() + kEnrollPatience);
  phase_ = Phase::Idle;
  if (in_time) return {};
  return {
      kExitFailed, "the server did not forget all workers of this run; `berth worker forget` does"};
}

bool Engine::all_settled() const {
  return std::all_of(lines_.begin(), lines_.end(), [](const Line& line) {
    return line.link->closed() || line.herd->settled();
  });
}

bool Engine::all_idle() const {
  return std::all_of(
      lines_.begin(), lines_.end(), [](const Line& line) { return line.lane->idle(); });
}

Failure Engine::herd_problem() const {
  for (const Line& line : lines_) {
    if (!line.herd->problem().empty()) return {kExitFailed, line.herd->problem()};
  }
  return {};
}

// ---- Within a turn --------------------------------------------------------------------------

core::Instant Engine::on_turn(core::Instant now) {
  if (phase_ == Phase::Connecting || failure_) return kNever;
  if (phase_ == Phase::Driving) start_due(now);
  for (Line& line : lines_) {
    if (line.link->closed()) continue;
    if (phase_ != Phase::Enrolling && phase_ != Phase::Dismissing) {
      line.herd->keep(now, line.link->out());
    }
    line.lane->end_turn(now, line.link->out());
    line.link->flush();
  }
  if (phase_ == Phase::Driving && now - done_at_ < kAwake) return now;
  core::Instant upkeep = now + core::Duration::milliseconds(20);
  return phase_ == Phase::Driving && arrivals_.open_loop() ? std::min(upkeep, arrivals_.next_due())
                                                           : upkeep;
}

void Engine::start_due(core::Instant now) {
  // Round the lines that have room, until nothing is due or all are full.
  for (size_t full = 0; full < lines_.size();) {
    Line& line = lines_[next_line_];
    next_line_ = next_line_ + 1 == lines_.size() ? 0 : next_line_ + 1;
    if (!line.lane->has_room()) {
      ++full;
      continue;
    }
    std::optional<core::Instant> due = arrivals_.take(now);
    if (!due) return;
    full = 0;
    line.lane->start(*due, line.link->out());
  }
}

void Engine::work(Line& line, core::Instant now) {
  // What can still be forgotten is, also when the run has failed.
  if (line.link->closed() || (failure_ && phase_ != Phase::Dismissing)) return;
  std::vector<std::byte>& out = line.link->out();
  switch (phase_) {
    case Phase::Connecting:
    case Phase::Idle: break;
    case Phase::Enrolling: line.herd->enroll(out); break;
    case Phase::Dismissing: line.herd->dismiss(out); break;
    case Phase::Driving:
      // In a closed loop an answer makes room for the next request of the same connection; in an
      // open one it is the clock that counts.
      if (arrivals_.open_loop()) break;
      while (line.lane->has_room()) {
        std::optional<core::Instant> due = arrivals_.take(now);
        if (!due) break;
        line.lane->start(*due, out);
      }
      break;
    case Phase::Draining: line.lane->release_all(out); break;
  }
  line.lane->end_turn(now, out);
  line.link->flush();
}

void Engine::on_reply(Link& link, core::Instant now, wire::RequestId id, const wire::Reply& reply) {
  Line& line = lines_[link.number()];
  if ((id.value & Herd::kIdBit) != 0 && (id.value & Lane::kReleaseBit) == 0) {
    line.herd->on_reply(id, reply);
  } else {
    line.lane->on_reply(now, id, reply);
    if ((id.value & Lane::kReleaseBit) == 0) done_at_ = now;
  }
}

void Engine::on_turn_end(Link& link, core::Instant now) {
  work(lines_[link.number()], now);
  answered_.store(tally_.requests, std::memory_order_relaxed);
}

void Engine::on_lost(Link& link, const std::string& why) {
  if (failure_) return;
  failure_ = {link.welcomed() ? kExitFailed : kExitUnreachable, why};
}

}  // namespace berth::loadgen
