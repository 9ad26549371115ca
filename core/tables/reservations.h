#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/tables/reservation_slab.h"
#include "core/tables/task_index.h"
#include "wire/ids.h"

namespace berth::core {

/// A task id and its hash, computed once for the several looks that a placement takes.
struct TaskKey {
  TaskKey(std::string_view task);  // NOLINT(google-explicit-constructor): it is the id, prepared
  TaskKey(const char* task) : TaskKey(std::string_view(task)) {}         // NOLINT
  TaskKey(const std::string& task) : TaskKey(std::string_view(task)) {}  // NOLINT

  std::string_view text;
  uint64_t hash;
};

/// When a reservation expires that is held until its maker gives it back. Half of all time, so that
/// adding to it does no harm.
inline constexpr Instant kNeverExpires{INT64_MAX / 2};

enum class AddStatus : uint8_t { Added, Exists, Full };

/// Every live reservation, found by id and by task.
///
/// Shape    a slab of reservations for each thread that makes them, and one index from tasks to
///          nodes that all share. An id names its slab, its node and the use of that node
/// Threads  any thread. A bucket of the index, then a slab, are locked for a few dozen
/// instructions,
///          always in that order. The capacity itself is claimed and given back on the fleet by the
///          caller, outside the locks
/// Memory   about 250 bytes a reservation, kept for reuse; `reservations_max` in all. A sixteenth
/// of
///          it may be set aside for threads that do not use it
/// Errors   Full is a refusal of the caller's request
class Reservations {
 public:
  explicit Reservations(uint32_t reservations_max, uint32_t threads = 1);
  ~Reservations();

  /// Says that `thread` will look for this task and then add it: a hint. Its part of the index
  /// comes from the core that used it last, and the memory of the reservation from wherever it is,
  /// while the caller has other things to do.
  void expect(const TaskKey& task, uint32_t thread) const {
    index_.expect(task.hash);
    makers_[thread]->slab.expect_add();
  }

  /// The task's reservation, if it has one; it may have expired and wait to be swept.
  bool find(const TaskKey& task, Reservation& found);

  /// The one of this id, if it lives. For its maker, who alone can end it: no lock is taken.
  const Reservation* of(wire::ReservationId id, uint32_t thread) const;

  /// Records a claim. On Exists, `reservation` becomes the one that is
  /// there, and the caller gives its own claim back; on Added it has its id.
  AddStatus add(const TaskKey& task, uint32_t thread, Reservation& reservation);

  /// Takes it out, so that the caller can give its capacity back; false: unknown, expired, or one
  /// that never does, which is nobody's to release by a name that they may have guessed.
  bool remove(wire::ReservationId id, uint32_t thread, Reservation& removed);
  bool remove(const TaskKey& task, uint32_t thread, Reservation& removed);
  /// For the maker of one that never expires.
  bool remove_lasting(wire::ReservationId id, uint32_t thread, Reservation& removed);

  /// The worker lists the task: holds it until `until` at least, and tells in `settled` whether
  /// this was the first time, when its slots stop being held. False: no such task on that worker.
  bool report(
      const TaskKey& task,
      WorkerIndex worker,
      uint32_t generation,
      Instant until,
      Reservation& settled,
      bool& first_time);

  /// Takes out what this thread has reserved and what expired before `now`; a few thousand at most,
  /// so that a flood that expires at once does not hold up the caller.
  void expire(Instant now, uint32_t thread, std::vector<Reservation>& expired);

  uint32_t size() const;

 private:
  struct alignas(64) Maker {
    explicit Maker(uint32_t nodes_max) : slab(nodes_max) {}

    ReservationSlab slab;
    uint32_t allowance = 0;  ///< of `reservations_max`, set aside for this thread
  };

  Maker& maker_of(NodeRef node) const;
  bool holds(NodeRef node, const TaskKey& task) const;
  Reservation& reservation(NodeRef node) const;
  bool take_allowance(Maker& maker);
  void return_allowance(Maker& maker);
  bool take(wire::ReservationId id, uint32_t thread, Instant expired_by, Reservation& removed);
  void drop(NodeRef node, uint32_t thread);
  AddStatus enter(const TaskKey& task, NodeRef node, Reservation& existing);

  uint32_t chunk_;
  std::atomic<uint32_t> unclaimed_;  ///< of `reservations_max`, set aside for no maker
  std::vector<std::unique_ptr<Maker>> makers_;
  TaskIndex index_;
};

}  // namespace berth::core
