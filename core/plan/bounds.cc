#include "core/plan/bounds.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "core/plan/implied.h"
#include "core/plan/tardiness_bound.h"

namespace berth::core {

namespace {

/// How many of the largest workers it takes to hold so much.
size_t workers_for(double amount, const std::vector<double>& largest_first) {
  size_t count = 0;
  while (amount > 1e-6 && count < largest_first.size())
    amount -= largest_first[count++];
  return count;
}

/// Martello and Toth, "Lower bounds and reduction procedures for the bin packing problem", 1990:
/// tasks above `capacity - small` fill a worker alone; those above half of it need one each, and
/// what is left beside them has to take those from `small` to half.
size_t l2_bound(std::vector<Amount> sizes, Amount capacity) {
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  size_t best = 0;
  for (Amount small : sizes) {
    if (small * 2 > capacity) continue;
    size_t alone = 0;
    size_t halves = 0;
    Amount beside = 0;
    Amount between = 0;
    for (Amount size : sizes) {
      if (size > capacity - small) {
        ++alone;
      } else if (size * 2 > capacity) {
        ++halves;
        beside += capacity - size;
      } else if (size >= small) {
        between += size;
      }
    }
    const Amount over = std::max<Amount>(0, between - beside);
    const auto more = static_cast<size_t>((over + capacity - 1) / std::max<Amount>(1, capacity));
    best = std::max(best, alone + halves + more);
  }
  return best;
}

}  // namespace

double workers_bound(const Problem& problem) {
  size_t bound = problem.tasks.empty() ? 0 : 1;
  for (size_t r = 0; r < problem.resources.size(); ++r) {
    double volume = 0;
    std::vector<Amount> sizes;
    for (const Problem::Task& task : problem.tasks) {
      volume += static_cast<double>(task.demand[r]);
      sizes.push_back(task.demand[r]);
    }
    std::vector<double> capacity;
    for (const Problem::Worker& worker : problem.workers)
      capacity.push_back(static_cast<double>(worker.capacity[r]));
    std::sort(capacity.begin(), capacity.end(), std::greater<>());
    bound = std::max(bound, workers_for(volume, capacity));
    if (sizes.size() <= 2'000 && !capacity.empty()) {
      bound = std::max(bound, l2_bound(std::move(sizes), static_cast<Amount>(capacity.front())));
    }
  }
  return static_cast<double>(bound);
}

namespace {

/// Every start and end can be a multiple of it.
Ticks grain_of(const Problem& problem) {
  Ticks grain = 0;
  for (const Problem::Task& task : problem.tasks) {
    grain = std::gcd(grain, task.release);
    if (task.durations.empty()) grain = std::gcd(grain, task.duration);
    for (Ticks duration : task.durations) {
      if (duration < kNever) grain = std::gcd(grain, duration);
    }
  }
  return std::max<Ticks>(1, grain);
}

Ticks longest_chain(const Problem& problem, const std::vector<Ticks>& shortest) {
  std::vector<Ticks> ends(problem.tasks.size());
  Ticks longest = 0;
  for (uint32_t task : topological_order(problem)) {
    Ticks start = problem.tasks[task].release;
    for (uint32_t before : problem.tasks[task].after)
      start = std::max(start, ends[before]);
    ends[task] = start + shortest[task];
    longest = std::max(longest, ends[task]);
  }
  return longest;
}

/// All work of one resource, spread evenly over all that have it.
double longest_volume(const Problem& problem, const std::vector<Ticks>& shortest) {
  double longest = 0;
  for (const ImpliedResource& one : implied_resources(problem)) {
    double work = 0;
    for (uint32_t task = 0; task < shortest.size(); ++task)
      work += one.demand[task] * static_cast<double>(shortest[task]);
    const double capacity = std::accumulate(one.capacity.begin(), one.capacity.end(), 0.0);
    if (capacity > 0) longest = std::max(longest, work / capacity);
  }
  return longest;
}

double tardiness_bound(const Problem& problem, const std::vector<Ticks>& shortest) {
  std::vector<Ticks> ends(problem.tasks.size());
  std::vector<TardinessBound::Waiting> waiting;
  for (uint32_t task : topological_order(problem)) {
    const Problem::Task& one = problem.tasks[task];
    Ticks start = one.release;
    for (uint32_t before : one.after)
      start = std::max(start, ends[before]);
    ends[task] = start + shortest[task];
    waiting.push_back({task, ends[task]});
  }
  return TardinessBound(problem, shortest)(0, waiting);
}

double slowdown_bound(const Problem& problem, const std::vector<Ticks>& shortest) {
  double sum = 0;
  for (uint32_t task = 0; task < shortest.size(); ++task)
    sum += slowdown(problem.tasks[task], problem.tasks[task].release, shortest[task]);
  return sum;
}

std::vector<Ticks> all_shortest(const Problem& problem) {
  std::vector<Ticks> shortest(problem.tasks.size());
  for (uint32_t task = 0; task < shortest.size(); ++task)
    shortest[task] = problem.shortest_duration(task);
  return shortest;
}

}  // namespace

Ticks makespan_bound(const Problem& problem) {
  const std::vector<Ticks> shortest = all_shortest(problem);
  const Ticks grain = grain_of(problem);
  const double volume = longest_volume(problem, shortest);
  // The sum above has an error of some 1e-12 of itself.
  const auto rounded =
      static_cast<Ticks>(std::ceil(volume / static_cast<double>(grain) * (1 - 1e-11))) * grain;
  return std::max(longest_chain(problem, shortest), rounded);
}

double lower_bound(const Problem& problem) {
  switch (problem.goal) {
    case Goal::Makespan: return static_cast<double>(makespan_bound(problem));
    case Goal::WeightedTardiness: return tardiness_bound(problem, all_shortest(problem));
    case Goal::BoundedSlowdown: return slowdown_bound(problem, all_shortest(problem));
    case Goal::WorkersUsed:
      if (problem.busy.empty() && all_at_once(problem)) return workers_bound(problem);
      return problem.tasks.empty() ? 0 : 1;
  }
  return 0;
}

}  // namespace berth::core
