#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/plan/engine/start_index.h"
#include "core/plan/fragmentation.h"
#include "core/plan/problem.h"
#include "core/plan/timeline.h"

namespace berth::core {

/// An order of tasks to a schedule: the serial schedule generation scheme. Each task in turn goes
/// where and when it ends first, given those before it; of some such workers, where the problem
/// counts what is left over, to the one where that grows least.
///
/// Kolisch and Hartmann, "Heuristic algorithms for solving the resource-constrained project
/// scheduling problem", 1999; `justified` is Valls, Ballestín and Quintanilla's double
/// justification, EJOR 2005.
///
/// Shape    timelines of all workers, refilled by every call
/// Memory   those; a few words for each task
class Decoder {
 public:
  explicit Decoder(const Problem& problem);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Where a task may go: kAny for wherever it ends first.
  static constexpr uint32_t kAny = UINT32_MAX;

  /// `order` respects `after`. `where` is empty or has a worker (or kAny) for each task. False: a
  /// hard deadline was missed; `late()` says by how much.
  bool decode(std::span<const uint32_t> order, std::span<const uint32_t> where, Schedule& schedule);

  /// The order that comes of shifting every task as late as the makespan allows: decoded again, on
  /// the same workers, it is often shorter and never longer where there are no release times.
  /// Valid until the next call of anything.
  std::span<const uint32_t> justified(const Schedule& schedule);

  /// By how much hard deadlines were missed, summed.
  Ticks late() const { return late_; }
  /// Places that were tried since this was last asked.
  uint64_t take_tried();

  const std::vector<std::vector<uint32_t>>& followers() const { return followers_; }

 private:
  struct Place {
    uint32_t worker = kAny;
    Ticks start = kNever;
    Ticks end = kNever;
  };

  void clear();
  void reset(uint32_t worker);
  void take(uint32_t task, const Place& place);
  Place best_place(uint32_t task, Ticks from);
  Place best_of_alike(uint32_t task) const;
  Place place_on(uint32_t task, uint32_t worker, Ticks from);
  int64_t rank_of(uint32_t task, uint32_t worker, Ticks start) const;
  int64_t fragmentation() const;

  const Problem& problem_;
  std::vector<std::vector<uint32_t>> followers_;
  const Fragmentation fragmentation_;
  std::vector<Timeline> timelines_;
  std::vector<int64_t> at_first_;  // of each worker with no task: its fragmentation
  int64_t all_at_first_ = 0;
  std::unique_ptr<StartIndex> index_;  // refers to this
  std::vector<uint32_t> kind_of_;      // workers of one kind are alike in everything
  std::vector<uint32_t> tried_empty_;
  std::vector<Place> alike_;                    // the places that end as early as the best
  std::vector<std::vector<uint32_t>> busy_of_;  // of each worker, in `problem.busy`
  std::vector<char> used_;
  std::vector<char> changed_;
  std::vector<uint32_t> dirty_;  // workers whose timelines are not as at the beginning
  std::vector<Ticks> ends_;
  std::vector<uint32_t> rank_;  // in a topological order
  std::vector<uint32_t> by_time_;
  Ticks late_ = 0;
  uint64_t tried_ = 0;
  uint32_t empty_round_ = 0;
};

}  // namespace berth::core
