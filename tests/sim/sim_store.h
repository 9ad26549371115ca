#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/jobs/records.h"
#include "tests/sim/world.h"

namespace berth::sim {

/// JobProgress with text of its own.
struct StoredProgress {
  core::JobProgress plain;
  std::string worker;
  std::string message;
  std::vector<uint16_t> gpus;

  void keep(const core::JobProgress& progress);
  core::JobProgress view() const;
};

struct StoredJob {
  uint32_t count = 1;
  uint64_t array = 0;
  uint32_t array_index = 0;
  int64_t submitted_at_ms = 0;
  std::vector<std::byte> spec;  ///< empty: that of its array
  StoredProgress progress;
};

struct StoredAttempt {
  core::AttemptRecord plain;  ///< without outputs
  std::string worker;
  std::string message;
};

struct StoredEvent {
  wire::JobEvent plain;
  std::string worker;
  std::string reason;
};

struct StoredSubmit {
  uint64_t order = 0;  ///< as they came
  int64_t at_ms = 0;
  std::vector<wire::JobRange> jobs;
  uint64_t digest = 0;
};

struct StoredWorker {
  uint64_t nonce = 0;
  uint32_t failures = 0;
  int64_t cooldown_until_ms = 0;
};

/// What lies on the disk of a server's machine: whatever became durable, and nothing else.
///
/// Applies groups as core/jobs/records.h says, and complains when one cannot be applied so.
class SimDisk {
 public:
  explicit SimDisk(World& world) : world_(world) {}

  void apply(const core::StoreBatch& group);
  /// In the documented order; counts a start.
  void load(core::StoreReader& reader);

  /// The record that holds this job; null: none does.
  const StoredJob* find(uint64_t job) const;
  std::vector<std::byte> spec_of(const StoredJob& job) const;
  const StoredAttempt* attempt(uint64_t job, uint64_t epoch) const;

  const std::map<uint64_t, StoredJob>& jobs() const { return jobs_; }
  const std::map<std::pair<uint64_t, uint64_t>, StoredAttempt>& attempts() const {
    return attempts_;
  }
  const std::map<uint64_t, StoredEvent>& events() const { return events_; }
  const std::map<std::string, StoredSubmit>& submits() const { return submits_; }
  /// Whether this lease was accepted, as far as the disk knows; it may be over.
  bool knows(wire::AssignmentId id) const;
  /// Those that were on it once.
  bool was_dropped(uint64_t job) const { return dropped_.contains(job); }

  uint64_t starts() const { return starts_; }

  bool full = false;  ///< every write fails

 private:
  void shrink(const core::ArrayRest& rest);
  void insert(const core::JobRecord& job);
  void change(const core::JobChange& change);
  void write(const core::AttemptRecord& attempt);
  void write(const wire::JobEvent& event);
  void drop(uint64_t job);
  void fail(const std::string& what) { world_.fail("the store was given nonsense: " + what); }

  World& world_;
  uint64_t starts_ = 0;
  std::map<uint64_t, StoredJob> jobs_;
  std::map<uint64_t, std::vector<std::byte>> array_specs_;
  std::map<std::pair<uint64_t, uint64_t>, StoredAttempt> attempts_;  ///< by job and epoch
  std::map<std::string, StoredSubmit> submits_;
  std::map<std::string, StoredWorker> workers_;
  std::map<uint64_t, StoredEvent> events_;
  std::map<uint32_t, core::ExperienceRecord> experience_;
  uint64_t submits_taken_ = 0;
  std::set<uint64_t> dropped_;
};

/// One life of a store: groups in, one sync after the other, "durable" out.
///
/// What is handed over while one is synced goes into the next, in whole groups. When the process is
/// killed or power is lost, what is being synced gets to the disk as a whole or not at all, and
/// what waits is forgotten.
class SimStore final : public core::Store {
 public:
  SimStore(World& world, Process& process, SimDisk& disk)
      : world_(world), process_(process), disk_(disk) {}

  void commit(core::StoreBatch&& group) override;
  void crash();

  std::function<void(uint64_t sequence)> on_durable;
  std::function<void()> on_failed;
  std::function<void(const core::StoreBatch&)> on_applied;

 private:
  void sync();
  void finish();
  void apply();

  World& world_;
  Process& process_;
  SimDisk& disk_;
  uint64_t last_sequence_ = 0;
  std::deque<core::StoreBatch> waiting_;
  std::vector<core::StoreBatch> syncing_;
};

}  // namespace berth::sim
