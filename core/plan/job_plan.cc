#include "core/plan/job_plan.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <numeric>

#include "core/plan/engine/decoder.h"
#include "core/plan/engine/solver.h"
#include "core/plan/job_problem.h"

namespace berth::core {

namespace {

constexpr double kSecond = static_cast<double>(kTicksPerSecond);

/// What one unit of the problem's cost is called, and how many of them make one of that.
struct Unit {
  const char* name;
  double size;
};

Unit unit_of(Goal goal, size_t tasks) {
  switch (goal) {
    case Goal::BoundedSlowdown:
      return {"mean_slowdown", static_cast<double>(std::max<size_t>(tasks, 1))};
    case Goal::WeightedTardiness: return {"late_s", kSecond};
    case Goal::Makespan: return {"makespan_s", kSecond};
    case Goal::WorkersUsed: break;
  }
  return {"workers", 1};
}

}  // namespace

struct JobPlanning::State {
  explicit State(std::unique_ptr<const JobSnapshot> given) : snapshot(std::move(given)) {
    built = problem_of(*snapshot);
    Problem& problem = built.problem;
    if (problem.tasks.empty()) return;
    unit = unit_of(problem.goal, problem.tasks.size());
    Decoder decoder(problem);
    make_greedy(decoder);
    make_standing(decoder);
    const Schedule& seed = has_standing && standing.cost <= greedy.cost ? standing : greedy;
    engine = make_engine(problem, EngineChoice::Auto, Rng(snapshot->seed), &seed);
  }

  /// The order of the queue, each job where it ends first. Who wants few workers may take as long.
  void make_greedy(Decoder& decoder) {
    Problem& problem = built.problem;
    std::vector<uint32_t> order(problem.tasks.size());
    std::iota(order.begin(), order.end(), 0);
    (void)decoder.decode(order, {}, greedy);
    if (problem.goal != Goal::WorkersUsed) return;
    Ticks last = 0;
    for (uint32_t task = 0; task < problem.tasks.size(); ++task)
      last = std::max(last, greedy.tasks[task].start + problem.tasks[task].duration);
    for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
      const Ticks deadline = snapshot->waiting[built.tasks[task]].deadline;
      const Ticks end = greedy.tasks[task].start + problem.tasks[task].duration;
      problem.tasks[task].deadline = std::max(end, std::min(deadline, last));
    }
  }

  /// The plan before, in the order of its starts, and what is new behind it.
  void make_standing(Decoder& decoder) {
    const Problem& problem = built.problem;
    std::vector<uint32_t> order(problem.tasks.size());
    std::vector<uint32_t> where(problem.tasks.size(), Decoder::kAny);
    std::iota(order.begin(), order.end(), 0);
    for (uint32_t task : order) {
      const uint32_t host = previous_host(task);
      if (host == kNoHost || problem.duration_on(task, host) >= kNever) continue;
      where[task] = host;
      has_standing = true;
    }
    if (!has_standing) return;
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return start_before(a, where[a]) < start_before(b, where[b]);
    });
    // A hard deadline that it misses is nothing to begin from.
    has_standing = decoder.decode(order, where, standing);
  }

  uint32_t previous_host(uint32_t task) const {
    return snapshot->waiting[built.tasks[task]].previous_host;
  }
  Ticks start_before(uint32_t task, uint32_t where) const {
    return where == Decoder::kAny ? kNever : snapshot->waiting[built.tasks[task]].previous_start;
  }

  uint32_t moves_of(const Schedule& schedule) const {
    uint32_t moves = 0;
    for (uint32_t task = 0; task < built.tasks.size(); ++task) {
      const uint32_t host = previous_host(task);
      moves += host != kNoHost && host != schedule.tasks[task].worker ? 1 : 0;
    }
    return moves;
  }

  double price_of(const Schedule& schedule) const {
    return snapshot->move_price * moves_of(schedule) * greedy.cost /
           static_cast<double>(built.tasks.size());
  }

  const Schedule& cheapest() const {
    const Schedule* best = engine->best() != nullptr ? engine->best() : &greedy;
    if (!has_standing) return *best;
    const double moving = best->cost + price_of(*best);
    return moving < standing.cost + price_of(standing) ? *best : standing;
  }

  void add_starts(const Schedule* schedule, JobPlan& plan);
  void add_start(uint32_t waiting, const Assigned& at, JobPlan& plan);
  std::vector<Assigned> in_order_of_arrays(std::vector<Assigned> tasks) const;

  const std::unique_ptr<const JobSnapshot> snapshot;
  JobProblem built;
  Unit unit{"", 1};
  Schedule greedy;
  Schedule standing;
  bool has_standing = false;
  std::unique_ptr<Engine> engine;  ///< null: there is nothing to search
  uint64_t steps = 0;
};

/// Those of an array are alike, and are started in the order of their ids.
std::vector<Assigned> JobPlanning::State::in_order_of_arrays(std::vector<Assigned> tasks) const {
  absl::flat_hash_map<uint64_t, std::vector<uint32_t>> arrays;
  for (uint32_t task = 0; task < tasks.size(); ++task) {
    const WaitingJob& job = snapshot->waiting[built.tasks[task]];
    if (job.array != 0) arrays[job.array].push_back(task);
  }
  for (const auto& [array, members] : arrays) {
    std::vector<Assigned> places;
    for (uint32_t task : members)
      places.push_back(tasks[task]);
    std::stable_sort(places.begin(), places.end(), [](const Assigned& a, const Assigned& b) {
      return a.start < b.start;
    });
    for (size_t i = 0; i < members.size(); ++i)
      tasks[members[i]] = places[i];
  }
  return tasks;
}

void JobPlanning::State::add_start(uint32_t waiting, const Assigned& at, JobPlan& plan) {
  const WaitingJob& job = snapshot->waiting[waiting];
  const SnapshotHost& host = snapshot->hosts[at.worker];
  PlannedStart& start = plan.starts.emplace_back();
  start.job = job.job;
  start.version = job.version;
  start.worker = host.worker;
  start.row = host.row;
  start.generation = host.generation;
  start.start = at.start;
  start.duration = std::max<Ticks>(job.duration, 1);
  const bool known = job.previous_host != kNoHost;
  if (!known) {
    ++plan.diff.added;
    return;
  }
  start.previous_worker = snapshot->hosts[job.previous_host].worker;
  start.previous_start = job.previous_start;
  const bool kept = job.previous_host == at.worker;
  start.change = kept ? wire::PlanChange::Kept : wire::PlanChange::Moved;
  ++(kept ? plan.diff.kept : plan.diff.moved);
}

/// Whose end makes room: what holds the worker, or is planned on it, until just then.
void JobPlanning::State::add_starts(const Schedule* schedule, JobPlan& plan) {
  if (built.first) add_start(built.first->waiting, built.first->at, plan);
  if (schedule != nullptr) {
    const std::vector<Assigned> tasks = in_order_of_arrays(schedule->tasks);
    for (uint32_t task = 0; task < tasks.size(); ++task)
      add_start(built.tasks[task], tasks[task], plan);
  }
  absl::flat_hash_map<std::pair<uint32_t, Ticks>, uint64_t> ends;
  for (const HoldingJob& one : snapshot->holding)
    ends[{snapshot->hosts[one.host].worker, std::max<Ticks>(one.until, 1)}] = one.job;
  for (const PlannedStart& one : plan.starts)
    ends[{one.worker, one.start + one.duration}] = one.job;
  for (PlannedStart& one : plan.starts) {
    const auto found = ends.find({one.worker, one.start});
    if (one.start > 0 && found != ends.end()) one.after_job = found->second;
  }
  std::stable_sort(
      plan.starts.begin(), plan.starts.end(), [](const PlannedStart& a, const PlannedStart& b) {
        return a.start < b.start;
      });
}

JobPlanning::JobPlanning(std::unique_ptr<const JobSnapshot> snapshot)
    : state_(std::make_unique<State>(std::move(snapshot))) {}
JobPlanning::~JobPlanning() = default;

const JobSnapshot& JobPlanning::snapshot() const {
  return *state_->snapshot;
}

bool JobPlanning::advance(uint64_t steps) {
  if (state_->engine == nullptr) return false;
  state_->steps += steps;
  return state_->engine->advance(steps);
}

JobPlan JobPlanning::finish() {
  State& self = *state_;
  JobPlan plan;
  plan.plan_id = self.snapshot->plan_id;
  plan.previous_plan = self.snapshot->previous_plan;
  plan.cause = self.snapshot->cause;
  plan.workers = static_cast<uint32_t>(self.snapshot->hosts.size());
  plan.running = static_cast<uint32_t>(self.snapshot->holding.size());
  plan.pending = self.snapshot->pending;
  plan.snapshot_us = self.snapshot->snapshot_us;
  plan.steps = self.steps;
  const Problem& problem = self.built.problem;
  if (self.engine == nullptr) {
    plan.engine = "greedy";
    plan.proved = true;
    self.add_starts(nullptr, plan);
  } else {
    const Schedule& schedule = self.cheapest();
    plan.engine = search_name(problem);
    plan.fault = schedule_fault(problem, schedule.tasks);
    const double moves = self.price_of(schedule) / self.unit.size;
    plan.terms = {{self.unit.name, schedule.cost / self.unit.size}, {"moves", moves}};
    plan.cost = schedule.cost / self.unit.size + moves;
    plan.greedy = self.greedy.cost / self.unit.size;
    plan.bound = std::min(self.engine->bound() / self.unit.size, plan.cost);
    plan.proved = self.engine->proved() && &schedule == self.engine->best();
    if (plan.fault.empty()) self.add_starts(&schedule, plan);
  }
  const uint32_t again = plan.diff.kept + plan.diff.moved;
  plan.diff.gone = self.snapshot->previous_jobs - std::min(self.snapshot->previous_jobs, again);
  return plan;
}

JobPlan plan_jobs(std::unique_ptr<const JobSnapshot> snapshot, uint64_t steps) {
  constexpr uint64_t kSlice = 100'000;
  JobPlanning planning(std::move(snapshot));
  for (uint64_t done = 0; done < steps; done += kSlice) {
    if (!planning.advance(std::min(kSlice, steps - done))) break;
  }
  return planning.finish();
}

}  // namespace berth::core
