#pragma once

#include <optional>
#include <vector>

#include "core/plan/job_snapshot.h"
#include "core/plan/problem.h"

namespace berth::core {

/// A snapshot as a planning problem.
///
/// Memory   allowed workers that are not all of them cost 4 bytes a job and worker; jobs beyond
///          `kAllowedMax` of those in all are left to later plans
struct JobProblem {
  static constexpr size_t kAllowedMax = 8'000'000;

  Problem problem;              ///< its workers are the snapshot's hosts
  std::vector<uint32_t> tasks;  ///< of each task its place in `snapshot.waiting`

  /// The first in the queue: where and when it could start the earliest. It is busy, no task.
  struct First {
    uint32_t waiting = 0;
    Assigned at;
  };
  std::optional<First> first;
};

/// Left out: jobs that no host can ever run, and those beyond the limit.
JobProblem problem_of(const JobSnapshot& snapshot);

}  // namespace berth::core
