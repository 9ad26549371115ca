#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "loadgen/histogram.h"
#include "wire/job_messages.h"

namespace berth::loadgen {

/// What came of the jobs of a run.
struct JobTally {
  Histogram submit;         ///< from when a submit was due to its durable answer; of every job
  Histogram life;           ///< from when a submit was due until its job is known as completed
  uint64_t submitted = 0;   ///< jobs whose submit was answered
  uint64_t completed = 0;   ///< of these, those whose completion was answered Ok
  uint64_t retries = 0;     ///< attempts that were reported as failed
  uint64_t duplicates = 0;  ///< jobs given out, or completed, after their completion was known
  uint64_t stale = 0;       ///< leases that the server had taken back
  uint64_t busy = 0;        ///< requests that were refused for now, and made again
  uint64_t errors = 0;
  std::string first_error;

  void fail(std::string what) {
    ++errors;
    if (first_error.empty()) first_error = std::move(what);
  }
};

/// Books on every job of a run, kept from the answers alone: each has to be submitted once, and
/// completed once.
///
/// A job may be given to a worker, and even be completed, before its submit is answered: the answer
/// takes another way. It is done when both are known.
///
/// Shape    a hash table of the jobs under way, and a bit for each one that is done
/// Threads  one
/// Memory   some 50 bytes for a job under way, a third of a byte for one that is done
/// Errors   told in the tally
class JobBook {
 public:
  explicit JobBook(uint64_t in_flight_max) { lives_.reserve(2 * in_flight_max); }

  /// So many have been sent to be submitted.
  void on_sent(uint64_t count) { in_flight_ += count; }
  /// The answer to these, which were due at `since`.
  void on_submitted(core::Instant since, core::Instant now, wire::JobId first, uint32_t count);

  enum class Offer : uint8_t {
    New,    ///< a lease that was not known
    Again,  ///< the lease that the job has had last: the same assignment once more
    Wrong,  ///< the job is done, or had a later lease: an error, already counted
  };
  Offer on_assigned(wire::AssignmentId id);
  void on_failed_attempt() { ++tally_.retries; }
  void on_stale(wire::AssignmentId) { ++tally_.stale; }
  void on_completed(wire::JobId job, core::Instant now);

  /// Sent to be submitted, and not done.
  uint64_t in_flight() const { return in_flight_; }
  /// The jobs whose submit was answered, in ascending order.
  std::vector<wire::JobRange> ranges() const;

  JobTally& tally() { return tally_; }
  const JobTally& tally() const { return tally_; }

 private:
  struct Life {
    core::Instant since;
    uint64_t epoch = 0;  // of the last lease that was seen
    bool submitted = false;
    bool completed = false;
  };

  bool is_done(uint64_t job) const;
  void settle(uint64_t job, core::Duration took);
  void duplicate(wire::JobId job, const char* what);

  absl::flat_hash_map<uint64_t, Life> lives_;
  absl::flat_hash_map<uint64_t, uint64_t> done_;  // word of 64 jobs → a bit for each
  std::vector<wire::JobRange> ranges_;            // as they were answered, neighbours joined
  uint64_t in_flight_ = 0;
  JobTally tally_;
};

}  // namespace berth::loadgen
