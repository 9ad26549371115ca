#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/plan/job_snapshot.h"

namespace berth::core {

/// Where and when one job is to start.
struct PlannedStart {
  uint64_t job = 0;
  uint64_t version = 0;
  uint32_t worker = 0;  ///< the ledger's number
  WorkerIndex row;
  uint32_t generation = 0;
  Ticks start = 0;
  Ticks duration = 0;
  GpuSet gpus = 0;         ///< the devices it is to have
  uint64_t after_job = 0;  ///< whose end makes room for it; 0: none
  wire::PlanChange change = wire::PlanChange::Added;
  uint32_t previous_worker = ~0u;
  Ticks previous_start = 0;
};

/// What the planner answers: an immutable value.
///
/// Units    costs as `terms` name them, ticks from the snapshot's `taken` on
/// Errors   `fault` is not empty when the plan breaks a rule, which is a bug: it has no starts then
struct JobPlan {
  uint64_t plan_id = 0;
  uint64_t previous_plan = 0;
  wire::PlanCause cause = wire::PlanCause::Pending;
  uint32_t workers = 0;  ///< of its snapshot, as the next two
  uint32_t running = 0;
  uint32_t pending = 0;
  std::vector<PlannedStart> starts;  ///< the earliest first
  std::string engine;
  std::string fault;
  double cost = 0;
  double greedy = 0;  ///< of the jobs in the order of the queue, each where it ends first
  double bound = 0;
  bool proved = false;  ///< the goal's part of the cost is the least there is
  std::vector<std::pair<std::string, double>> terms;  ///< which add up to `cost`
  wire::PlanDiff diff;
  uint64_t steps = 0;
  uint32_t elapsed_us = 0;  ///< filled in by whoever has a clock
  uint32_t snapshot_us = 0;
};

/// The making of one plan, cut up so that whoever has a clock decides when it is good enough.
///
/// The first in the queue, once it has waited for `patience` times its length, gets the earliest
/// place it can have and keeps it: whatever the objective, those behind it never delay it, so
/// nobody starves. The rest is arranged range by range (`JobProblem::ranges`), each around those
/// before it.
///
/// The search counts GPUs per worker; what it finds is given devices, see plan_devices.h, before
/// anything is made of it.
///
/// Shape    the same snapshot and sum of steps give the same plan
/// Threads  one owner
/// Memory   the snapshot, its problem, and the engine's
class JobPlanning {
 public:
  explicit JobPlanning(std::unique_ptr<const JobSnapshot> snapshot);
  ~JobPlanning();

  const JobSnapshot& snapshot() const;
  /// A step is some tens of nanoseconds. False: nothing better will be found.
  bool advance(uint64_t steps);
  JobPlan finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The whole of it within a number of steps.
JobPlan plan_jobs(std::unique_ptr<const JobSnapshot> snapshot, uint64_t steps);

}  // namespace berth::core
