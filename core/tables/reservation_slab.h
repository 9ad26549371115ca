#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/base/zeroed.h"
#include "core/tables/fleet.h"
#include "core/tables/spin_lock.h"
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

/// A task id: short ones in place, long ones on the heap.
class TaskText {
 public:
  void set(std::string_view task);
  void reset() { long_.reset(); }
  std::string_view get() const { return {bytes_ > kInline ? long_.get() : inline_.data(), bytes_}; }

 private:
  static constexpr uint32_t kInline = 40;

  uint32_t bytes_ = 0;
  std::array<char, kInline> inline_;
  std::unique_ptr<char[]> long_;
};

/// The reservations that one thread has made, and the wheel from which they expire.
///
/// Shape    nodes in blocks that never move; a wheel of 512 ticks of 134 ms
/// Threads  any thread, under `lock`, which the maker takes nearly always: its lines stay in the
///          maker's cache. `use_of` and `hash_of` need no lock
/// Memory   about 200 bytes a node, kept for reuse
class ReservationSlab {
 public:
  explicit ReservationSlab(uint32_t nodes_max);

  SpinLock lock;

  // Under `lock`:

  uint32_t add(uint64_t hash, std::string_view task, const Reservation& reservation);
  void erase(uint32_t node);
  bool holds(uint32_t node, uint64_t hash, std::string_view task) const;
  Reservation& reservation(uint32_t node) { return at(node).reservation; }
  void renew(uint32_t node, Instant until);
  /// Appends nodes that have expired, `max` at most; they stay until they are erased.
  void expired(Instant now, size_t max, std::vector<uint32_t>& nodes);
  uint32_t size() const { return size_.load(std::memory_order_relaxed); }

  // Without it:

  /// Which use of the node this is, from 1; 0 while it is free.
  uint32_t use_of(uint32_t node) const;
  uint64_t hash_of(uint32_t node) const { return at(node).hash.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kBlock = 256;
  static constexpr uint32_t kTicks = 512;

  struct Node {
    std::atomic<uint64_t> hash{0};
    std::atomic<uint32_t> use{0};
    uint32_t uses = 0;
    // Links are node + 1; 0: none.
    uint32_t next_free = 0;
    uint32_t later = 0;
    uint32_t earlier = 0;
    uint32_t slot = 0;
    TaskText task;
    Reservation reservation;
  };

  Node& at(uint32_t node) const {
    return blocks_.get()[node / kBlock].load(std::memory_order_acquire)[node % kBlock];
  }
  uint32_t take_node();
  void link(uint32_t node);
  void unlink(uint32_t node);

  std::atomic<uint32_t> size_{0};
  std::atomic<uint32_t> nodes_{0};  ///< used at least once
  uint32_t nodes_max_;
  uint32_t free_ = 0;
  uint64_t swept_ = 0;
  Zeroed<std::atomic<Node*>> blocks_;
  std::vector<std::unique_ptr<Node[]>> owned_;
  std::array<uint32_t, kTicks> wheel_{};
};

}  // namespace berth::core
