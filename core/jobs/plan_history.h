#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/jobs/job.h"
#include "core/placement/node.h"
#include "wire/plan_messages.h"

namespace berth::core {

/// One job of a plan, as it is kept.
struct PlannedRow {
  wire::JobId job;
  WorkerNumber worker = kNoWorker;
  WorkerNumber previous_worker = kNoWorker;
  int64_t start_at_ms = 0;
  int64_t previous_start_at_ms = 0;
  int64_t deadline_at_ms = 0;
  uint64_t duration_ms = 0;
  wire::JobId after_job;
  GpuSet gpus = 0;
  wire::PlannedState state = wire::PlannedState::Waiting;
  wire::PlanChange change = wire::PlanChange::Added;
};

/// One plan, as it is kept.
struct PlanRecord {
  wire::PlanRow row;  ///< without its texts, which follow
  std::string engine;
  std::string note;
  std::vector<std::pair<std::string, double>> terms;
  std::vector<PlannedRow> jobs;  ///< by planned start
};

/// The last plans, for people who ask why.
///
/// Shape    a ring of plans, each with its jobs
/// Threads  one owner
/// Memory   `kPlansMax` plans and `kJobsMax` of their jobs, the oldest go first
class PlanHistory {
 public:
  static constexpr size_t kPlansMax = 64;
  static constexpr size_t kJobsMax = 100'000;

  /// Its id is greater than that of any before. Of plans in a row that planned nothing the newest
  /// alone is kept; false: it has taken the place of such a one.
  bool add(PlanRecord&& plan);

  /// Null: it is not kept.
  PlanRecord* find(uint64_t plan);
  /// What became of a job in a plan, if both are still there.
  void mark(uint64_t plan, wire::JobId job, wire::PlannedState state);
  /// The newest plan that has this job.
  const PlanRecord* newest_with(wire::JobId job) const;

  /// Oldest first.
  const std::deque<PlanRecord>& plans() const { return plans_; }

 private:
  std::deque<PlanRecord> plans_;
  size_t jobs_ = 0;
};

}  // namespace berth::core
