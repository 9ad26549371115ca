#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "wire/job_messages.h"

namespace berth::core {

/// What is counted. Names and help texts stand in counters.cc, one line each.
enum class Counter : uint8_t {
  Placements,  ///< berth_placements_total
  PlacementsRepeated,
  PlacementsRefused,  ///< no place
  PlacementsWaited,
  Releases,
  ReservationsExpired,
  Heartbeats,
  HeartbeatsStale,
  HeartbeatsRefused,
  WorkersRegistered,
  WorkersSuspicious,  ///< transitions
  WorkersOffline,     ///< transitions
  WorkersReplaced,
  Requests,
  RequestsRefused,
  ClaimsLost,  ///< a chosen row changed before it could be claimed; the next was tried
  ConnectionsAccepted,
  ConnectionsRefused,  ///< over the limit
  ConnectionsClosedBadFrame,
  ConnectionsClosedBadHello,
  ConnectionsClosedSlowHandshake,
  ConnectionsClosedSlowReader,
  ConnectionsClosedByPeer,
  BytesReceived,
  BytesSent,
  Forwarded,  ///< frames posted to another shard
  PlansMade,
  JobsSubmitted,  ///< each element of an array is one, here and below
  JobsCompleted,
  JobsFailed,
  JobsAborted,
  LeasesUnclaimed,  ///< read back, and did not fit on their worker any more
  HttpRequests,     ///< answered, or begun to be
  HttpProblems,     ///< of these, with a status of 400 and above
  kCount
};

/// Counters of one thread, on cache lines of their own.
///
/// Threads  one writer; anyone may read, each number is whole but they are not one instant
class alignas(64) ThreadCounters {
 public:
  void add(Counter counter, uint64_t n = 1) {
    std::atomic<uint64_t>& value = values_[static_cast<size_t>(counter)];
    // One writer: a plain load and store, not a locked instruction.
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t get(Counter counter) const {
    return values_[static_cast<size_t>(counter)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<uint64_t>, static_cast<size_t>(Counter::kCount)> values_{};
};

/// What only the loops know; stored by them, last write wins.
struct Gauges {
  std::atomic<uint64_t> resident_bytes{0};
  std::atomic<uint64_t> cpu_us{0};  ///< user and system, of the process
  std::atomic<int64_t> connections{0};
  std::atomic<int64_t> start_wall_ms{0};
  std::array<std::atomic<uint64_t>, wire::kJobStateCount> jobs{};  ///< live and kept, by state
  std::atomic<int64_t> oldest_pending_ms{0};  ///< when it was submitted, wall time; 0: none
  std::atomic<uint64_t> store_commits{0};
  std::atomic<uint64_t> store_commit_us{0};  ///< all of them together, syncs included
};

inline constexpr uint32_t kThreadsMax = 66;  // 64 shards, the gateway and the ledger

struct Counters {
  std::array<ThreadCounters, kThreadsMax> threads;
  Gauges gauges;

  ThreadCounters& of(uint32_t thread) { return threads[thread]; }
  uint64_t total(Counter counter) const {
    uint64_t sum = 0;
    for (const ThreadCounters& thread : threads)
      sum += thread.get(counter);
    return sum;
  }
};

/// `berth_placements_total` and the like; never null.
const char* counter_name(Counter counter);

}  // namespace berth::core
