#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/plan/problem.h"

namespace berth::core {

/// Who could begin a task the earliest, without asking every worker.
///
/// While tasks are only added, the earliest start that a worker has for a task only grows. So what
/// it was once, for the shortest task of its kind (those of one demand and allowed workers, and
/// about as long), is a bound from then on, and workers are asked in the order of their bounds
/// until the next one's is no better than the best start.
///
/// Shape    of each kind a heap of the workers that are allowed, with room
/// Memory   32 bytes for each kind and worker, `kPairsMax` at most: kinds beyond it are not covered
class StartIndex {
 public:
  static constexpr size_t kPairsMax = 2'000'000;
  /// Fewer workers are asked as fast one by one: no task is covered.
  static constexpr size_t kWorkersMin = 64;

  /// When a task could begin on a worker at the earliest, if it took so long.
  using Ask = std::function<Ticks(uint32_t task, uint32_t worker, Ticks duration)>;
  /// How well a task would go there then: the lower, the better.
  using Rank = std::function<int64_t(uint32_t task, uint32_t worker, Ticks start)>;

  /// Of workers that are asked for no other reason than to be ranked.
  static constexpr size_t kAlikeMax = 8;

  /// Asks for all of them while nothing is added yet. Without `rank` the first is the best.
  StartIndex(const Problem& problem, Ask ask, Rank rank = nullptr);

  bool covers(uint32_t task) const { return !kind_of_.empty() && kind_of_[task] != kNoKind; }

  /// The best of those that begin the earliest, as far as they were asked; kNever as the start:
  /// nobody can.
  Assigned best(uint32_t task);

  /// What was added is taken away.
  void clear();

 private:
  static constexpr uint32_t kNoKind = UINT32_MAX;
  using Bound = std::pair<Ticks, uint32_t>;  // a start, and its worker

  struct Kind {
    Ticks shortest = kNever;
    std::vector<Bound> heap;      // the earliest on top
    std::vector<Bound> at_first;  // the same, with nothing added
    bool changed = false;
  };

  void find_kinds();
  void fill(uint32_t task, Kind& kind);
  void find_alike(uint32_t task, const Kind& kind, Ticks start);
  Bound best_of_alike(uint32_t task, const Kind& kind, Ticks start);

  const Problem& problem_;
  const Ask ask_;
  const Rank rank_;
  std::vector<uint32_t> kind_of_;
  std::vector<Kind> kinds_;
  std::vector<Bound> asked_;     // in the search under way
  std::vector<uint32_t> alike_;  // those who begin as early as the best
  std::vector<size_t> open_;     // places in the heap
};

}  // namespace berth::core
