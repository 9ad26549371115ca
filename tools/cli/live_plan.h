#pragma once

#include <vector>

#include "core/plan/plan_devices.h"
#include "net/client/client.h"
#include "tools/cli/live_problem.h"

namespace berth::cli {

/// Where and when each task of a live problem starts, on which devices.
struct LivePlan {
  std::vector<core::Assigned> tasks;
  std::vector<core::GpuSet> gpus;
};

struct LiveSearch {
  client::Milliseconds budget{1'000};
  uint64_t seed = 1;
  /// What was planned before: everybody stays there unless moving pays. Null: nothing was.
  const LiveProblem* before = nullptr;
  const LivePlan* was = nullptr;
};

/// By the server's rule: range by range of the queue (core/plan/job_ranges.h), each around those
/// decided before it, arranged for the least mean bounded slowdown.
LivePlan plan_live(const LiveProblem& live, const LiveSearch& search);

/// What the workers of a live problem have free over time, device by device; `problem` has its
/// workers and tasks. Both outlive it.
core::PlanDevices devices_of(const LiveProblem& live, const core::Problem& problem);

}  // namespace berth::cli
