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
/// Shape    a hash table and an ordered set of single jobs, an ordered map of arrays' rests, over a
///          slab: addresses stay valid until `drop`, ids and counts of rests do not
/// Threads  one owner
/// Memory   see Job, and some 10 to 20 bytes for each; room of dropped jobs is kept for others
class JobTable {
 public:
  JobTable();
  ~JobTable();

  /// Null: never given, or dropped.
  Job* find(wire::JobId id);

  /// A new one; its id and count are not taken yet.
  Job& add(wire::JobId id, uint32_t count);

  /// The element `id` of `rest` as its own Job: state, spec, priority, class, times copied; not
  /// `queued`, no `run`. `rest` stays, as long as it is not that last element itself:
  ///   first of it   `rest` begins one later
  ///   in between    `rest` ends before it; those behind are a new one, found at `id` + 1 and not
  ///                 `queued`
  ///   its last      `rest` ends before it
  ///   the only one  returned as it is
  Job& take_out(Job& rest, wire::JobId id);

  /// The elements of `rest` from `at` on as a rest of their own, not `queued`; `at` is inside it
  /// and not its first.
  Job& split(Job& rest, wire::JobId at);

  /// The whole record that `find` gives, if there is one.
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
