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

StartIndex::StartIndex(const Problem& problem, Ask ask, Rank rank)
    : problem_(problem), ask_(std::move(ask)), rank_(std::move(rank)) {
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
  alike_.clear();
  // Who is ranked need not be the first of those that begin as early.
  const auto may_be_better = [&](const Bound& bound) {
    return rank_ ? bound.first < best.first : bound < best;
  };
  while (!kind.heap.empty() && may_be_better(kind.heap.front())) {
    std::pop_heap(kind.heap.begin(), kind.heap.end(), std::greater<>());
    auto& [bound, worker] = kind.heap.back();
    bound = ask_(task, worker, kind.shortest);
    const Ticks start = duration == kind.shortest ? bound : ask_(task, worker, duration);
    if (start < best.first) alike_.clear();
    if (start <= best.first) alike_.push_back(worker);
    best = std::min(best, {start, worker});
    asked_.push_back(kind.heap.back());
    kind.heap.pop_back();
  }
  if (rank_ && best.first < kNever) best = best_of_alike(task, kind, best.first);
  for (const Bound& one : asked_) {
    kind.heap.push_back(one);
    std::push_heap(kind.heap.begin(), kind.heap.end(), std::greater<>());
  }
  return {best.second, best.first};
}

/// Others may begin as early whose bounds are no later: they are at the top of the heap, each below
/// another one of them.
void StartIndex::find_alike(uint32_t task, const Kind& kind, Ticks start) {
  const Ticks duration = problem_.tasks[task].duration;
  open_.assign(1, 0);
  for (size_t i = 0; i < open_.size() && i < kAlikeMax; ++i) {
    const size_t at = open_[i];
    if (at >= kind.heap.size() || kind.heap[at].first > start) continue;
    const uint32_t worker = kind.heap[at].second;
    if (ask_(task, worker, duration) == start) alike_.push_back(worker);
    open_.push_back(2 * at + 1);
    open_.push_back(2 * at + 2);
  }
}

StartIndex::Bound StartIndex::best_of_alike(uint32_t task, const Kind& kind, Ticks start) {
  find_alike(task, kind, start);
  if (alike_.size() == 1) return {start, alike_.front()};
  std::pair<int64_t, uint32_t> best{INT64_MAX, UINT32_MAX};
  for (uint32_t worker : alike_)
    best = std::min(best, {rank_(task, worker, start), worker});
  return {start, best.second};
}

void StartIndex::clear() {
  for (Kind& kind : kinds_) {
    if (!std::exchange(kind.changed, false)) continue;
    kind.heap.assign(kind.at_first.begin(), kind.at_first.end());
  }
}

}  // namespace berth::core
