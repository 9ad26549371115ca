// A fleet in virtual time, run by the planner's engines and by a simulated kube-scheduler: the same
// tasks with deadlines, the same workers; which ends sooner, and who is late?
//
//   fleet_simulation [--seed N] [--tasks N] [--workers N] [--noise X] [--steps N]
//
// Tasks come one after the other. kube takes them in the order of arrival, one by one, each to the
// node with the highest LeastAllocated + BalancedAllocation score (both of weight 1, as configured
// by default); what fits nowhere is tried again whenever something ends, at once and without the
// back-off of the real one. `plan` plans all that wait anew at every arrival and end, from the last
// plan on; it takes for a duration what is within `noise` of it. Printed is one JSON object.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/rng.h"
#include "core/plan/engine/decoder.h"
#include "core/plan/engine/solver.h"

namespace {

using berth::core::Amount;
using berth::core::kAmountUnit;
using berth::core::kTicksPerSecond;
using berth::core::Problem;
using berth::core::Rng;
using berth::core::Schedule;
using berth::core::Ticks;
using Json = nlohmann::ordered_json;

constexpr size_t kResources = 2;      // cores and GiB
constexpr double kLoad = 1.2;         // asked for while tasks come, of what there is
constexpr double kLateWeight = 0.02;  // a deadline that is lost is no reason to lose another

struct Options {
  uint64_t seed = 1;
  size_t tasks = 400;
  size_t workers = 20;
  double noise = 0.3;
  uint64_t steps = 40'000;
};

struct Task {
  double arrival_s = 0;
  double duration_s = 0;
  double expected_s = 0;  ///< what the planner takes for it
  double deadline_s = 0;
  std::array<int, kResources> demand{};
};

struct Workload {
  std::vector<std::array<int, kResources>> workers;
  std::vector<Task> tasks;
};

double between(Rng& rng, double low, double high) {
  return low + rng.unit() * (high - low);
}

Task draw(Rng& rng, double noise) {
  constexpr int kCores[] = {1, 1, 2, 2, 4, 4, 8, 12, 16};
  Task task;
  const int cores = kCores[rng.below(std::size(kCores))];
  task.demand = {cores, std::clamp(static_cast<int>(cores * between(rng, 1, 8)), 1, 64)};
  task.duration_s = std::round(std::exp(between(rng, std::log(30), std::log(1'800))));
  task.expected_s = std::max(1.0, task.duration_s * between(rng, 1 - noise, 1 + noise));
  return task;
}

/// Half of the workers are twice as large. Tasks come at such a pace that they ask for `kLoad`.
Workload draw_workload(const Options& options) {
  Rng rng(options.seed);
  Workload load;
  std::array<double, kResources> capacity{};
  for (size_t i = 0; i < options.workers; ++i) {
    const int cores = i % 2 == 0 ? 16 : 32;
    load.workers.push_back({cores, cores * 4});
    for (size_t r = 0; r < kResources; ++r)
      capacity[r] += load.workers.back()[r];
  }
  std::array<double, kResources> work{};
  for (size_t i = 0; i < options.tasks; ++i) {
    load.tasks.push_back(draw(rng, options.noise));
    for (size_t r = 0; r < kResources; ++r)
      work[r] += load.tasks.back().demand[r] * load.tasks.back().duration_s;
  }
  const double busy_s = std::max(work[0] / capacity[0], work[1] / capacity[1]);
  double now = 0;
  for (Task& task : load.tasks) {
    now -= std::log(1 - rng.unit()) * busy_s / kLoad / static_cast<double>(options.tasks);
    task.arrival_s = now;
    task.deadline_s = now + task.duration_s * between(rng, 1.5, 6) + 60;
  }
  return load;
}

struct Running {
  size_t task;
  size_t worker;
  double start_s;
  double end_s;
};

struct Fleet {
  explicit Fleet(const Workload& load) : load(load), free(load.workers) {}

  bool fits(size_t task, size_t worker) const {
    for (size_t r = 0; r < kResources; ++r) {
      if (load.tasks[task].demand[r] > free[worker][r]) return false;
    }
    return true;
  }
  void start(size_t task, size_t worker, double now) {
    if (!fits(task, worker)) {
      std::fprintf(stderr, "fleet_simulation: task %zu does not fit worker %zu\n", task, worker);
      std::exit(1);
    }
    for (size_t r = 0; r < kResources; ++r)
      free[worker][r] -= load.tasks[task].demand[r];
    running.push_back({task, worker, now, now + load.tasks[task].duration_s});
  }
  void end(const Running& one) {
    for (size_t r = 0; r < kResources; ++r)
      free[one.worker][r] += load.tasks[one.task].demand[r];
  }

  const Workload& load;
  std::vector<std::array<int, kResources>> free;
  std::vector<Running> running;
};

struct Start {
  size_t task;
  size_t worker;
};

/// Which of those that wait, in the order of arrival, start now.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual std::vector<Start> choose(
      Fleet fleet, const std::vector<size_t>& waiting, double now) = 0;
};

class Kube final : public Scheduler {
 public:
  explicit Kube(uint64_t seed) : rng_(seed) {}

  std::vector<Start> choose(Fleet fleet, const std::vector<size_t>& waiting, double now) override {
    std::vector<Start> starts;
    for (size_t task : waiting) {
      const std::optional<size_t> worker = best(fleet, task);
      if (!worker) continue;
      fleet.start(task, *worker, now);
      starts.push_back({task, *worker});
    }
    return starts;
  }

 private:
  static double score(const Fleet& fleet, size_t task, size_t worker) {
    std::array<double, kResources> used{};
    for (size_t r = 0; r < kResources; ++r) {
      const double capacity = fleet.load.workers[worker][r];
      used[r] = (capacity - fleet.free[worker][r] + fleet.load.tasks[task].demand[r]) / capacity;
    }
    const double least_allocated = 100 * (1 - (used[0] + used[1]) / 2);
    const double balanced = 100 * (1 - std::abs(used[0] - used[1]) / 2);
    return std::floor(least_allocated) + std::floor(balanced);
  }

  std::optional<size_t> best(const Fleet& fleet, size_t task) {
    std::optional<size_t> best;
    double highest = 0;
    uint64_t alike = 0;
    for (size_t worker = 0; worker < fleet.free.size(); ++worker) {
      if (!fleet.fits(task, worker)) continue;
      const double now = score(fleet, task, worker);
      alike = best && now == highest ? alike + 1 : 1;
      if (best && (now < highest || (now == highest && rng_.below(alike) != 0))) continue;
      best = worker;
      highest = now;
    }
    return best;
  }

  Rng rng_;
};

class Planned final : public Scheduler {
 public:
  Planned(uint64_t seed, uint64_t steps) : rng_(seed), steps_(steps) {}

  std::vector<Start> choose(Fleet fleet, const std::vector<size_t>& waiting, double now) override {
    Problem problem = describe(fleet, waiting, now);
    Schedule plan;
    berth::core::Decoder decoder(problem);
    (void)decoder.decode(order_of(waiting), {}, plan);
    plan = improved(problem, plan);
    // Nobody's end gets worse than that, and within it all of it is to be over soon.
    for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
      const Ticks end = plan.tasks[task].start + problem.tasks[task].duration;
      problem.tasks[task].deadline = std::max(problem.tasks[task].deadline, end);
    }
    problem.goal = berth::core::Goal::Makespan;
    plan = improved(problem, plan);
    return starts_of(plan.tasks, waiting);
  }

 private:
  Schedule improved(const Problem& problem, const Schedule& seed) {
    const auto engine = berth::core::make_engine(
        problem, berth::core::EngineChoice::Anytime, Rng(rng_.next()), &seed);
    (void)engine->advance(steps_ / 2);
    return engine->best() != nullptr ? *engine->best() : seed;
  }

  static Ticks ticks(double seconds) {
    return static_cast<Ticks>(std::max(1e-6, seconds) * kTicksPerSecond);
  }

  static std::vector<Amount> amounts(const std::array<int, kResources>& of) {
    return {of[0] * kAmountUnit, of[1] * kAmountUnit};
  }

  static Problem describe(const Fleet& fleet, const std::vector<size_t>& waiting, double now) {
    Problem problem;
    problem.goal = berth::core::Goal::WeightedTardiness;
    problem.resources = {"cores", "GiB"};
    for (size_t i = 0; i < fleet.load.workers.size(); ++i)
      problem.workers.push_back({"w" + std::to_string(i), amounts(fleet.load.workers[i])});
    for (const Running& one : fleet.running) {
      const Task& task = fleet.load.tasks[one.task];
      // One that outlives what was expected may end at any moment, but not before the next event.
      const double left = std::max(1.0, one.start_s + task.expected_s - now);
      problem.busy.push_back(
          {static_cast<uint32_t>(one.worker), ticks(left), amounts(task.demand)});
    }
    for (size_t i : waiting) {
      const Task& from = fleet.load.tasks[i];
      const double slack = from.deadline_s - now;
      Problem::Task task;
      task.id = std::to_string(i);
      task.demand = amounts(from.demand);
      task.duration = ticks(from.expected_s);
      const bool lost = slack < from.expected_s;
      task.deadline = ticks(lost ? from.expected_s : slack);
      task.weight = lost ? kLateWeight : 1;
      problem.tasks.push_back(std::move(task));
    }
    return problem;
  }

  /// As in the last plan; who is new stands behind.
  std::vector<uint32_t> order_of(const std::vector<size_t>& waiting) const {
    std::vector<uint32_t> order;
    for (size_t task : planned_) {
      const auto at = std::lower_bound(waiting.begin(), waiting.end(), task);
      if (at != waiting.end() && *at == task)
        order.push_back(static_cast<uint32_t>(at - waiting.begin()));
    }
    std::vector<char> known(waiting.size());
    for (uint32_t at : order)
      known[at] = 1;
    for (uint32_t at = 0; at < waiting.size(); ++at) {
      if (known[at] == 0) order.push_back(at);
    }
    return order;
  }

  std::vector<Start> starts_of(
      const std::vector<berth::core::Assigned>& plan, const std::vector<size_t>& waiting) {
    std::vector<uint32_t> order(waiting.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return plan[a].start < plan[b].start;
    });
    planned_.clear();
    std::vector<Start> starts;
    for (uint32_t at : order) {
      planned_.push_back(waiting[at]);
      if (plan[at].start == 0) starts.push_back({waiting[at], plan[at].worker});
    }
    return starts;
  }

  Rng rng_;
  uint64_t steps_;
  std::vector<size_t> planned_;
};

/// Runs the workload to its end; what came of it.
Json simulate(const Workload& load, Scheduler& scheduler) {
  Fleet fleet(load);
  std::vector<size_t> waiting;
  std::vector<double> ends(load.tasks.size());
  Json timeline = Json::array();
  size_t arrived = 0;
  while (arrived < load.tasks.size() || !fleet.running.empty()) {
    double now = arrived < load.tasks.size() ? load.tasks[arrived].arrival_s : HUGE_VAL;
    for (const Running& one : fleet.running)
      now = std::min(now, one.end_s);
    std::erase_if(fleet.running, [&](const Running& one) {
      if (one.end_s > now) return false;
      fleet.end(one);
      ends[one.task] = one.end_s;
      return true;
    });
    while (arrived < load.tasks.size() && load.tasks[arrived].arrival_s <= now)
      waiting.push_back(arrived++);
    if (!waiting.empty()) {
      for (const Start& start : scheduler.choose(fleet, waiting, now)) {
        fleet.start(start.task, start.worker, now);
        std::erase(waiting, start.task);
      }
    }
    int used = 0;
    for (const Running& one : fleet.running)
      used += load.tasks[one.task].demand[0];
    timeline.push_back({now, used});
  }
  double work = 0;
  double late_s = 0;
  int late = 0;
  for (size_t i = 0; i < load.tasks.size(); ++i) {
    work += load.tasks[i].duration_s * load.tasks[i].demand[0];
    late += ends[i] > load.tasks[i].deadline_s ? 1 : 0;
    late_s += std::max(0.0, ends[i] - load.tasks[i].deadline_s);
  }
  double cores = 0;
  for (const auto& worker : load.workers)
    cores += worker[0];
  const double makespan = *std::max_element(ends.begin(), ends.end());
  return {
      {"makespan_s", makespan},
      {"utilisation_percent", 100 * work / cores / makespan},
      {"late_percent", 100.0 * late / static_cast<double>(load.tasks.size())},
      {"mean_late_s", late_s / static_cast<double>(load.tasks.size())},
      {"cores", cores},
      {"timeline", std::move(timeline)}};
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 >= argc) return false;
    char* end = nullptr;
    const double value = std::strtod(argv[i + 1], &end);
    if (*end != '\0' || !(value >= 0) || value > 1e9) return false;
    const auto is = [&](const char* name) {
      return std::strcmp(argv[i], name) == 0;
    };
    if (is("--seed"))
      options.seed = static_cast<uint64_t>(value);
    else if (is("--tasks"))
      options.tasks = static_cast<size_t>(value);
    else if (is("--workers"))
      options.workers = static_cast<size_t>(value);
    else if (is("--noise"))
      options.noise = value;
    else if (is("--steps"))
      options.steps = static_cast<uint64_t>(value);
    else
      return false;
  }
  return options.tasks > 0 && options.workers > 1 && options.noise < 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(
        stderr,
        "usage: fleet_simulation [--seed N] [--tasks N] [--workers N] [--noise X] [--steps N]\n"
        "at least 1 task, 2 workers; the noise is below 1\n");
    return 2;
  }
  const Workload load = draw_workload(options);
  Kube kube(options.seed);
  Planned planned(options.seed, options.steps);
  Json out;
  out["kube"] = simulate(load, kube);
  out["plan"] = simulate(load, planned);
  std::printf("%s\n", out.dump().c_str());
  return 0;
}
