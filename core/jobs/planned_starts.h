#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/jobs/job.h"
#include "core/placement/query.h"

namespace berth::core {

/// A start that a plan has promised to a job that waits.
struct Promise {
  wire::JobId job;
  uint64_t plan = 0;
  WorkerNumber worker = kNoWorker;
  WorkerIndex row;
  uint32_t generation = 0;
  Instant start;
  Duration length;
  NodeDemand demand;
};

/// The planned starts that stand: at most one for each job.
///
/// Shape    a hash table by job; of each worker its jobs by start; all of them by start
/// Threads  one owner
/// Memory   about 250 bytes a promise
class PlannedStarts {
 public:
  /// The job has none yet.
  void add(Promise&& promise);
  const Promise* find(wire::JobId job) const;
  /// Taken out; nothing: there was none.
  std::optional<Promise> remove(wire::JobId job);
  void clear();

  /// It has been given a later start, or an earlier one.
  void rename(wire::JobId from, wire::JobId to);

  bool empty() const { return by_job_.empty(); }
  size_t size() const { return by_job_.size(); }
  bool any_on(WorkerNumber worker) const { return by_worker_.contains(worker); }

  /// The earliest first; valid until something changes.
  std::vector<const Promise*> on(WorkerNumber worker) const;
  /// Workers that have one due by then, ascending.
  std::vector<WorkerNumber> due(Instant now) const;

 private:
  using ByStart = absl::btree_set<std::pair<Instant, uint64_t>>;

  absl::flat_hash_map<uint64_t, Promise> by_job_;
  absl::flat_hash_map<WorkerNumber, ByStart> by_worker_;
  ByStart by_start_;
};

}  // namespace berth::core
