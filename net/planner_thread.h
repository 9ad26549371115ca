#pragma once

#include "core/base/rng.h"
#include "core/plan/plan.h"
#include "net/loop_thread.h"

namespace berth::net {

/// The planner's thread: a snapshot comes in, its plan goes back to the ledger. It holds no state,
/// so that however long it takes, nobody waits for it.
///
/// Threads  its own
/// Memory   one snapshot and its plan
class PlannerThread final : public LoopThread {
 public:
  explicit PlannerThread(const Post& post);

 private:
  void on_letter(Letter&& letter) override;
  void on_tick() override {}

  const Post& post_;
  core::Rng rng_;
};

}  // namespace berth::net
