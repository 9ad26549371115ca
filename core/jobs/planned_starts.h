#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/jobs/dispatch_queue.h"
#include "core/jobs/job.h"
#include "core/placement/query.h"

namespace berth::core {

/// A start that a plan has promised to a job that waits.
struct Promise {
  wire::JobId job;
  JobTurn turn;         ///< where it stands in the queue
  JobClass like = 0;    ///< what it asks for
  bool unlike = false;  ///< to be kept apart from others of its class: it avoids some workers
  uint64_t plan = 0;
  WorkerNumber worker = kNoWorker;
  WorkerIndex row;
  uint32_t generation = 0;
  Instant start;
  Duration length;
  NodeDemand demand;
  GpuSet gpus = 0;  ///< as planned; others will do
};

/// The planned starts that stand: at most one for each job.
///
/// Shape    a hash table by job; of each worker its jobs by start; of each kind its jobs by turn;
/// all
///          by start
/// Threads  one owner
/// Memory   about 300 bytes a promise
class PlannedStarts {
 public:
  /// The job has none yet.
  void add(Promise&& promise);
  const Promise* find(wire::JobId job) const;
  /// It will be looked for soon: a hint.
  void expect(wire::JobId job) const { by_job_.prefetch(job.value); }
  /// Taken out; nothing: there was none.
  std::optional<Promise> remove(wire::JobId job);
  void clear();

  /// The first in the queue of those that the start of `job` would serve as well: they want the
  /// same for as long.
  wire::JobId first_alike(wire::JobId job) const;
  /// Of the jobs [first, first + count) those that have one, ascending. O(count), or of all.
  std::vector<wire::JobId> among(wire::JobId first, uint32_t count) const;
  /// Each is given the start of the other; `job` has one.
  void exchange(wire::JobId job, wire::JobId other);

  bool empty() const { return by_job_.empty(); }
  size_t size() const { return by_job_.size(); }
  bool any_on(WorkerNumber worker) const { return by_worker_.contains(worker); }

  /// The earliest first; valid until something changes.
  std::vector<const Promise*> on(WorkerNumber worker) const;
  /// Workers that have one due by then, ascending.
  std::vector<WorkerNumber> due(Instant now) const;

 private:
  using ByStart = absl::btree_set<std::pair<Instant, uint64_t>>;

  /// Of jobs that are alike; `alone` is the job that is like no other.
  struct Kind {
    JobClass like = 0;
    int64_t length_ns = 0;
    bool has_deadline = false;
    uint64_t alone = 0;

    friend bool operator==(const Kind&, const Kind&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Kind& kind) {
      return H::combine(std::move(h), kind.like, kind.length_ns, kind.has_deadline, kind.alone);
    }
  };
  static Kind kind_of(const Promise& promise);

  absl::flat_hash_map<uint64_t, Promise> by_job_;
  absl::flat_hash_map<WorkerNumber, ByStart> by_worker_;
  absl::flat_hash_map<Kind, absl::btree_set<JobTurn>> by_kind_;
  ByStart by_start_;
};

}  // namespace berth::core
