#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/tables/fleet.h"
#include "wire/ids.h"

namespace berth::core {

/// Capacity held for a task on a worker.
struct Reservation {
  wire::ReservationId id;
  WorkerIndex worker;
  uint32_t generation = 0;  ///< of the worker's row
  bool reported = false;    ///< the worker lists the task: its slots are in the worker's own count
  Holding holding;
  Instant expires;
};

/// A task id and its hash, computed once for the several looks that a placement takes.
struct TaskKey {
  TaskKey(std::string_view task);  // NOLINT(google-explicit-constructor): it is the id, prepared
  TaskKey(const char* task) : TaskKey(std::string_view(task)) {}         // NOLINT
  TaskKey(const std::string& task) : TaskKey(std::string_view(task)) {}  // NOLINT

  std::string_view text;
  uint64_t hash;
};

enum class AddStatus : uint8_t { Added, Exists, Full };

/// Every live reservation, found by id and by task.
///
/// Shape    64 stripes by hash of the task id; in each a hash table over a slab of nodes, and a
///          wheel of 512 ticks of 128 ms from which what has expired is taken
/// Threads  any thread; a stripe is guarded by a spin lock held for a few dozen instructions. The
///          capacity itself is claimed and given back on the fleet by the caller, outside the lock
/// Memory   about 200 bytes a reservation, kept for reuse; `reservations_max` in all
/// Errors   Full is a refusal of the caller's request
class Reservations {
 public:
  explicit Reservations(uint32_t reservations_max);
  ~Reservations();

  /// The task's reservation, if it has one; it may have expired and wait to be swept.
  bool find(const TaskKey& task, Reservation& found) const;

  /// Records a claim. On Exists, `reservation` becomes the one that is there, and the caller gives
  /// its own claim back; on Added it has its id.
  AddStatus add(const TaskKey& task, Reservation& reservation);

  /// Takes it out, so that the caller can give its capacity back; false: unknown or expired.
  bool remove(wire::ReservationId id, Reservation& removed);
  bool remove(const TaskKey& task, Reservation& removed);

  /// The worker lists the task: holds it until `until` at least, and tells in `settled` whether
  /// this was the first time, when its slots stop being held. False: no such task on that worker.
  bool report(
      const TaskKey& task,
      WorkerIndex worker,
      uint32_t generation,
      Instant until,
      Reservation& settled,
      bool& first_time);

  /// Takes out what expired before `now`, of every stripe s with s % sharers == part.
  void expire(Instant now, uint32_t part, uint32_t sharers, std::vector<Reservation>& expired);

  uint32_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  class Stripe;
  static constexpr uint32_t kStripes = 64;

  Stripe& stripe_of(uint64_t hash) const;

  uint32_t reservations_max_;
  std::atomic<uint32_t> size_{0};
  std::unique_ptr<Stripe[]> stripes_;
};

}  // namespace berth::core
