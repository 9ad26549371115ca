#include "core/plan/fragmentation.h"

#include <algorithm>
#include <map>
#include <utility>

namespace berth::core {

namespace {

constexpr double kMillionths = 1e6;

/// Beyond the most frequent kinds another one changes little, and each costs time at every start.
constexpr size_t kTypicalMax = 16;
/// Millionths times ticks of a day are far from the end of 64 bits.
constexpr Ticks kWindowMax = 86'400 * kTicksPerSecond;

/// What is left of one resource; nothing is taken unless `taken` says how much of each.
Amount left_of(std::span<const Amount> free, std::span<const Amount> taken, size_t resource) {
  return taken.empty() ? free[resource] : free[resource] - taken[resource];
}

bool fits(
    std::span<const Amount> demand, std::span<const Amount> free, std::span<const Amount> taken) {
  for (size_t r = 0; r < demand.size(); ++r) {
    if (left_of(free, taken, r) < demand[r]) return false;
  }
  return true;
}

}  // namespace

Fragmentation::Fragmentation(const Problem& problem) : problem_(problem) {
  if (problem.leftovers.typical.empty()) return;
  scale_.reserve(problem.workers.size() * problem.resources.size());
  for (const Problem::Worker& worker : problem.workers) {
    const auto has = std::count_if(
        worker.capacity.begin(), worker.capacity.end(), [](Amount amount) { return amount > 0; });
    for (const Amount amount : worker.capacity)
      scale_.push_back(amount > 0 ? 1.0 / static_cast<double>(amount * has) : 0);
  }
}

double Fragmentation::share_of(
    uint32_t worker, std::span<const Amount> free, std::span<const Amount> taken) const {
  const double* scale = scale_.data() + worker * free.size();
  double share = 0;
  for (size_t r = 0; r < free.size(); ++r)
    share += scale[r] * static_cast<double>(left_of(free, taken, r));
  return share;
}

double Fragmentation::useless_to(
    std::span<const Amount> free, std::span<const Amount> taken) const {
  double useless = 0;
  for (const Problem::Typical& typical : problem_.leftovers.typical)
    useless += fits(typical.demand, free, taken) ? 0 : typical.share;
  return useless;
}

int64_t Fragmentation::of(
    uint32_t worker, std::span<const Amount> free, std::span<const Amount> taken) const {
  const double useless = useless_to(free, taken);
  if (useless <= 0) return 0;
  return static_cast<int64_t>(kMillionths * useless * share_of(worker, free, taken) + 0.5);
}

int64_t Fragmentation::mean(uint32_t worker, const Timeline& free) const {
  const Ticks window = problem_.leftovers.window;
  int64_t sum = 0;
  for (size_t i = 0; i < free.segments() && free.begin_of(i) < window; ++i) {
    const Ticks end = i + 1 < free.segments() ? std::min(free.begin_of(i + 1), window) : window;
    sum += (end - free.begin_of(i)) * of(worker, free.free_of(i));
  }
  return sum / window;
}

int64_t Fragmentation::rank(
    uint32_t worker, std::span<const Amount> free, std::span<const Amount> demand) const {
  constexpr int64_t kFarMore = int64_t{1} << 24;  // than all of a worker
  const auto rest = static_cast<int64_t>(kMillionths * share_of(worker, free, demand));
  return (of(worker, free, demand) - of(worker, free)) * kFarMore + rest;
}

namespace {

/// Some task, or what runs already, that takes or gives back.
struct Change {
  uint32_t worker = 0;
  Ticks at = 0;
  Amount sign = 0;
  const std::vector<Amount>* demand = nullptr;
};

std::vector<Change> changes_of(const Problem& problem, const std::vector<Assigned>& tasks) {
  const Ticks window = problem.leftovers.window;
  std::vector<Change> changes;
  changes.reserve(2 * (tasks.size() + problem.busy.size()));
  const auto add = [&](uint32_t worker, Ticks from, Ticks until, const auto& demand) {
    if (from < window && from < until) changes.push_back({worker, from, -1, &demand});
    if (until < window && from < until) changes.push_back({worker, until, 1, &demand});
  };
  for (const Problem::Busy& one : problem.busy)
    add(one.worker, one.from, one.until, one.demand);
  for (uint32_t task = 0; task < tasks.size(); ++task) {
    const auto [worker, start] = tasks[task];
    add(worker, start, start + problem.duration_on(task, worker), problem.tasks[task].demand);
  }
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return std::pair(a.worker, a.at) < std::pair(b.worker, b.at);
  });
  return changes;
}

}  // namespace

int64_t fragmentation_of(const Problem& problem, const std::vector<Assigned>& tasks) {
  const Fragmentation fragmentation(problem);
  if (!fragmentation.counts()) return 0;
  const Ticks window = problem.leftovers.window;
  const std::vector<Change> changes = changes_of(problem, tasks);
  int64_t all = 0;
  auto next = changes.begin();
  std::vector<Amount> free;
  for (uint32_t worker = 0; worker < problem.workers.size(); ++worker) {
    free = problem.workers[worker].capacity;
    int64_t sum = 0;
    Ticks since = 0;
    for (; next != changes.end() && next->worker == worker; ++next) {
      if (next->at > since) sum += (next->at - since) * fragmentation.of(worker, free);
      since = next->at;
      for (size_t r = 0; r < free.size(); ++r)
        free[r] += next->sign * (*next->demand)[r];
    }
    sum += (window - since) * fragmentation.of(worker, free);
    all += sum / window;
  }
  return all;
}

double fragmentation_cost(const Problem& problem, int64_t fragmentation) {
  return problem.leftovers.price * static_cast<double>(fragmentation) / kMillionths;
}

namespace {

std::vector<Problem::Typical> typical_of(const Problem& problem) {
  std::map<std::vector<Amount>, size_t> counts;
  for (const Problem::Task& task : problem.tasks)
    ++counts[task.demand];
  std::vector<std::pair<std::vector<Amount>, size_t>> kinds(counts.begin(), counts.end());
  std::stable_sort(
      kinds.begin(), kinds.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (kinds.size() > kTypicalMax) kinds.resize(kTypicalMax);
  size_t all = 0;
  for (const auto& [demand, count] : kinds)
    all += count;
  std::vector<Problem::Typical> typical;
  for (auto& [demand, count] : kinds)
    typical.push_back({demand, static_cast<double>(count) / static_cast<double>(all)});
  return typical;
}

/// All work of one resource spread evenly, or the longest task: simpler than `makespan_bound`, and
/// good enough for how far to look.
Ticks window_of(const Problem& problem) {
  Ticks longest = 1;
  std::vector<double> work(problem.resources.size());
  for (uint32_t i = 0; i < problem.tasks.size(); ++i) {
    const Ticks length = problem.shortest_duration(i);
    longest = std::max(longest, length);
    for (size_t r = 0; r < work.size(); ++r) {
      work[r] += static_cast<double>(problem.tasks[i].demand[r]) * static_cast<double>(length);
    }
  }
  double window = static_cast<double>(longest);
  for (size_t r = 0; r < work.size(); ++r) {
    double capacity = 0;
    for (const Problem::Worker& worker : problem.workers)
      capacity += static_cast<double>(worker.capacity[r]);
    if (capacity > 0) window = std::max(window, work[r] / capacity);
  }
  return static_cast<Ticks>(std::min(window, static_cast<double>(kWindowMax)));
}

}  // namespace

Problem::Leftovers leftovers_of(const Problem& problem, double price) {
  if (problem.tasks.empty() || problem.workers.empty() || price <= 0) return {};
  const auto workers = static_cast<double>(problem.workers.size());
  return {typical_of(problem), window_of(problem), price / workers};
}

}  // namespace berth::core
