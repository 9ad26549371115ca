#pragma once

#include <optional>

#include <uv.h>

#include "core/base/rng.h"
#include "core/plan/job_plan.h"
#include "core/plan/plan.h"
#include "net/loop_thread.h"

namespace berth::net {

/// The planner's thread: a snapshot comes in, its plan goes back to the ledger.
///
/// A plan of requests that wait is made at once. One of durable jobs is searched for in slices,
/// until its budget of time is used up or nothing better is to be found, so that the former never
/// wait for the latter. However long either takes, nobody waits for this thread.
///
/// Threads  its own
/// Memory   one snapshot of each kind and what the search for its plan takes
class PlannerThread final : public LoopThread {
 public:
  explicit PlannerThread(const Post& post);

 private:
  void on_start() override;
  void on_letter(Letter&& letter) override;
  void on_tick() override {}
  void on_stop() override;

  void search();

  const Post& post_;
  core::Rng rng_;
  std::optional<core::JobPlanning> planning_;
  core::Instant began_;
  uv_idle_t more_;  // runs while there is a plan to search for
};

}  // namespace berth::net
