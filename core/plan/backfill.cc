#include "core/plan/backfill.h"

#include <algorithm>

#include "core/plan/timeline.h"

namespace berth::core {

namespace {

Timeline occupied(const Problem& problem) {
  Timeline timeline(problem.workers.front().capacity);
  for (const Problem::Busy& busy : problem.busy)
    timeline.take(busy.from, busy.until - busy.from, busy.demand);
  return timeline;
}

bool start(const Problem& problem, uint32_t task, Timeline& timeline) {
  const Problem::Task& one = problem.tasks[task];
  // What takes no time at all still needs its room at the moment it starts.
  const Ticks duration = std::max<Ticks>(1, one.duration);
  if (timeline.earliest(0, duration, one.demand) != 0) return false;
  timeline.take(0, duration, one.demand);
  return true;
}

}  // namespace

std::vector<uint32_t> start_in_order(const Problem& problem, std::span<const uint32_t> queue) {
  Timeline timeline = occupied(problem);
  std::vector<uint32_t> started;
  for (uint32_t task : queue) {
    if (!start(problem, task, timeline)) break;
    started.push_back(task);
  }
  return started;
}

std::vector<uint32_t> start_with_backfill(
    const Problem& problem, std::span<const uint32_t> queue, std::span<const uint32_t> candidates) {
  Timeline timeline = occupied(problem);
  std::vector<uint32_t> started;
  std::vector<char> seen(problem.tasks.size());
  for (uint32_t task : queue) {
    seen[task] = 1;
    if (start(problem, task, timeline)) {
      started.push_back(task);
      continue;
    }
    const Problem::Task& first = problem.tasks[task];
    const Ticks duration = std::max<Ticks>(1, first.duration);
    timeline.take(timeline.earliest(0, duration, first.demand), duration, first.demand);
    break;
  }
  for (uint32_t task : candidates) {
    if (seen[task] == 0 && start(problem, task, timeline)) started.push_back(task);
  }
  return started;
}

}  // namespace berth::core
