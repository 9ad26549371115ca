#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/cpu.h"
#include "core/base/time.h"
#include "core/base/zeroed.h"
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
/// Threads  the maker adds, frees and sweeps without a lock or a locked instruction. A node's
///          reservation is read and changed by whoever holds the bucket of the index that names it.
///          Who has taken a node out of the index owns it; other threads than the maker hand it
///          back with `hand_back`, and the maker frees it when it next looks
/// Memory   about 200 bytes a node, kept for reuse
class ReservationSlab {
 public:
  explicit ReservationSlab(uint32_t nodes_max);

  // The maker's:

  /// `add` comes soon: the node that it will fill, cold by now, is on its way here meanwhile.
  void expect_add() const {
    if (free_ == 0) return;
    const auto* node = reinterpret_cast<const std::byte*>(&at(free_ - 1));
    for (size_t line = 0; line < sizeof(Node); line += 64)
      prefetch_to_write(node + line);
  }
  uint32_t add(uint64_t hash, std::string_view task, const Reservation& reservation);
  void free(uint32_t node);
  /// Frees what others have handed back. Cheap when there is nothing.
  void collect();
  /// Appends nodes that have expired, `max` at most; they stay until they are freed.
  void expired(Instant now, size_t max, std::vector<uint32_t>& nodes);
  /// Nodes in use, those handed back and not yet collected included.
  uint32_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

  // Any thread's that owns the node or holds its bucket:

  bool holds(uint32_t node, uint64_t hash, std::string_view task) const;
  Reservation& reservation(uint32_t node) { return at(node).reservation; }
  /// Lets it live until `until` at least. The wheel learns of it when its old time comes.
  void renew(uint32_t node, Instant until);
  void hand_back(uint32_t node);

  // Any thread's:

  /// Which use of the node this is, from 1; 0 while it is free.
  uint32_t use_of(uint32_t node) const;
  uint64_t hash_of(uint32_t node) const { return at(node).hash.load(std::memory_order_relaxed); }
  uint32_t size() const { return in_use() - handed_back_count_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kBlock = 256;
  static constexpr uint32_t kTicks = 512;

  struct Node {
    std::atomic<uint64_t> hash{0};
    std::atomic<uint32_t> use{0};
    uint32_t uses = 0;
    std::atomic<int64_t> expires_ns{0};  ///< of the reservation, for the sweep
    // Links are node + 1; 0: none.
    uint32_t next_free = 0;  ///< among the free, or among those handed back
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
  bool sweep_slot(uint32_t slot, Instant now, size_t max, std::vector<uint32_t>& nodes);

  std::atomic<uint32_t> in_use_{0};
  std::atomic<uint32_t> nodes_{0};  ///< used at least once
  uint32_t free_ = 0;
  uint64_t swept_ = 0;
  Zeroed<std::atomic<Node*>> blocks_;
  std::vector<std::unique_ptr<Node[]>> owned_;
  std::array<uint32_t, kTicks> wheel_{};
  // Written by other threads, so on a line of its own.
  alignas(64) std::atomic<uint32_t> handed_back_{0};
  std::atomic<uint32_t> handed_back_count_{0};
};

}  // namespace berth::core
