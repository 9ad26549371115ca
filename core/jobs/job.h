#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "wire/job_messages.h"

namespace berth::core {

/// The bytes of a spec, shared by the elements of an array.
///
/// Threads  one owner: the count is a plain number
/// Memory   one allocation, 8-byte aligned
class SpecRef {
 public:
  SpecRef() = default;
  explicit SpecRef(std::span<const std::byte> bytes) {
    block_ = static_cast<Block*>(::operator new(sizeof(Block) + bytes.size()));
    block_->users = 1;
    block_->bytes = static_cast<uint32_t>(bytes.size());
    std::memcpy(data(), bytes.data(), bytes.size());
  }
  SpecRef(const SpecRef& other) : block_(other.block_) {
    if (block_ != nullptr) ++block_->users;
  }
  SpecRef(SpecRef&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  SpecRef& operator=(SpecRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SpecRef() {
    if (block_ != nullptr && --block_->users == 0) ::operator delete(block_);
  }

  std::span<const std::byte> bytes() const {
    if (block_ == nullptr) return {};
    return {data(), block_->bytes};
  }

 private:
  struct Block {
    uint32_t users;
    uint32_t bytes;
  };
  static_assert(sizeof(Block) % 8 == 0);
  std::byte* data() const { return reinterpret_cast<std::byte*>(block_ + 1); }

  Block* block_ = nullptr;
};

/// Which class of like jobs one belongs to: see DispatchQueue.
using JobClass = uint32_t;

/// Whom a job is like, so that one can learn from the other: see Experience.
struct Likeness {
  uint64_t program = 0;    ///< key of the same user's same program
  uint32_t relatives = 0;  ///< of the same user, the same queue or about the same size
};

/// A worker as the ledger knows it: see WorkerBook.
using WorkerNumber = uint32_t;
inline constexpr WorkerNumber kNoWorker = ~0u;

/// One attempt, as it is kept.
struct Attempt {
  wire::AssignmentId id;
  WorkerNumber worker = kNoWorker;
  wire::JobState state = wire::JobState::Assigned;
  int64_t assigned_at_ms = 0;
  int64_t started_at_ms = 0;
  int64_t finished_at_ms = 0;
  wire::ErrorClass error = wire::ErrorClass::None;
  int32_t exit_code = 0;
  int32_t signal = 0;
  wire::TaskUsage usage;

  struct Output {
    std::string name;
    std::string path;
    std::string sha256;
    uint64_t bytes = 0;
    bool truncated = false;
  };
  struct Details {
    std::string message;
    std::vector<Output> outputs;
  };
  std::unique_ptr<Details> details;  ///< most attempts have none
  bool unsaved = false;              ///< to be written with the rows of this turn
};

/// Where it ended like this its job is not sent again while others fit.
constexpr bool failed_there(const Attempt& attempt) {
  return attempt.state == wire::JobState::Failed || attempt.state == wire::JobState::Lost;
}

/// What only a job has that was assigned at least once.
struct Run {
  std::vector<Attempt> attempts;  ///< oldest first; the last one is the current
  int64_t queued_at_ms = 0;
  int64_t finished_at_ms = 0;
  uint32_t attempt_count = 0;  ///< that counted: accepted by a worker, and not checkpointed
  uint64_t reservation = 0;    ///< of the lease; 0: none is held
  std::vector<uint16_t> gpus;
  std::vector<WorkerNumber> refused_by;  ///< before it was accepted; since its last attempt
  Instant lease_ends;                    ///< while `leased`
  Instant timeout_at;                    ///< RUNNING with a timeout
  bool leased = false;    ///< the last attempt may be running: longer than the job, when it was
                          ///< aborted and its worker has not said yet that it stopped
  bool accepted = false;  ///< the last attempt, by its worker
  bool stopping = false;  ///< the worker was told to stop it; how it ends is decided
  wire::ErrorClass stop_reason = wire::ErrorClass::None;

  struct Verdict {
    wire::ErrorClass kind = wire::ErrorClass::None;
    std::string message;
  };
  /// What ended it, or sent it back, without an attempt that tells: aborted, refused.
  std::unique_ptr<Verdict> verdict;
};

inline constexpr uint8_t kNotCounted = wire::kJobStateCount;

/// One job: an element of an array is one too, from its first assignment on.
///
/// Memory   about 110 bytes and the spec while it is pending
struct Job {
  wire::JobId id;
  wire::JobId array;  ///< first element of its array; 0: none
  uint32_t array_index = 0;
  uint32_t count = 1;  ///< more than 1: the elements [id, id + count) of an array that wait
  SpecRef spec;
  wire::JobState state = wire::JobState::Pending;
  bool unsatisfiable = false;
  bool queued = false;               ///< in the dispatch queue
  bool fresh = false;                ///< no row of it has been written yet
  bool unsaved = false;              ///< its row is to be written with those of this turn
  uint8_t counted_as = kNotCounted;  ///< the state in which the census has it
  uint16_t unmet = 0;                ///< dependencies that have not completed
  int32_t priority = 0;
  JobClass like = 0;
  uint32_t timeout_ms = 0;
  uint32_t estimated_ms = 0;  ///< its client's
  int64_t deadline_at_ms = 0;
  int64_t submitted_at_ms = 0;
  Instant ready_at;  ///< PENDING with a schedule, RETRYING: not before
  Likeness likeness;
  std::unique_ptr<Run> run;
};

constexpr bool is_terminal(wire::JobState state) {
  return state == wire::JobState::Completed || state == wire::JobState::Failed ||
         state == wire::JobState::Aborted;
}

}  // namespace berth::core
