#include "tools/cli/replay.h"

#include <algorithm>
#include <numeric>

#include "core/plan/backfill.h"
#include "core/plan/engine/decoder.h"
#include "core/plan/engine/solver.h"
#include "core/plan/predictor.h"

namespace berth::cli {

namespace {

using core::kAmountUnit;
using core::kTicksPerSecond;
using core::Problem;

constexpr double kUnknownRun_s = 3'600;  // before anything was learned

class Replay {
 public:
  Replay(std::span<const LoggedJob> jobs, int64_t processors, const ReplaySettings& settings)
      : jobs_(jobs),
        settings_(settings),
        rng_(settings.seed),
        starts_(jobs.size(), -1),
        arrivals_(jobs.size()) {
    std::iota(arrivals_.begin(), arrivals_.end(), 0);
    std::stable_sort(arrivals_.begin(), arrivals_.end(), [&](size_t a, size_t b) {
      return jobs[a].submit_s < jobs[b].submit_s;
    });
    problem_.goal = core::Goal::BoundedSlowdown;
    problem_.resources = {"slots"};
    problem_.workers = {{"machine", {processors * kAmountUnit}}};
  }

  std::vector<int64_t> run(const std::function<void(size_t)>& told) {
    size_t arrived = 0;
    size_t started = 0;
    while (started < jobs_.size()) {
      now_ = next_moment(arrived);
      std::erase_if(running_, [&](size_t job) { return end_now(job); });
      while (arrived < jobs_.size() && jobs_[arrivals_[arrived]].submit_s <= now_)
        queue_.push_back(arrivals_[arrived++]);
      if (queue_.empty()) continue;
      for (size_t job : choose()) {
        starts_[job] = now_;
        running_.push_back(job);
        std::erase(queue_, job);
        if (++started % 256 == 0) told(started);
      }
    }
    return std::move(starts_);
  }

 private:
  int64_t next_moment(size_t arrived) const {
    int64_t next = INT64_MAX;
    if (arrived < jobs_.size()) next = jobs_[arrivals_[arrived]].submit_s;
    for (size_t job : running_)
      next = std::min(next, starts_[job] + jobs_[job].run_s);
    return next;
  }

  bool end_now(size_t job) {
    if (starts_[job] + jobs_[job].run_s > now_) return false;
    if (settings_.estimates == Estimates::Learned) {
      predictor_.learn(traits(jobs_[job]), static_cast<double>(jobs_[job].run_s));
    }
    return true;
  }

  static core::JobTraits traits(const LoggedJob& job) {
    return {job.program, job.user, job.queue, static_cast<double>(job.processors), {}};
  }

  double estimate_s(const LoggedJob& job, double so_far_s) const {
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
  core::Ticks left(size_t job) const {
    const auto so_far = static_cast<double>(now_ - starts_[job]);
    const double rest = estimate_s(jobs_[job], so_far) - so_far;
    return static_cast<core::Ticks>(std::max(1.0, rest) * kTicksPerSecond);
  }

  void describe() {
    problem_.busy.clear();
    for (size_t job : running_)
      problem_.busy.push_back({0, left(job), {jobs_[job].processors * kAmountUnit}});
    problem_.tasks.clear();
    for (size_t job : queue_) {
      Problem::Task task;
      task.id = std::to_string(jobs_[job].id);
      task.demand = {jobs_[job].processors * kAmountUnit};
      task.duration =
          static_cast<core::Ticks>(std::max(1.0, estimate_s(jobs_[job], 0)) * kTicksPerSecond);
      task.waited = (now_ - jobs_[job].submit_s) * kTicksPerSecond;
      problem_.tasks.push_back(std::move(task));
    }
  }

  std::vector<size_t> choose() {
    describe();
    std::vector<uint32_t> queue(queue_.size());
    std::iota(queue.begin(), queue.end(), 0);
    std::vector<uint32_t> by_length = queue;
    std::stable_sort(by_length.begin(), by_length.end(), [&](uint32_t a, uint32_t b) {
      return problem_.tasks[a].duration < problem_.tasks[b].duration;
    });
    std::vector<uint32_t> started;
    switch (settings_.policy) {
      case ReplayPolicy::Fcfs: started = core::start_in_order(problem_, queue); break;
      case ReplayPolicy::Easy: started = core::start_with_backfill(problem_, queue, queue); break;
      case ReplayPolicy::Sjbf:
        started = core::start_with_backfill(problem_, queue, by_length);
        break;
      case ReplayPolicy::Plan: started = start_by_plan(); break;
    }
    std::vector<size_t> chosen;
    for (uint32_t task : started)
      chosen.push_back(queue_[task]);
    return chosen;
  }

  /// The plan of before goes on where the queue has not changed: new jobs stand behind it at first.
  std::vector<uint32_t> start_by_plan() {
    std::vector<uint32_t> order;
    std::vector<char> known(queue_.size());
    for (size_t job : planned_) {
      const auto at = std::find(queue_.begin(), queue_.end(), job);
      if (at == queue_.end()) continue;
      order.push_back(static_cast<uint32_t>(at - queue_.begin()));
      known[order.back()] = 1;
    }
    for (uint32_t task = 0; task < queue_.size(); ++task) {
      if (known[task] == 0) order.push_back(task);
    }
    core::Schedule seed;
    core::Decoder decoder(problem_);
    (void)decoder.decode(order, {}, seed);
    const auto engine =
        core::make_engine(problem_, core::EngineChoice::Anytime, core::Rng(rng_.next()), &seed);
    (void)engine->advance(settings_.steps);
    const std::vector<core::Assigned>& plan = engine->best()->tasks;
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return plan[a].start < plan[b].start;
    });
    planned_.clear();
    std::vector<uint32_t> started;
    for (uint32_t task : order) {
      planned_.push_back(queue_[task]);
      if (plan[task].start == 0) started.push_back(task);
    }
    return started;
  }

  std::span<const LoggedJob> jobs_;
  const ReplaySettings& settings_;
  core::Rng rng_;
  core::Predictor predictor_;
  Problem problem_;
  int64_t now_ = 0;
  std::vector<int64_t> starts_;
  std::vector<size_t> arrivals_;
  std::vector<size_t> queue_;  // in the order of arrival
  std::vector<size_t> running_;
  std::vector<size_t> planned_;  // in the order of the last plan
};

}  // namespace

std::vector<int64_t> replay(
    std::span<const LoggedJob> jobs,
    int64_t processors,
    const ReplaySettings& settings,
    const std::function<void(size_t)>& told) {
  return Replay(jobs, processors, settings).run(told);
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
