#include "core/plan/engine/alike.h"

#include <tuple>

namespace berth::core {

namespace {

auto all_of_it(const Problem::Task& task) {
  return std::tie(
      task.demand,
      task.duration,
      task.durations,
      task.workers,
      task.release,
      task.deadline,
      task.weight,
      task.after);
}

}  // namespace

std::vector<uint32_t> earlier_twins(const Problem& problem, const std::vector<uint32_t>& order) {
  std::vector<std::vector<uint32_t>> followers(problem.tasks.size());
  for (uint32_t task : order) {
    for (uint32_t before : problem.tasks[task].after)
      followers[before].push_back(task);
  }
  std::vector<uint32_t> twins(problem.tasks.size(), kNoTwin);
  for (size_t i = 0; i < order.size(); ++i) {
    const uint32_t task = order[i];
    for (size_t j = i; j-- > 0 && twins[task] == kNoTwin;) {
      const uint32_t other = order[j];
      const bool same = followers[task] == followers[other] &&
                        all_of_it(problem.tasks[task]) == all_of_it(problem.tasks[other]);
      if (same) twins[task] = other;
    }
  }
  return twins;
}

std::vector<uint32_t> worker_kinds(const Problem& problem) {
  std::vector<uint32_t> kinds;
  for (uint32_t worker = 0; worker < problem.workers.size(); ++worker) {
    uint32_t kind = worker;
    for (uint32_t other = 0; other < worker && kind == worker; ++other) {
      bool same = problem.workers[other].capacity == problem.workers[worker].capacity;
      for (uint32_t task = 0; task < problem.tasks.size() && same; ++task)
        same = problem.duration_on(task, other) == problem.duration_on(task, worker);
      if (same) kind = other;
    }
    kinds.push_back(kind);
  }
  return kinds;
}

}  // namespace berth::core
