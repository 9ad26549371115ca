#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "core/base/time.h"
#include "core/tables/histogram.h"
#include "wire/job_messages.h"

namespace berth::core {

/// What is counted. Names, labels and help texts stand in metric_names.cc.
enum class Counter : uint8_t {
  Placements,          ///< by policy, as the next two
  PlacementsRepeated,  ///< asked again for a task that has its place
  PlacementsRefused,   ///< no place
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
  RequestsRefused,      ///< by Refusal
  ClaimsLost,           ///< a chosen row changed before it could be claimed; the next was tried
  ConnectionsAccepted,  ///< by ConnectionKind, as the next
  ConnectionsRefused,   ///< over the limit
  ConnectionsClosedBadFrame,
  ConnectionsClosedBadHello,
  ConnectionsClosedSlowHandshake,
  ConnectionsClosedSlowReader,
  ConnectionsClosedByPeer,
  BytesReceived,
  BytesSent,
  Forwarded,  ///< frames posted to another shard
  PlannerRuns,
  PlansMade,
  PlannerFallbacks,
  JobsSubmitted,  ///< each element of an array is one, here and below
  JobsCompleted,
  JobsFailed,
  JobsAborted,
  JobTransitions,  ///< by `edge_of`
  Assignments,
  AttemptsFailed,  ///< by ErrorClass
  LeasesExpired,
  LeasesUnclaimed,  ///< read back, and did not fit on their worker any more
  DeadlineMisses,
  StoreCommits,
  HttpRequests,  ///< answered, or begun to be
  HttpProblems,  ///< of these, with a status of 400 and above
  kCount
};

inline constexpr size_t kCounters = static_cast<size_t>(Counter::kCount);

/// What is measured.
enum class Measure : uint8_t {
  PlacementDecision,  ///< ns; of one decision in some dozens
  PlacementRequest,   ///< ns; of one turn in some
  PlacementWait,      ///< ns
  PlanLatency,        ///< ns
  StoreCommit,        ///< ns
  StoreSync,          ///< ns
  StoreCommitRows,
  LoopLag,      ///< ns; of each thread
  HttpRequest,  ///< ns
  kCount
};

inline constexpr size_t kMeasures = static_cast<size_t>(Measure::kCount);

enum class ConnectionKind : uint8_t { Wire, Http, Console };

inline constexpr size_t kConnectionKinds = 3;
inline constexpr size_t kRefusals = static_cast<size_t>(wire::Refusal::ShuttingDown) + 1;
inline constexpr size_t kErrorClasses = static_cast<size_t>(wire::ErrorClass::Aborted) + 1;
inline constexpr size_t kJobHolds = static_cast<size_t>(wire::JobHold::Backoff) + 1;

/// From which state to which; for Counter::JobTransitions.
constexpr size_t edge_of(wire::JobState from, wire::JobState to) {
  return static_cast<size_t>(from) * wire::kJobStateCount + static_cast<size_t>(to);
}

/// A counter with labels has a number for each of so many kinds.
constexpr size_t kinds_of(Counter counter) {
  switch (counter) {
    case Counter::Placements:
    case Counter::PlacementsRepeated:
    case Counter::PlacementsRefused: return wire::kPolicyCount;
    case Counter::RequestsRefused: return kRefusals;
    case Counter::ConnectionsAccepted:
    case Counter::ConnectionsRefused: return kConnectionKinds;
    case Counter::JobTransitions: return wire::kJobStateCount * wire::kJobStateCount;
    case Counter::AttemptsFailed: return kErrorClasses;
    default: return 1;
  }
}

/// Where the numbers of a counter begin; of kCount: how many there are.
constexpr size_t first_number_of(Counter counter) {
  size_t first = 0;
  for (size_t i = 0; i < static_cast<size_t>(counter); ++i)
    first += kinds_of(static_cast<Counter>(i));
  return first;
}

/// Counters of one thread, on cache lines of their own.
///
/// Threads  one writer; anyone may read, each number is whole but they are not one instant
class alignas(64) ThreadCounters {
 public:
  void add(Counter counter, uint64_t n = 1) { bump(first_[static_cast<size_t>(counter)], n); }
  /// Of a counter that has kinds; a kind that nobody knows counts as the last.
  template <typename Kind>
  void add_kind(Counter counter, Kind kind, uint64_t n = 1) {
    const size_t at = std::min(static_cast<size_t>(kind), kinds_of(counter) - 1);
    bump(first_[static_cast<size_t>(counter)] + at, n);
  }
  void measure(Measure what, uint64_t value, uint64_t times = 1) {
    measures_[static_cast<size_t>(what)].add(value, times);
  }
  void measure(Measure what, Duration took, uint64_t times = 1) {
    measure(what, static_cast<uint64_t>(std::max<int64_t>(took.ns, 0)), times);
  }

  uint64_t get(Counter counter) const {
    uint64_t sum = 0;
    for (size_t kind = 0; kind < kinds_of(counter); ++kind)
      sum += get(counter, kind);
    return sum;
  }
  uint64_t get(Counter counter, size_t kind) const {
    return numbers_[first_[static_cast<size_t>(counter)] + kind].load(std::memory_order_relaxed);
  }
  const Histogram& measured(Measure what) const { return measures_[static_cast<size_t>(what)]; }

  /// What waits in this thread's mailbox; null: there is no such thread. Set before threads start.
  const std::atomic<size_t>* mailbox_bytes = nullptr;

 private:
  static constexpr std::array<uint16_t, kCounters> first_ = [] {
    std::array<uint16_t, kCounters> first{};
    for (size_t i = 0; i < kCounters; ++i)
      first[i] = static_cast<uint16_t>(first_number_of(static_cast<Counter>(i)));
    return first;
  }();

  void bump(size_t at, uint64_t n) {
    // One writer: a plain load and store, not a locked instruction.
    numbers_[at].store(numbers_[at].load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  std::array<std::atomic<uint64_t>, first_number_of(Counter::kCount)> numbers_{};
  std::array<Histogram, kMeasures> measures_;
};

/// What only the loops know; stored by them, last write wins.
struct Gauges {
  std::atomic<uint64_t> resident_bytes{0};
  std::atomic<uint64_t> cpu_us{0};  ///< user and system, of the process
  std::array<std::atomic<int64_t>, kConnectionKinds> connections{};
  std::atomic<int64_t> event_streams{0};  ///< server-sent events, open
  std::atomic<int64_t> start_wall_ms{0};
  std::array<std::atomic<uint64_t>, wire::kJobStateCount> jobs{};  ///< live and kept, by state
  std::array<std::atomic<uint64_t>, kJobHolds> holds{};  ///< live jobs, by what they wait for
  std::atomic<int64_t> oldest_pending_ms{0};  ///< when it was submitted, wall time; 0: none
  std::atomic<int64_t> oldest_waiting_ns{0};  ///< when that request came, monotonic; 0: none

  std::atomic<int64_t>& open(ConnectionKind kind) { return connections[static_cast<size_t>(kind)]; }
};

/// The threads that count beside the shards, in this order after them.
enum class OtherThread : uint8_t { Gateway, Ledger, Planner, Store };

inline constexpr uint32_t kOtherThreads = 4;
inline constexpr uint32_t kThreadsMax = 64 + kOtherThreads;

struct Counters {
  explicit Counters(uint16_t shards_) : shards(shards_), threads(shards_ + kOtherThreads) {}

  const uint16_t shards;
  std::vector<ThreadCounters> threads;
  Gauges gauges;

  ThreadCounters& of(uint32_t thread) { return threads[thread]; }
  ThreadCounters& of(OtherThread thread) { return threads[shards + static_cast<size_t>(thread)]; }
  uint64_t total(Counter counter) const {
    uint64_t sum = 0;
    for (const ThreadCounters& thread : threads)
      sum += thread.get(counter);
    return sum;
  }
  uint64_t total(Counter counter, size_t kind) const {
    uint64_t sum = 0;
    for (const ThreadCounters& thread : threads)
      sum += thread.get(counter, kind);
    return sum;
  }
  HistogramSum total(Measure what) const {
    HistogramSum sum;
    for (const ThreadCounters& thread : threads)
      thread.measured(what).add_to(sum);
    return sum;
  }
};

}  // namespace berth::core
