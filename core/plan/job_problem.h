#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "core/plan/device_timeline.h"
#include "core/plan/job_ranges.h"
#include "core/plan/job_snapshot.h"
#include "core/plan/problem.h"

namespace berth::core {

/// A snapshot as a planning problem.
///
/// The order of the queue is kept between its ranges: whatever is gained by it, a job never waits
/// for one of a later range. A range is the jobs of one priority and one deadline, or of one
/// priority where lateness is what the objective counts: among those only age is traded.
///
/// Memory   4 bytes for each worker that is on a list of allowed ones: one list for all that ask
/// for
///          the same, and one for each job that avoids some; jobs beyond `kListsMax` of those in
///          all, or of so many kinds that workers had to be asked `kAskedMax` times one by one, are
///          left to later plans
struct JobProblem {
  static constexpr size_t kListsMax = 8'000'000;
  static constexpr size_t kAskedMax = 4'000'000;

  Problem problem;               ///< its workers are the snapshot's hosts
  std::vector<uint32_t> tasks;   ///< of each task its place in `snapshot.waiting`, ascending
  std::vector<JobRange> ranges;  ///< all tasks, in the order of the queue

  /// The first in the queue, once it is out of patience: where and when it could start the
  /// earliest. It is busy, no task.
  struct First {
    uint32_t waiting = 0;
    Assigned at;
    GpuSet gpus = 0;
  };
  std::optional<First> first;

  /// Of each host what its GPUs have without the jobs of the snapshot, in milli; empty: nobody asks
  /// for GPUs.
  std::vector<std::array<uint16_t, kGpusMax>> devices;
};

/// Of each worker what is busy there, by its place in `problem.busy`.
std::vector<std::vector<uint32_t>> busy_of_hosts(const Problem& problem);

/// What is free on a host over time, beside what is busy there.
DeviceTimeline timeline_of(
    const JobSnapshot& snapshot,
    const JobProblem& built,
    uint32_t host,
    std::span<const uint32_t> busy);

/// Left out: jobs that no host can ever run, and those beyond the limit.
JobProblem problem_of(const JobSnapshot& snapshot);

}  // namespace berth::core
