#pragma once

#include <memory>

#include "core/base/time.h"
#include "core/effects.h"
#include "core/plan/plan.h"
#include "core/tables/tables.h"

namespace berth::core {

/// The one queue: every request that waits for a place, in priority then arrival order.
///
/// It asks for a plan when something may fit, and enacts the plan by claiming what it says, task by
/// task; what has changed meanwhile stays in the queue for the next plan. A plan whose budget ended
/// early is followed by one for the rest of the queue. When the planner does not answer for a
/// second, the queue is placed greedily, a few requests a tick, and a late plan is ignored.
///
/// Threads  the ledger's thread only; it claims on the shared tables like a shard
/// Memory   `waiting_max` requests, each with a copy of its frame
/// Errors   no room in the queue and time out are answers (`Unplaced`, with the explanation)
class Ledger {
 public:
  explicit Ledger(Tables& tables);
  ~Ledger();

  void step(Now now, LedgerEvent&& event, Effects& effects);

  /// The frozen copy to plan on, when there is a reason to plan and no plan is under way; else
  /// null. Ask at the end of a turn.
  std::unique_ptr<const Snapshot> take_snapshot(Now now);

  /// The planner's answer to the last snapshot. How many requests it has found a place for.
  uint32_t on_plan(Now now, const Plan& plan, Effects& effects);

  /// Times out what has waited long enough. Call every 50 to 100 ms.
  void on_tick(Now now, Effects& effects);

  /// What fragmentation is measured against for what waits; to be fixed before the first event.
  TypicalTasks& typical_tasks();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::core
