#include "core/plan/tardiness_bound.h"

#include <algorithm>
#include <numeric>

#include "core/plan/implied.h"

namespace berth::core {

namespace {

constexpr size_t kVolumesMax = 2;  // the scarcest say nearly all there is to say

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

TardinessBound::TardinessBound(const Problem& problem, const std::vector<Ticks>& shortest)
    : problem_(problem), waits_(problem.tasks.size()) {
  for (ImpliedResource& one : implied_resources(problem)) {
    Volume volume;
    volume.capacity = sum(one.capacity);
    if (volume.capacity <= 0) continue;
    volume.demand = std::move(one.demand);
    for (uint32_t task = 0; task < shortest.size(); ++task) {
      volume.work.push_back(volume.demand[task] * static_cast<double>(shortest[task]));
      volume.lightest_first.push_back(task);
    }
    std::stable_sort(
        volume.lightest_first.begin(), volume.lightest_first.end(), [&](uint32_t a, uint32_t b) {
          return volume.work[a] < volume.work[b];
        });
    volumes_.push_back(std::move(volume));
  }
  std::stable_sort(volumes_.begin(), volumes_.end(), [](const Volume& a, const Volume& b) {
    return sum(a.work) / a.capacity > sum(b.work) / b.capacity;
  });
  if (volumes_.size() > kVolumesMax) volumes_.resize(kVolumesMax);
}

double TardinessBound::operator()(
    Ticks now, std::span<const Waiting> waiting, std::span<const Running> running) {
  if (waiting.empty()) return 0;
  find_ends(now, waiting, running);
  const double late =
      waiting.size() <= kMatchedMax ? match(waiting) : in_order_of_deadlines(waiting);
  return late * (1 - 1e-9);  // sums of many numbers are a little wrong
}

void TardinessBound::find_ends(
    Ticks now, std::span<const Waiting> waiting, std::span<const Running> running) {
  std::fill(waits_.begin(), waits_.end(), false);
  ends_.clear();
  for (const Waiting& one : waiting) {
    waits_[one.task] = true;
    ends_.push_back(static_cast<double>(one.earliest_end));
  }
  std::sort(ends_.begin(), ends_.end());
  running_.assign(running.begin(), running.end());
  std::sort(running_.begin(), running_.end(), [](const Running& a, const Running& b) {
    return a.end < b.end;
  });
  for (const Volume& volume : volumes_)
    raise_ends(volume, now);
}

/// From `now` on, beside what runs, the lightest are done one after the other by all that is free.
void TardinessBound::raise_ends(const Volume& volume, Ticks now) {
  double rate = volume.capacity;
  for (const Running& one : running_)
    rate -= volume.demand[one.task];
  auto at = static_cast<double>(now);
  size_t ended = 0;
  size_t place = 0;
  for (const uint32_t task : volume.lightest_first) {
    if (!waits_[task]) continue;
    double left = volume.work[task];
    for (; ended < running_.size(); ++ended) {
      const auto end = static_cast<double>(running_[ended].end);
      const double room = std::max(0.0, rate * (end - at));
      if (room >= left) break;
      left -= room;
      at = std::max(at, end);
      rate += volume.demand[running_[ended].task];
    }
    if (left > 0) at += left / rate;
    ends_[place] = std::max(ends_[place], at);
    ++place;
  }
}

double TardinessBound::match(std::span<const Waiting> waiting) {
  cost_.clear();
  for (const Waiting& one : waiting) {
    const Problem::Task& task = problem_.tasks[one.task];
    for (const double end : ends_) {
      const double at = std::max(end, static_cast<double>(one.earliest_end));
      cost_.push_back(task.weight * std::max(0.0, at - static_cast<double>(task.deadline)));
    }
  }
  return cheapest_(cost_, waiting.size());
}

double TardinessBound::in_order_of_deadlines(std::span<const Waiting> waiting) {
  std::vector<double> deadlines;
  double alone = 0;
  double weight = problem_.tasks[waiting.front().task].weight;
  for (const Waiting& one : waiting) {
    const Problem::Task& task = problem_.tasks[one.task];
    deadlines.push_back(static_cast<double>(task.deadline));
    weight = std::min(weight, task.weight);
    alone += task.weight * std::max(0.0, static_cast<double>(one.earliest_end - task.deadline));
  }
  std::sort(deadlines.begin(), deadlines.end());
  double together = 0;
  for (size_t k = 0; k < deadlines.size(); ++k)
    together += weight * std::max(0.0, ends_[k] - deadlines[k]);
  return std::max(alone, together);
}

}  // namespace berth::core
