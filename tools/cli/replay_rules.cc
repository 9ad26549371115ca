#include "tools/cli/replay_rules.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/plan/backfill.h"

namespace berth::cli {

namespace {

using core::kAmountUnit;
using core::kTicksPerSecond;

constexpr double kUnknownRun_s = 3'600;  // before anything was learned

core::JobTraits traits(const LoggedJob& job) {
  return {job.program, job.user, job.queue, static_cast<double>(job.processors), {}};
}

}  // namespace

RuleScheduler::RuleScheduler(
    std::span<const LoggedJob> jobs, int64_t processors, const ReplaySettings& settings)
    : jobs_(jobs), settings_(settings) {
  problem_.resources = {"slots"};
  problem_.workers = {{"machine", {processors * kAmountUnit}}};
}

void RuleScheduler::submit(int64_t, size_t job) {
  queue_.push_back(job);
}

void RuleScheduler::end(int64_t, size_t job) {
  std::erase_if(running_, [&](const Running& one) { return one.job == job; });
  if (settings_.estimates != Estimates::Learned) return;
  predictor_.learn(traits(jobs_[job]), static_cast<double>(jobs_[job].run_s));
}

std::vector<size_t> RuleScheduler::settle(int64_t now_s) {
  if (queue_.empty()) return {};
  describe(now_s);
  std::vector<size_t> started;
  for (uint32_t task : choose())
    started.push_back(queue_[task]);
  for (size_t job : started) {
    std::erase(queue_, job);
    running_.push_back({job, now_s});
  }
  return started;
}

std::vector<uint32_t> RuleScheduler::choose() const {
  std::vector<uint32_t> queue(queue_.size());
  std::iota(queue.begin(), queue.end(), 0);
  if (settings_.policy == ReplayPolicy::Fcfs) return core::start_in_order(problem_, queue);
  std::vector<uint32_t> behind = queue;
  if (settings_.policy == ReplayPolicy::Sjbf) {
    std::stable_sort(behind.begin(), behind.end(), [&](uint32_t a, uint32_t b) {
      return problem_.tasks[a].duration < problem_.tasks[b].duration;
    });
  }
  return core::start_with_backfill(problem_, queue, behind);
}

double RuleScheduler::estimate_s(const LoggedJob& job, double so_far_s) const {
  switch (settings_.estimates) {
    case Estimates::Actual: return static_cast<double>(job.run_s);
    case Estimates::Requested:
      if (job.requested_s > 0) return static_cast<double>(job.requested_s);
      break;
    case Estimates::Learned: {
      const core::Forecast forecast = predictor_.forecast(traits(job));
      if (forecast.known) return core::beyond(forecast, so_far_s).median;
      break;
    }
  }
  return kUnknownRun_s;
}

/// What is left of a running job; one that has outlived its estimate ends any moment, and not
/// before the next.
core::Ticks RuleScheduler::left(int64_t now_s, const Running& one) const {
  const auto so_far = static_cast<double>(now_s - one.since_s);
  const double rest = estimate_s(jobs_[one.job], so_far) - so_far;
  return static_cast<core::Ticks>(std::max(1.0, rest) * kTicksPerSecond);
}

void RuleScheduler::describe(int64_t now_s) {
  problem_.busy.clear();
  for (const Running& one : running_)
    problem_.busy.push_back({0, left(now_s, one), {jobs_[one.job].processors * kAmountUnit}});
  problem_.tasks.clear();
  for (size_t job : queue_) {
    core::Problem::Task& task = problem_.tasks.emplace_back();
    task.id = std::to_string(jobs_[job].id);
    task.demand = {jobs_[job].processors * kAmountUnit};
    task.duration =
        static_cast<core::Ticks>(std::max(1.0, estimate_s(jobs_[job], 0)) * kTicksPerSecond);
  }
}

}  // namespace berth::cli
