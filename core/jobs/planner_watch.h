#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "core/plan/job_snapshot.h"
#include "wire/plan_messages.h"

namespace berth::core {

/// How durable jobs are planned; set once.
struct PlanSettings {
  bool on = true;
  wire::PlanObjective objective = wire::PlanObjective::Slowdown;
  Duration budget = Duration::milliseconds(100);  ///< of one plan
  Duration period = Duration::seconds(1);         ///< between plans without another reason
  uint32_t pending = 32;                          ///< waiting jobs that are reason enough
  Duration job_min = Duration::seconds(1);        ///< shorter ones are not worth a plan
  /// The first in the queue may be passed over for so many times its length, with an objective that
  /// counts waiting at all; then it keeps its earliest start.
  uint32_t patience = 100;
  double move_price = 0.05;  ///< of a job on another worker, in jobs' mean cost
  /// Of workers with nothing free that the waiting jobs could use, in what the objective counts: a
  /// mean slowdown of so much, so many seconds, so many workers.
  double fragmentation_price = 0.01;
};

/// When a plan is asked for, and whether the planner is to be trusted.
///
/// A planner that is late, fails or is worse than greedy is left alone: for a second at first, and
/// twice as long each time in a row.
///
/// Repairs are hasty, and put off no whole plan: when one is due it is the next but one at the
/// latest, however often something breaks.
///
/// Threads  one owner
class PlannerWatch {
 public:
  static constexpr Duration kBypassMin = Duration::seconds(1);
  static constexpr Duration kBypassMax = Duration::seconds(300);

  explicit PlannerWatch(const PlanSettings& settings) : settings_(settings) {}

  /// Something happened that the last plan did not know of.
  void want(wire::PlanCause cause);
  /// Why to plan now, when so many jobs wait, each element of an array counted; null: there is no
  /// reason, or a plan is under way, or the planner is left alone.
  std::optional<wire::PlanCause> cause(Now now, size_t waiting);

  /// Asks for one for so many; the id of the plan.
  uint64_t begin(Now now, size_t waiting, wire::PlanCause cause);
  /// None of those that wait can be planned: nothing is looked at for a period, unless something
  /// new comes.
  void put_off(Now now, size_t waiting);
  bool is_quiet(Now now) const { return now.mono < quiet_until_; }
  /// Something came that can be planned.
  void wake();
  bool expects(uint64_t plan) const { return under_way_ == plan && plan != 0; }
  bool is_late(Now now) const;

  void succeeded(Now now);
  void failed(Now now, std::string_view why);

  wire::PlannerHealth health(Now now) const;
  Instant asked() const { return asked_; }

 private:
  const PlanSettings& settings_;
  uint64_t last_ = 0;
  uint64_t under_way_ = 0;   ///< 0: none
  size_t waiting_then_ = 0;  ///< at the last plan, or fewer since
  Instant asked_;
  Instant next_at_;        ///< a whole one
  bool repaired_ = false;  ///< the last one was a repair
  Instant put_off_at_;
  Instant quiet_until_;
  Instant bypassed_until_;
  uint32_t failures_ = 0;  ///< in a row
  uint64_t plans_ = 0;
  uint64_t fallbacks_ = 0;
  std::optional<wire::PlanCause> wanted_;
  std::string why_;
};

}  // namespace berth::core
