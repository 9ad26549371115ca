#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "net/client/client.h"
#include "wire/ids.h"

namespace berth::client {

/// The server's side of a watch is in place, or is not.
struct Subscribed {
  WatchId watch = 0;  ///< 0: again, after a reconnect
};

/// Sent to see whether a silent server is still there.
struct Probe {};

/// Nobody waits: a coalesced release.
struct Ignored {};

struct PingDone {
  Callback<std::chrono::nanoseconds> done;
  uint64_t sent_ns = 0;
};

/// Who gets the answer.
using Handler = std::variant<
    Ignored,
    Probe,
    Subscribed,
    PingDone,
    Callback<Placement>,
    Callback<Released>,
    Callback<HeartbeatAnswer>,
    Callback<WorkerPage>,
    Callback<Worker>,
    Callback<Done>,
    Callback<std::vector<Stat>>,
    Callback<std::vector<TagCount>>,
    Callback<ServerInfo>,
    Callback<SubmitResult>,
    Callback<JobPage>,
    Callback<JobDetails>,
    Callback<JobExplanation>,
    Callback<PlanPage>,
    Callback<PlanDetails>,
    Callback<JobsChanged>,
    Callback<JobCounts>,
    Callback<LogChunk>>;

/// May this be sent a second time when nobody knows whether the first arrived?
enum class Resend : uint8_t {
  Never,
  Harmless,
  Insist,  ///< yes, and once it was sent it waits for a server until its deadline
};

struct Pending {
  wire::RequestId id;
  uint32_t next = 0;      ///< in the wheel's bucket, or among the free
  uint32_t previous = 0;  ///< in the wheel's bucket
  uint64_t deadline_ms = 0;
  uint64_t order = 0;     ///< of asking
  bool sent = false;      ///< on the present connection
  bool was_sent = false;  ///< on any
  Resend resend = Resend::Never;
  Handler handler;
  std::vector<std::byte> frame;  ///< whole and numbered
};

/// Requests without an answer, found by their number without hashing.
///
/// Shape    slots in chunks that never move, a free list used first in first out, and a wheel of
///          deadlines. The low 20 bits of a request id are its slot, the rest count the slot's
///          uses, so that a late answer to an earlier use is told apart
/// Units    milliseconds of the loop's clock; deadlines are kept to kTickMs
/// Threads  the loop's
/// Memory   grows to `slots_max`, then refuses; a free slot keeps the memory of its frame
class PendingTable {
 public:
  static constexpr uint64_t kTickMs = 10;
  static constexpr uint32_t kSlotsMost = (1u << 20) - 1;

  explicit PendingTable(uint32_t slots_max) : slots_max_(slots_max) { buckets_.fill(kNone); }

  /// A numbered slot with an empty frame, or null when all are taken. Stays where it is until
  /// `remove`.
  Pending* add(uint64_t deadline_ms);

  /// The request of that number, or null when it was answered, timed out or never was.
  Pending* find(wire::RequestId id);

  /// Frees the slot. What it held is moved out first by whoever needs it.
  void remove(Pending& pending);

  /// The numbers of all whose deadline has passed, into `expired`.
  void collect_expired(uint64_t now_ms, std::vector<wire::RequestId>& expired);

  /// The numbers of all, in the order of asking.
  void collect_all(std::vector<wire::RequestId>& all);

  uint32_t size() const { return used_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kChunk = 512;
  static constexpr uint32_t kBuckets = 1024;  // one turn of the wheel is 10 s

  Pending& slot(uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  uint32_t& bucket_of(uint64_t deadline_ms) { return buckets_[deadline_ms / kTickMs % kBuckets]; }
  uint32_t take_slot();
  void link(uint32_t index);
  void unlink(uint32_t index);

  const uint32_t slots_max_;
  uint32_t slots_ = 0;
  uint32_t used_ = 0;
  uint32_t free_first_ = kNone;
  uint32_t free_last_ = kNone;
  uint64_t order_ = 0;
  uint64_t swept_tick_ = 0;
  std::vector<std::unique_ptr<Pending[]>> chunks_;
  std::array<uint32_t, kBuckets> buckets_{};
};

}  // namespace berth::client
