#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tools/cli/swf.h"

namespace berth::cli {

enum class ReplayPolicy : uint8_t {
  Fcfs,    ///< strictly in order
  Easy,    ///< in order, with backfill
  Sjbf,    ///< in order, with backfill of the shortest first
  Greedy,  ///< the server without its planner
  Plan,    ///< the server
};

/// What is taken for a job's run time before it ends.
enum class Estimates : uint8_t { Requested, Actual, Learned };

struct ReplaySettings {
  ReplayPolicy policy = ReplayPolicy::Plan;
  Estimates estimates = Estimates::Requested;
  uint64_t seed = 1;
  uint64_t steps = 20'000;  ///< of each plan
};

/// Decides who runs, as time goes on. Jobs are told by their place in the replay; what of one is
/// not an estimate of the settings is not looked at before its end.
class ReplayScheduler {
 public:
  virtual ~ReplayScheduler() = default;

  virtual void submit(int64_t now_s, size_t job) = 0;
  virtual void end(int64_t now_s, size_t job) = 0;
  /// All that happens in this second has been told: who starts now.
  virtual std::vector<size_t> settle(int64_t now_s) = 0;
  /// When it wants to be asked again, if nothing happens before; INT64_MAX: not at all.
  virtual int64_t next_s(int64_t) const { return INT64_MAX; }
};

/// Why these cannot be replayed, with the remedy; empty when they can.
std::string replay_fault(
    std::span<const LoggedJob> jobs, int64_t processors, const ReplaySettings& settings);

/// Runs logged jobs in virtual time on one worker of so many slots; when each starts, in the log's
/// seconds, in the order of `jobs`; empty when they do not all start within 150 years. The same for
/// the same seed and steps. `told` is called now and then with how many have started.
///
/// Errors   jobs that `replay_fault` finds fault with are a CHECK
std::vector<int64_t> replay(
    std::span<const LoggedJob> jobs,
    int64_t processors,
    const ReplaySettings& settings,
    const std::function<void(size_t)>& told);

/// Feitelson's: at least 1, and a run shorter than 10 s counts as 10 s.
double mean_bounded_slowdown(std::span<const LoggedJob> jobs, std::span<const int64_t> starts);

}  // namespace berth::cli
