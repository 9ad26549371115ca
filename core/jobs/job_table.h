#pragma once

#include <cstdint>
#include <memory>

#include "core/jobs/job.h"

namespace berth::core {

/// Every job that is live or kept, by id.
///
/// What waits of an array is one Job with `count` > 1 under its first id; `find` of any id in it
/// gives that one, and `take_out` makes an element a Job of its own.
///
/// Shape    a hash table of single jobs, an ordered map of arrays' rests, both over a slab;
/// addresses stay
///          valid until `drop`
/// Threads  one owner
/// Memory   see Job; `jobs` and `elements` say how many
class JobTable {
 public:
  JobTable();
  ~JobTable();

  /// Null: never given, or dropped.
  Job* find(wire::JobId id);

  /// A new one; its id and count are not taken yet.
  Job& add(wire::JobId id, uint32_t count);

  /// The element `id` of the rest `array` as its own Job (spec, priority, class, times copied); the
  /// rest shrinks, or is split in two, or is dropped when it was the last.
  Job& take_out(Job& rest, wire::JobId id);

  /// The elements of `rest` from `at` on, which is inside it, as a rest of their own.
  Job& split(Job& rest, wire::JobId at);

  void drop(wire::JobId id);

  /// The first job or rest whose range ends at `id` or later; null: none. For listing and ranges.
  Job* at_or_after(wire::JobId id);
  /// The last one that begins at `id` or earlier.
  Job* at_or_before(wire::JobId id);

  size_t records() const;     ///< Job structs
  uint64_t elements() const;  ///< jobs, each element of an array counted

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::core
