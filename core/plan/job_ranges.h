#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/placement/node.h"
#include "core/plan/problem.h"

namespace berth::core {

/// What a job's turn goes by before its age: higher priority first, then the earliest deadline.
struct QueuePlace {
  int32_t priority = 0;
  Ticks deadline = kNever;

  friend bool operator==(const QueuePlace&, const QueuePlace&) = default;
  friend bool operator<(const QueuePlace& a, const QueuePlace& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.deadline < b.deadline;
  }
};

/// Whether a plan may trade the age of these two. Where lateness is what it counts, it may trade
/// deadlines, too; nobody ever waits for a lower priority.
bool one_range(const QueuePlace& a, const QueuePlace& b, Goal goal);

/// Jobs of a problem, neighbours in the queue.
struct JobRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool search = false;  ///< false: each in turn where it ends first; there is nothing to gain
};

/// Of two tasks, neighbours or not.
using TaskRelation = std::function<bool(uint32_t, uint32_t)>;

/// The tasks 0 to `tasks`, which stand in the order of the queue, in ranges; `alike` ones may start
/// in any order, it comes to the same.
std::vector<JobRange> ranges_of(
    uint32_t tasks, const TaskRelation& one_range, const TaskRelation& alike);

/// The problem of a range alone, around what is `decided`. Its tasks are after none of before it.
Problem part_of(
    const Problem& whole, const JobRange& jobs, const std::vector<Problem::Busy>& decided);

/// Of tasks that are alike, in the order of the queue, the earlier ones get the earlier starts;
/// with the devices of each, if `gpus` is given.
void start_in_turn(std::span<const uint32_t> alike, Schedule& schedule, std::vector<GpuSet>* gpus);

}  // namespace berth::core
