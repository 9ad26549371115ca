#pragma once

#include <string_view>

#include "core/base/arena.h"
#include "core/base/time.h"
#include "core/placement/query.h"
#include "core/tables/tables.h"
#include "wire/messages.h"

namespace berth::core {

class TypicalTasks;

/// Capacity that is held until it is released, however long that takes.
struct Held {
  WorkerIndex worker;
  uint32_t generation = 0;
  GpuSet gpus = 0;
  wire::ReservationId reservation;
  RowText text;  ///< id and address of the worker
};

/// Checks a Place request and interns its names. On false, `error` is the sentence for the Refused
/// reply, kept in `text`; it names the field, the value and the limit.
bool compile_query(
    const wire::Place& place,
    const Names& names,
    Query& query,
    Arena& text,
    std::string_view& error);

/// Decides where a task runs, and takes the capacity.
///
/// Threads  one instance for each thread; all of them share `Tables`, where a claim never waits: a
///          row that another thread is changing is passed over for the next candidate
/// Memory   scratch that is reused; strings of replies are kept in `text`
/// Errors   no place is an answer (`Unplaced` with its explanation), not an error
class Placement {
 public:
  /// `thread` picks the counters and the place where the search starts; `seed` the tie-breaks.
  Placement(Tables& tables, uint32_t thread, uint64_t seed);
  ~Placement();

  /// The key of a task that `place` will be asked about soon: what all threads share of it is on
  /// its way here while the caller compiles the query.
  TaskKey expect(std::string_view task) const;

  /// Repeats, places, or says why not: Placed, Unplaced or Refused. The name lists of `query` were
  /// made from `place` by `compile_query`; `task` is the key of its task.
  wire::Reply place(
      Now now, const wire::Place& place, const TaskKey& task, const Query& query, Arena& text);

  /// As `place`, on this worker and these devices alone, as a plan has decided. Unplaced when the
  /// worker has changed so that it no longer fits.
  wire::Reply place_at(
      Now now,
      const wire::Place& place,
      const Query& query,
      WorkerIndex worker,
      uint32_t generation,
      GpuSet gpus,
      Arena& text);

  /// Places for the ledger: without a limit of time and without an explanation. False: nobody has
  /// room, or too many reservations are held.
  bool hold(std::string_view task, const Query& query, Held& held);

  /// The same on this worker and these devices.
  bool hold_on(
      std::string_view task,
      const Query& query,
      WorkerIndex worker,
      uint32_t generation,
      GpuSet gpus,
      Held& held);

  /// Why there is no place: every worker counted at the first requirement that rules it out.
  wire::Explanation explain(Now now, const wire::Place& place, const Query& query, Arena& text);

  /// What this thread's `hold` and `hold_on` have taken, and hold still; null: nothing.
  const Holding* held_by(wire::ReservationId hold) const;

  /// Gives back what `hold` and `hold_on` have taken.
  void end_hold(wire::ReservationId hold);

  /// Gives back what the message names, of what `place` has given.
  wire::Released release(const wire::Release& release);

  /// Gives back what this thread has placed and nobody has used in time; how many.
  size_t expire(Now now);

  TypicalTasks& typical_tasks();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::core
