#pragma once

#include <array>
#include <cstdint>

#include "core/jobs/job_table.h"
#include "core/tables/counters.h"

namespace berth::core {

/// How many jobs wait, by what they wait for: for statistics. What a whole class waits for changes
/// with one freed worker, so it is not kept up to date but looked at, a part of the table a tick.
///
/// Units    jobs, each element of an array counted
/// Threads  one owner; what is published anyone may read, as of the last look at all of them
class HoldCensus {
 public:
  explicit HoldCensus(Gauges& shown) : shown_(shown) {}

  /// `waiting`: how many jobs are PENDING or RETRYING. `hold_of(job)` is a wire::JobHold.
  template <typename HoldOf>
  void go_on(JobTable& jobs, uint64_t waiting, HoldOf&& hold_of) {
    if (waiting == 0) return finish({});
    for (int looks = 0; looks < kLooksPerTick; ++looks) {
      const Job* job = jobs.at_or_after({next_});
      if (job == nullptr) return finish(found_);
      found_[static_cast<size_t>(hold_of(*job))] += job->count;
      next_ = job->id.value + job->count;
    }
  }

 private:
  /// A quarter of a millisecond.
  static constexpr int kLooksPerTick = 4'096;
  using Counts = std::array<uint64_t, kJobHolds>;

  void finish(const Counts& counts);

  Gauges& shown_;
  Counts found_{};
  uint64_t next_ = 1;
};

}  // namespace berth::core
