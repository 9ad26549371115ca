#include "core/plan/engine/start_index.h"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

namespace berth::core {

namespace {

bool indexable(const Problem::Task& task) {
  return task.durations.empty() && task.duration > 0 && task.release == 0 && task.after.empty();
}

}  // namespace

StartIndex::StartIndex(const Problem& problem, Ask ask) : problem_(problem), ask_(std::move(ask)) {
  if (problem.workers.size() >= kWorkersMin) find_kinds();
}

void StartIndex::find_kinds() {
  // Bounds are those of the shortest of a kind: with a factor of two at most they say enough.
  using Key = std::tuple<std::vector<Amount>, const void*, int>;
  std::map<Key, uint32_t> numbers;
  std::vector<uint32_t> one_of;
  kind_of_.assign(problem_.tasks.size(), kNoKind);
  for (uint32_t task = 0; task < problem_.tasks.size(); ++task) {
    const Problem::Task& one = problem_.tasks[task];
    if (!indexable(one)) continue;
    const int magnitude = std::bit_width(static_cast<uint64_t>(one.duration));
    const Key key{one.demand, one.workers.identity(), magnitude};
    const auto found = numbers.find(key);
    if (found == numbers.end() && (kinds_.size() + 1) * problem_.workers.size() > kPairsMax)
      continue;
    const auto next = static_cast<uint32_t>(kinds_.size());
    const uint32_t kind = found == numbers.end() ? next : found->second;
    if (kind == next) {
      numbers.emplace(key, next);
      kinds_.emplace_back();
      one_of.push_back(task);
    }
    kind_of_[task] = kind;
    kinds_[kind].shortest = std::min(kinds_[kind].shortest, one.duration);
  }
  for (size_t kind = 0; kind < kinds_.size(); ++kind)
    fill(one_of[kind], kinds_[kind]);
}

void StartIndex::fill(uint32_t task, Kind& kind) {
  const auto add = [&](uint32_t worker) {
    if (!problem_.has_room_for(worker, task)) return;
    kind.at_first.emplace_back(ask_(task, worker, kind.shortest), worker);
  };
  const Problem::Task& one = problem_.tasks[task];
  for (uint32_t worker : one.workers.all())
    add(worker);
  for (uint32_t worker = 0; one.workers.empty() && worker < problem_.workers.size(); ++worker)
    add(worker);
  std::make_heap(kind.at_first.begin(), kind.at_first.end(), std::greater<>());
  kind.heap = kind.at_first;
}

Assigned StartIndex::best(uint32_t task) {
  Kind& kind = kinds_[kind_of_[task]];
  const Ticks duration = problem_.tasks[task].duration;
  Bound best{kNever, UINT32_MAX};
  kind.changed = true;
  asked_.clear();
  while (!kind.heap.empty() && kind.heap.front() < best) {
    std::pop_heap(kind.heap.begin(), kind.heap.end(), std::greater<>());
    auto& [bound, worker] = kind.heap.back();
    bound = ask_(task, worker, kind.shortest);
    const Ticks start = duration == kind.shortest ? bound : ask_(task, worker, duration);
    best = std::min(best, {start, worker});
    asked_.push_back(kind.heap.back());
    kind.heap.pop_back();
  }
  for (const Bound& one : asked_) {
    kind.heap.push_back(one);
    std::push_heap(kind.heap.begin(), kind.heap.end(), std::greater<>());
  }
  return {best.second, best.first};
}

void StartIndex::clear() {
  for (Kind& kind : kinds_) {
    if (!std::exchange(kind.changed, false)) continue;
    kind.heap.assign(kind.at_first.begin(), kind.at_first.end());
  }
}

}  // namespace berth::core
