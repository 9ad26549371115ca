#include "tools/cli/live_plan.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "core/plan/engine/decoder.h"
#include "core/plan/engine/solver.h"
#include "core/plan/job_ranges.h"

namespace berth::cli {

namespace {

using core::JobRange;
using core::PlanDevices;
using core::Problem;
using core::Schedule;
using core::Ticks;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kStepsPerLook = 10'000;

core::DeviceWish wish_of(const LiveProblem& live, uint32_t task, uint32_t worker) {
  const client::Demand& demand = live.demands[task];
  core::DeviceWish wish;
  wish.count = static_cast<uint16_t>(demand.gpu_count);
  wish.milli = static_cast<uint16_t>(demand.gpu_milli);
  for (size_t i = 0; i < live.devices[worker].size(); ++i) {
    if (!allows(demand, live.devices[worker][i].model)) continue;
    wish.usable = static_cast<core::GpuSet>(wish.usable | 1u << i);
  }
  return wish;
}

/// What it is worth when: that is the order of the queue's ranges here, and no weight.
Problem by_slowdown(const LiveProblem& live) {
  Problem problem = live.problem;
  problem.goal = core::Goal::BoundedSlowdown;
  for (Problem::Task& task : problem.tasks)
    task.weight = 1;
  return problem;
}

class Planner {
 public:
  Planner(const LiveProblem& live, const LiveSearch& search)
      : live_(live),
        search_(search),
        problem_(by_slowdown(live)),
        devices_(devices_of(live, problem_)) {
    if (search.was == nullptr) return;
    for (uint32_t i = 0; i < search.was->tasks.size(); ++i)
      before_.emplace(search.before->problem.tasks[i].id, search.was->tasks[i]);
  }

  LivePlan plan() {
    const auto& places = live_.places;
    const std::vector<JobRange> ranges = core::ranges_of(
        static_cast<uint32_t>(problem_.tasks.size()),
        [&](uint32_t a, uint32_t b) {
          return core::one_range(places[a], places[b], problem_.goal);
        },
        [&](uint32_t a, uint32_t b) {
          return live_.kinds[a] != 0 && live_.kinds[a] == live_.kinds[b];
        });
    const auto searched = std::max<int64_t>(
        1, std::ranges::count_if(ranges, [](const JobRange& range) { return range.search; }));
    for (const JobRange& range : ranges)
      decide(range, search_.budget / searched);
    return std::move(plan_);
  }

 private:
  void decide(const JobRange& range, client::Milliseconds budget) {
    wait_for_decided(range);
    const Problem part = core::part_of(problem_, range, decided_);
    const Schedule greedy = in_turn(part);
    Schedule best = as_before(part, range);
    if (best.tasks.empty() || best.cost > greedy.cost) best = greedy;
    if (range.search) best = improve(part, best, budget);
    take(range, part, best, greedy);
  }

  /// What is after a task of an earlier range begins when that ends, and not before.
  void wait_for_decided(const JobRange& range) {
    for (uint32_t i = range.begin; i < range.end; ++i) {
      Problem::Task& task = problem_.tasks[i];
      std::erase_if(task.after, [&](uint32_t before) {
        if (before >= range.begin) return false;
        const Ticks end = plan_.tasks[before].start + problem_.tasks[before].duration;
        task.release = std::max(task.release, end);
        return true;
      });
    }
  }

  /// In the order of the queue, each where it ends first.
  static Schedule in_turn(const Problem& part) {
    std::vector<uint32_t> order(part.tasks.size());
    std::iota(order.begin(), order.end(), 0);
    Schedule greedy;
    (void)core::Decoder(part).decode(order, {}, greedy);
    return greedy;
  }

  /// As before where that is still possible, in the same order; what is new comes last.
  Schedule as_before(const Problem& part, const JobRange& range) const {
    if (before_.empty()) return {};
    std::vector<uint32_t> where(part.tasks.size(), core::Decoder::kAny);
    std::vector<Ticks> starts(part.tasks.size(), core::kNever);
    for (uint32_t i = 0; i < part.tasks.size(); ++i) {
      const auto was = before_.find(part.tasks[i].id);
      if (was == before_.end()) continue;
      starts[i] = was->second.start;
      if (part.duration_on(i, was->second.worker) < core::kNever) where[i] = was->second.worker;
    }
    // `after` holds by the order of the tasks, which starts alone may not tell apart.
    std::vector<uint32_t> order = core::topological_order(part);
    if (range.search) {
      std::ranges::stable_sort(
          order, [&](uint32_t a, uint32_t b) { return starts[a] < starts[b]; });
    }
    Schedule standing;
    (void)core::Decoder(part).decode(order, where, standing);
    return standing;
  }

  Schedule improve(const Problem& part, const Schedule& from, client::Milliseconds budget) const {
    const Clock::time_point began = Clock::now();
    const auto engine =
        core::make_engine(part, core::EngineChoice::Anytime, core::Rng(search_.seed), &from);
    while (Clock::now() - began < budget && engine->advance(kStepsPerLook)) {}
    return *engine->best();
  }

  /// The queue's own schedule has to wait for devices, too, and may then be the better one.
  void take(
      const JobRange& range, const Problem& part, const Schedule& best, const Schedule& greedy) {
    size_t tries = PlanDevices::kTriesMax;
    PlanDevices::Fitted fitted =
        devices_.fit(range, best.tasks, PlanDevices::Order::OfStarts, tries);
    PlanDevices::Fitted other =
        devices_.fit(range, greedy.tasks, PlanDevices::Order::OfTheQueue, tries);
    if (core::cost_of(part, other.tasks) < core::cost_of(part, fitted.tasks)) {
      fitted = std::move(other);
    }
    Schedule schedule{fitted.tasks};
    std::map<uint32_t, std::vector<uint32_t>> kinds;
    for (uint32_t i = range.begin; i < range.end; ++i) {
      if (live_.kinds[i] != 0) kinds[live_.kinds[i]].push_back(i - range.begin);
    }
    for (const auto& [kind, tasks] : kinds)
      core::start_in_turn(tasks, schedule, &fitted.gpus);
    for (uint32_t i = 0; i < part.tasks.size(); ++i) {
      const auto& [worker, start] = schedule.tasks[i];
      const Problem::Task& task = part.tasks[i];
      plan_.tasks.push_back(schedule.tasks[i]);
      plan_.gpus.push_back(fitted.gpus[i]);
      decided_.push_back({worker, start + task.duration, task.demand, start});
    }
    devices_.decide(std::move(fitted));
  }

  const LiveProblem& live_;
  const LiveSearch& search_;
  Problem problem_;
  PlanDevices devices_;
  absl::flat_hash_map<std::string, core::Assigned> before_;
  std::vector<Problem::Busy> decided_;
  LivePlan plan_;
};

}  // namespace

core::PlanDevices devices_of(const LiveProblem& live, const core::Problem& problem) {
  std::vector<core::DeviceTimeline> hosts;
  for (uint32_t worker = 0; worker < problem.workers.size(); ++worker) {
    std::vector<uint16_t> milli;
    for (const LiveProblem::Device& device : live.devices[worker])
      milli.push_back(device.milli);
    hosts.emplace_back(problem.workers[worker].capacity, milli);
  }
  for (size_t i = 0; i < problem.busy.size(); ++i) {
    const Problem::Busy& busy = problem.busy[i];
    const LiveProblem::Held& held = live.held[i];
    hosts[busy.worker].take(0, busy.until, busy.demand, held.gpus, held.milli);
  }
  const auto wish = [&live](uint32_t task, uint32_t worker) {
    return wish_of(live, task, worker);
  };
  return {problem, std::move(hosts), wish};
}

LivePlan plan_live(const LiveProblem& live, const LiveSearch& search) {
  return Planner(live, search).plan();
}

}  // namespace berth::cli
