#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/zeroed.h"
#include "core/placement/node.h"
#include "core/placement/query.h"
#include "core/settings.h"
#include "core/tables/segment.h"
#include "wire/messages.h"

namespace berth::core {

/// What a reservation took from a worker, so that exactly that can be given back.
struct Holding {
  Amounts amounts{};
  uint16_t gpu_milli = 0;
  GpuSet gpus = 0;
  uint16_t custom_count = 0;
  std::array<CustomAmount, kCustomMax> custom{};

  static Holding of(const NodeDemand& demand, GpuSet gpus);
};

enum class ClaimStatus : uint8_t {
  Claimed,
  Busy,     ///< another thread is changing the row: try the next candidate
  Changed,  ///< it does not fit, or not any more
};

struct Claim {
  WorkerIndex worker;
  uint32_t generation = 0;
  GpuSet gpus = 0;
  double load = 0;          ///< current/max slots, this claim included
  RowText* text = nullptr;  ///< the caller's, to be filled with id and address; null: not wanted
};

/// Every worker's row, in segments of 4,096 that each belong to one shard.
///
/// Shape    `workers_max` rows; a row never moves while its worker is registered
/// Threads  any thread reads any row, and claims and gives back capacity on it. A claim never
/// waits:
///          a row in the middle of a change is Busy. Giving back waits for the holder of the row,
///          who is a few dozen instructions from done. Membership, names and capacity are changed
///          by the owner alone, through its Partition
/// Memory   touched as it fills: about 450 bytes a worker with a few tags and no GPU
class Fleet {
 public:
  explicit Fleet(const Settings& settings);
  ~Fleet();

  /// The shard whose thread owns this worker: by hash of its id.
  wire::ShardId owner_of(std::string_view worker) const;

  uint32_t segment_count() const { return segment_count_.load(std::memory_order_acquire); }
  Segment& segment(uint32_t at) { return *segments_[at]; }
  const Segment& segment(uint32_t at) const { return *segments_[at]; }

  /// Registered workers, and how many of them have each status.
  uint32_t workers() const { return workers_.load(std::memory_order_relaxed); }
  uint32_t workers_with(wire::WorkerStatus status) const {
    return by_status_[static_cast<size_t>(status)].load(std::memory_order_relaxed);
  }

  /// A consistent copy of a row's capacity; false when no worker is registered there.
  bool read_node(WorkerIndex worker, NodeState& node, uint32_t& flags, uint32_t& generation) const;

  /// Whether `demand` would fit now, without the lock: a hint that a claim then verifies.
  static bool fits(const Segment& segment, uint32_t row, const NodeDemand& demand);

  /// Takes `demand` from the worker, on the devices `gpus` or, if that is null, on those that
  /// `choose_gpus` likes. `generation` 0 accepts any worker in the row.
  ClaimStatus claim(
      WorkerIndex worker,
      uint32_t generation,
      const NodeDemand& demand,
      const GpuSet* gpus,
      Claim& claim);

  /// Returns what a claim took. `slots_held`: they are still held, not reported by the worker.
  /// Nothing happens when the worker was forgotten since.
  void give_back(WorkerIndex worker, uint32_t generation, const Holding& holding, bool slots_held);

  /// The worker now counts this task among its reported ones: its slots are no longer held.
  void settle(WorkerIndex worker, uint32_t generation, const Holding& holding);

 private:
  friend class Partition;

  /// Room for more rows of `owner`; null when `workers_max` is reached. Called by owners.
  Segment* add_segment(wire::ShardId owner, uint32_t& index);

  uint16_t shards_;
  uint32_t workers_max_;
  uint32_t names_max_;
  uint32_t segments_max_;
  std::unique_ptr<Segment*[]> segments_;
  std::atomic<uint32_t> segments_taken_{0};
  std::atomic<uint32_t> segment_count_{0};
  std::atomic<uint32_t> workers_{0};
  std::atomic<uint32_t> by_status_[3]{};
};

/// Puts the row where its flags and free slots belong in the load index. Under the row's lock.
void reindex(Segment& segment, uint32_t row);

}  // namespace berth::core
