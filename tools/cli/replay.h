#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tools/cli/swf.h"

namespace berth::cli {

enum class ReplayPolicy : uint8_t {
  Fcfs,  ///< strictly in order
  Easy,  ///< in order, with backfill
  Sjbf,  ///< in order, with backfill of the shortest first
  Plan,  ///< planned anew at every arrival and end
};

/// What is taken for a job's run time before it ends.
enum class Estimates : uint8_t { Requested, Actual, Learned };

struct ReplaySettings {
  ReplayPolicy policy = ReplayPolicy::Plan;
  Estimates estimates = Estimates::Requested;
  uint64_t seed = 1;
  uint64_t steps = 20'000;  ///< of each plan
};

/// Runs logged jobs in virtual time on one worker of so many slots; when each starts, in the log's
/// seconds, in the order of `jobs`. What is not an estimate of the settings is not looked at before
/// a job has ended. `told` is called now and then with how many have started.
///
/// Errors   a job that needs more than all processors never starts: leave it out before
std::vector<int64_t> replay(
    std::span<const LoggedJob> jobs,
    int64_t processors,
    const ReplaySettings& settings,
    const std::function<void(size_t)>& told);

/// Feitelson's: at least 1, and a run shorter than 10 s counts as 10 s.
double mean_bounded_slowdown(std::span<const LoggedJob> jobs, std::span<const int64_t> starts);

}  // namespace berth::cli
