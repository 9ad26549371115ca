#pragma once

#include <functional>
#include <span>
#include <vector>

#include "loadgen/control.h"
#include "loadgen/jobs/job_book.h"
#include "loadgen/jobs/job_specs.h"

namespace berth::loadgen {

/// What is asked and done about a run's jobs beside the load, one request at a time.
///
/// Errors   every function gives a Failure whose sentence says what was asked and what came
class JobDesk {
 public:
  explicit JobDesk(Control& control) : control_(control) {}

  /// Submits `count` jobs that no worker can run; `jobs` becomes their ids.
  Failure submit_pending(
      const JobSpecs& specs,
      uint64_t count,
      const std::function<bool()>& stop,
      std::vector<wire::JobRange>& jobs);

  /// How many of these are in which state.
  Failure count(std::span<const wire::JobRange> jobs, wire::JobCounts& counts);
  /// Ends whatever of these is live.
  Failure abort(std::span<const wire::JobRange> jobs);

  /// The jobs that the server has: the ids of its first and its last one. False: it has none.
  Failure extent(wire::JobRange& jobs, bool& any);

 private:
  Failure list(bool newest_first, wire::JobId& job);

  Control& control_;
};

/// What is wrong with the final states of a run's jobs; empty: all is as the books say. All of
/// them have to be COMPLETED, save those that the server has forgotten, as it keeps so many
/// finished ones and no more.
std::string judge_end(const wire::JobCounts& counts, const JobTally& tally);

}  // namespace berth::loadgen
