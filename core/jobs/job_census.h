#pragma once

#include <array>
#include <cstdint>

#include "core/jobs/job_table.h"
#include "core/tables/counters.h"

namespace berth::core {

/// How many jobs are in each state, and since when the oldest of them is PENDING: for statistics.
///
/// Each job remembers as what it was counted, so whoever splits a rest has nothing to tell.
///
/// Units    jobs, each element of an array counted
/// Threads  one owner; what is published anyone may read
class JobCensus {
 public:
  JobCensus(Gauges& shown, ThreadCounters& counters) : shown_(shown), counters_(counters) {}

  /// After its state may have changed. What ends is counted for good, too.
  void count(Job& job);
  /// It was read back: it is there, and nothing has happened.
  void count_restored(Job& job);
  /// Before it is dropped.
  void forget(const Job& job);

  uint64_t in(wire::JobState state) const { return by_state_[static_cast<size_t>(state)]; }

  /// Shows the numbers to others.
  void publish() const;
  /// Looks for the oldest pending job, a bounded part of the table at a time.
  void publish_oldest(JobTable& jobs);

 private:
  bool move(Job& job);

  Gauges& shown_;
  ThreadCounters& counters_;
  std::array<uint64_t, wire::kJobStateCount> by_state_{};
  uint64_t oldest_ = 1;  ///< no job below this id is PENDING
};

}  // namespace berth::core
