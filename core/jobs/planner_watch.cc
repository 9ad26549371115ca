#include "core/jobs/planner_watch.h"

#include <algorithm>

namespace berth::core {

namespace {

/// Beyond its budget a planner has to read the snapshot and to begin somewhere, which for ten
/// thousand jobs on as many workers takes seconds.
constexpr Duration kGrace = Duration::seconds(4);

/// Events come in crowds; a plan for the first would be stale before it is there.
constexpr Duration kEventsApart = Duration::milliseconds(50);

/// Of several events the most pressing is the cause.
int urgency(wire::PlanCause cause) {
  return is_repair(cause) ? 2 : cause == wire::PlanCause::Deadline ? 1 : 0;
}

}  // namespace

void PlannerWatch::want(wire::PlanCause cause) {
  if (!wanted_ || urgency(cause) > urgency(*wanted_)) wanted_ = cause;
  wake();
}

std::optional<wire::PlanCause> PlannerWatch::cause(Now now, size_t waiting) {
  waiting_then_ = std::min(waiting_then_, waiting);
  if (!settings_.on || under_way_ != 0 || waiting == 0 || now.mono < bypassed_until_ ||
      is_quiet(now)) {
    return std::nullopt;
  }
  const bool repair = wanted_ && is_repair(*wanted_);
  if (now.mono >= next_at_ && (!repair || repaired_)) {
    return wanted_ && !repair ? *wanted_ : wire::PlanCause::Period;
  }
  if (now.mono < asked_ + kEventsApart) return std::nullopt;
  if (wanted_) return wanted_;
  // Those that the last plan knew of are planned again after the period.
  if (waiting >= waiting_then_ + settings_.pending) return wire::PlanCause::Pending;
  return std::nullopt;
}

uint64_t PlannerWatch::begin(Now now, size_t waiting, wire::PlanCause cause) {
  waiting_then_ = waiting;
  under_way_ = ++last_;
  asked_ = now.mono;
  repaired_ = is_repair(cause);
  if (!repaired_) next_at_ = now.mono + settings_.period;
  wanted_.reset();
  return under_way_;
}

/// Looking costs a millisecond: a queue of short jobs is not looked through again and again.
void PlannerWatch::put_off(Now now, size_t waiting) {
  waiting_then_ = waiting;
  put_off_at_ = now.mono;
  quiet_until_ = now.mono + settings_.period;
  wanted_.reset();
}

void PlannerWatch::wake() {
  quiet_until_ = std::min(quiet_until_, put_off_at_ + kEventsApart);
}

bool PlannerWatch::is_late(Now now) const {
  return under_way_ != 0 && now.mono >= asked_ + settings_.budget * 2 + kGrace;
}

void PlannerWatch::succeeded(Now now) {
  under_way_ = 0;
  failures_ = 0;
  why_.clear();
  if (!repaired_) next_at_ = std::max(next_at_, now.mono + settings_.budget);
  ++plans_;
}

void PlannerWatch::failed(Now now, std::string_view why) {
  under_way_ = 0;
  ++fallbacks_;
  const int64_t doublings = std::min<uint32_t>(failures_++, 20);
  bypassed_until_ = now.mono + std::min(kBypassMin * (int64_t{1} << doublings), kBypassMax);
  next_at_ = bypassed_until_;
  why_ = why;
}

wire::PlannerHealth PlannerWatch::health(Now now) const {
  wire::PlannerHealth health;
  health.plans = plans_;
  health.fallbacks = fallbacks_;
  health.reason = why_;
  if (!settings_.on) {
    health.state = wire::PlannerState::Off;
  } else if (now.mono < bypassed_until_) {
    health.state = wire::PlannerState::Bypassed;
    health.retry_in_ms = static_cast<uint32_t>((bypassed_until_ - now.mono).ms());
  } else {
    health.state = under_way_ != 0 ? wire::PlannerState::Working : wire::PlannerState::Idle;
  }
  return health;
}

}  // namespace berth::core
