#include "tools/cli/replay.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <string>

#include "core/base/check.h"
#include "tools/cli/replay_rules.h"
#include "tools/cli/replay_server.h"
#include "tools/cli/virtual_server.h"

namespace berth::cli {

namespace {

bool is_rule(ReplayPolicy policy) {
  return policy != ReplayPolicy::Greedy && policy != ReplayPolicy::Plan;
}

std::unique_ptr<ReplayScheduler> make_scheduler(
    std::span<const LoggedJob> jobs, int64_t processors, const ReplaySettings& settings) {
  if (is_rule(settings.policy)) return std::make_unique<RuleScheduler>(jobs, processors, settings);
  return std::make_unique<ServerScheduler>(jobs, processors, settings);
}

/// Lets time go on to whatever happens next, and runs what is started for as long as the log says.
class Replay {
 public:
  Replay(std::span<const LoggedJob> jobs, int64_t processors, ReplayScheduler& scheduler)
      : jobs_(jobs),
        free_(processors),
        scheduler_(scheduler),
        starts_(jobs.size(), -1),
        arrivals_(jobs.size()) {
    std::iota(arrivals_.begin(), arrivals_.end(), 0);
    std::stable_sort(arrivals_.begin(), arrivals_.end(), [&](size_t a, size_t b) {
      return jobs[a].submit_s < jobs[b].submit_s;
    });
  }

  std::vector<int64_t> run(const std::function<void(size_t)>& told) {
    for (size_t started = 0; started < jobs_.size();) {
      now_s_ = next_moment();
      if (now_s_ > VirtualServer::kClockMax_s) return {};
      end_jobs();
      for (; arrived_ < jobs_.size() && submit_s(arrived_) <= now_s_; ++arrived_)
        scheduler_.submit(now_s_, arrivals_[arrived_]);
      for (size_t job : scheduler_.settle(now_s_)) {
        start(job);
        if (++started % 256 == 0) told(started);
      }
    }
    return std::move(starts_);
  }

 private:
  int64_t submit_s(size_t arrival) const { return jobs_[arrivals_[arrival]].submit_s; }

  int64_t next_moment() const {
    int64_t next = scheduler_.next_s(now_s_);
    if (arrived_ < jobs_.size()) next = std::min(next, submit_s(arrived_));
    if (!running_.empty()) next = std::min(next, running_.begin()->first);
    return next;
  }

  void end_jobs() {
    while (!running_.empty() && running_.begin()->first <= now_s_) {
      const size_t job = running_.begin()->second;
      running_.erase(running_.begin());
      free_ += jobs_[job].processors;
      scheduler_.end(now_s_, job);
    }
  }

  void start(size_t job) {
    free_ -= jobs_[job].processors;
    BERTH_CHECK(starts_[job] < 0 && free_ >= 0);
    starts_[job] = now_s_;
    running_.emplace(now_s_ + jobs_[job].run_s, job);
  }

  std::span<const LoggedJob> jobs_;
  int64_t free_;
  ReplayScheduler& scheduler_;
  int64_t now_s_ = 0;
  std::vector<int64_t> starts_;
  std::vector<size_t> arrivals_;
  size_t arrived_ = 0;
  std::set<std::pair<int64_t, size_t>> running_;  ///< by end
};

}  // namespace

std::string replay_fault(
    std::span<const LoggedJob> jobs, int64_t processors, const ReplaySettings& settings) {
  for (const LoggedJob& job : jobs) {
    if (job.processors <= processors) continue;
    return "job " + std::to_string(job.id) + " needs " + std::to_string(job.processors) +
           " processors, the machine has " + std::to_string(processors);
  }
  if (is_rule(settings.policy) || processors <= VirtualServer::kSlotsMax) return {};
  return "the machine has " + std::to_string(processors) + " processors, a worker at most " +
         std::to_string(VirtualServer::kSlotsMax) + " slots: choose --policy fcfs, easy or sjbf";
}

std::vector<int64_t> replay(
    std::span<const LoggedJob> jobs,
    int64_t processors,
    const ReplaySettings& settings,
    const std::function<void(size_t)>& told) {
  const std::unique_ptr<ReplayScheduler> scheduler = make_scheduler(jobs, processors, settings);
  return Replay(jobs, processors, *scheduler).run(told);
}

double mean_bounded_slowdown(std::span<const LoggedJob> jobs, std::span<const int64_t> starts) {
  double sum = 0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    const auto run = static_cast<double>(jobs[i].run_s);
    const auto wait = static_cast<double>(starts[i] - jobs[i].submit_s);
    sum += std::max(1.0, (wait + run) / std::max(run, 10.0));
  }
  return jobs.empty() ? 0 : sum / static_cast<double>(jobs.size());
}

}  // namespace berth::cli
