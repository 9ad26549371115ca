#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/plan/moments.h"
#include "wire/job_messages.h"

/// What is kept of jobs beyond the life of a process: the rows of the store, as plain structs.
///
/// Units    wall time in Unix milliseconds, 0: not yet
/// Memory   strings and spans point into the batch's `text`, or, while loading, live for the call
namespace berth::core {

/// What changes in the life of a job.
struct JobProgress {
  wire::JobState state = wire::JobState::Pending;
  uint32_t attempt_count = 0;
  int64_t queued_at_ms = 0;
  int64_t assigned_at_ms = 0;
  int64_t started_at_ms = 0;
  int64_t finished_at_ms = 0;
  int64_t ready_at_ms = 0;  ///< PENDING, RETRYING: not before, decided once with its jitter
  wire::JobError last_error;
  std::string_view worker;
  wire::AssignmentId assignment;
  int64_t expires_at_ms = 0;
  std::span<const uint16_t> gpus;
  wire::TaskUsage usage;
};

/// A job, or what is left of an array: the elements from `id` on that have not been assigned yet.
struct JobRecord {
  wire::JobId id;
  uint32_t count = 1;        ///< more than 1 for an array only
  wire::JobId array;         ///< its first element's id; 0: no array
  uint32_t array_index = 0;  ///< of `id`
  int64_t submitted_at_ms = 0;
  /// To the store: of an array, with the first record of it alone. From the store: never empty,
  /// those of an array all bring the same. 8-byte aligned.
  std::span<const std::byte> spec;
  JobProgress progress;
};

/// What is left of an array, or of a part of it, has become smaller. A part that was split off is a
/// JobRecord of its own with `count`, `array` and no spec.
struct ArrayRest {
  wire::JobId array;
  wire::JobId was;     ///< `id` of its record until now
  wire::JobId first;   ///< and from now on
  uint32_t count = 0;  ///< 0: all have records of their own; this one goes, the array's spec stays
};

struct JobChange {
  wire::JobId id;
  JobProgress progress;
};

/// One that has ended: of the one under way the job's own row tells. Written over by the same (job,
/// epoch).
struct AttemptRecord {
  wire::AssignmentId id;
  std::string_view worker;
  wire::JobState state = wire::JobState::Assigned;
  int64_t assigned_at_ms = 0;
  int64_t started_at_ms = 0;
  int64_t finished_at_ms = 0;
  wire::JobError error;
  wire::TaskUsage usage;
  std::span<const wire::OutputFile> outputs;
};

/// A submit with a request id, so that its repetition gets the same answer.
struct SubmitRecord {
  std::string_view request;
  int64_t at_ms = 0;
  std::span<const wire::JobRange> jobs;  ///< in the order of its specs
  uint64_t digest = 0;                   ///< of what was asked for; 0: not known
};

/// What the ledger remembers of a worker.
struct WorkerRecord {
  std::string_view worker;
  uint64_t nonce = 0;
  uint32_t failures = 0;  ///< in a row
  int64_t cooldown_until_ms = 0;
};

/// What a group of like jobs took: run times in seconds, peaks of memory in bytes. Written a little
/// at a time; what a crash forgets of it is learned again.
struct ExperienceRecord {
  uint32_t slot = 0;  ///< where it is kept; a younger group may take it over
  uint64_t key = 0;   ///< of the group (`group_keys`)
  Moments run;
  Moments memory;
};

/// Whether a store may leave the event out: the job's own row says the same, and nothing was
/// promised by it. Watchers are told of such events as long as the server lives.
constexpr bool is_in_passing(const wire::JobEvent& event) {
  return event.state == wire::JobState::Assigned || event.state == wire::JobState::Running;
}

/// One group: all of it becomes durable, or none.
///
/// Shape    the store applies the lists in the order in which they stand here
struct StoreBatch {
  uint64_t sequence = 0;          ///< grows by one with every batch
  std::vector<ArrayRest> arrays;  ///< first: an element may take over the id of the rest
  std::vector<JobRecord> jobs;
  std::vector<JobChange> changes;
  std::vector<AttemptRecord> attempts;
  std::vector<SubmitRecord> submits;
  std::vector<WorkerRecord> workers;
  std::vector<wire::JobEvent> events;
  std::vector<ExperienceRecord> experience;
  std::vector<wire::JobId> dropped_jobs;  ///< retention: with their attempts
  std::vector<std::string_view> dropped_submits;
  Arena text;

  bool empty() const {
    return jobs.empty() && arrays.empty() && changes.empty() && attempts.empty() &&
           submits.empty() && workers.empty() && events.empty() && experience.empty() &&
           dropped_jobs.empty() && dropped_submits.empty();
  }

  size_t rows() const {
    return jobs.size() + arrays.size() + changes.size() + attempts.size() + submits.size() +
           workers.size() + events.size() + experience.size() + dropped_jobs.size() +
           dropped_submits.size();
  }

  /// Memory that it takes, for back-pressure.
  size_t bytes() const;
};

inline size_t StoreBatch::bytes() const {
  const auto of = []<typename T>(const std::vector<T>& list) {
    return list.capacity() * sizeof(T);
  };
  return text.bytes() + of(arrays) + of(jobs) + of(changes) + of(attempts) + of(submits) +
         of(workers) + of(events) + of(experience) + of(dropped_jobs) + of(dropped_submits);
}

/// Where a server's life counts from that is the `starts`th on its store.
inline constexpr int kEpochCounterBits = 40;
constexpr uint64_t epoch_floor(uint64_t starts) {
  return starts << kEpochCounterBits;
}

/// Told, before the first event, what the store holds; every call's memory lives for the call.
class StoreReader {
 public:
  virtual ~StoreReader() = default;
  /// Epochs and the sequences of events begin after this, which no earlier life has reached.
  virtual void on_start(uint64_t floor) = 0;
  virtual void on_job(const JobRecord& job) = 0;              ///< in ascending order of id
  virtual void on_attempt(const AttemptRecord& attempt) = 0;  ///< after all jobs; of each, in order
  virtual void on_submit(const SubmitRecord& submit) = 0;
  virtual void on_worker(const WorkerRecord& worker) = 0;
  /// The youngest, in order; without those in passing.
  virtual void on_event(const wire::JobEvent& event) = 0;
  virtual void on_experience(const ExperienceRecord& record) = 0;
};

/// Where jobs become durable. The ledger sees this and nothing else of it.
///
/// Threads  the ledger's
/// Errors   a store that cannot write ends the process: no acknowledgement may follow
class Store {
 public:
  virtual ~Store() = default;

  /// Takes the batch; its owner tells the ledger `on_durable(sequence)` when it is safe. Batches
  /// become durable in order; several may be under way.
  virtual void commit(StoreBatch&& batch) = 0;
};

}  // namespace berth::core
