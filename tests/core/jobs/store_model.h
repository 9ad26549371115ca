#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/jobs/records.h"

namespace berth::core {

/// A store as its contract says it: batches go in, and what they left comes out again.
class StoreModel {
 public:
  void commit(const StoreBatch& batch);

  /// Tells everything to `reader`, as a store does at the start of a server.
  void load(StoreReader& reader);

  struct JobRow {
    JobRecord record;
    std::vector<std::byte> spec;
    std::string worker;
    std::string message;
    std::vector<uint16_t> gpus;
  };
  struct AttemptRow {
    AttemptRecord record;
    std::string worker;
    std::string message;
  };

  const std::map<uint64_t, JobRow>& jobs() const { return jobs_; }
  const std::map<std::pair<uint64_t, uint64_t>, AttemptRow>& attempts() const { return attempts_; }
  size_t events() const { return events_.size(); }
  /// As if a version that did not keep them had written it.
  void forget_digests();
  const std::map<uint32_t, ExperienceRecord>& experience() const { return experience_; }

 private:
  struct EventRow {
    wire::JobEvent event;
    std::string worker;
    std::string reason;
  };
  struct SubmitRow {
    int64_t at_ms;
    std::vector<wire::JobRange> jobs;
    uint64_t digest;
  };
  struct WorkerRow {
    WorkerRecord record;
  };

  void put(JobRow& row, const JobProgress& progress);

  uint64_t starts_ = 0;
  uint64_t sequence_ = 0;
  std::map<uint64_t, JobRow> jobs_;
  std::map<uint64_t, std::vector<std::byte>> array_specs_;
  std::map<std::pair<uint64_t, uint64_t>, AttemptRow> attempts_;
  std::map<std::string, SubmitRow> submits_;
  std::map<std::string, WorkerRow> workers_;
  std::vector<EventRow> events_;
  std::map<uint32_t, ExperienceRecord> experience_;
};

}  // namespace berth::core
