#include "core/plan/job_plan.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "core/plan/bounds.h"
#include "core/plan/engine/decoder.h"
#include "core/plan/engine/solver.h"
#include "core/plan/fragmentation.h"
#include "core/plan/job_problem.h"
#include "core/plan/plan_devices.h"
#include "core/plan/plan_part.h"

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
    if (built.ranges.empty()) return;
    unit = unit_of(built.problem.goal, built.problem.tasks.size());
    built.problem.leftovers =
        leftovers_of(built.problem, snapshot->fragmentation_price * unit.size);
    if (!built.devices.empty()) devices.emplace(devices_of(*snapshot, built));
    chosen.tasks.resize(built.problem.tasks.size());
    gpus.resize(built.problem.tasks.size());
    for (const JobRange& range : built.ranges)
      searched += PlanPart::is_searched(*snapshot, built, range) ? 1 : 0;
    unsearched = searched;
    begin_next(true);
  }

  void begin_next(bool search);
  void settle();
  Schedule with_devices(const JobRange& range, const Schedule& best);
  bool advance(uint64_t given);
  void finish(JobPlan& plan);
  void make_greedy();
  void allow_late_ends();
  double price_of(const Schedule& schedule) const;
  void add_starts(JobPlan& plan);
  void add_start(uint32_t waiting, const Assigned& at, GpuSet set, JobPlan& plan);

  const std::unique_ptr<const JobSnapshot> snapshot;
  JobProblem built;
  Unit unit{"", 1};
  size_t searched = 0;             ///< ranges that are
  size_t unsearched = 0;           ///< of them
  size_t next = 0;                 ///< the range after `part`
  std::unique_ptr<PlanPart> part;  ///< null: all is decided
  uint64_t share = 0;              ///< steps that it still may take
  std::vector<Problem::Busy> decided;
  std::optional<PlanDevices> devices;  ///< nothing: nobody asks for any
  size_t tries = PlanDevices::kTriesMax;
  Schedule chosen;
  std::vector<GpuSet> gpus;  ///< of each of the chosen
  Schedule greedy;
  double bound = 0;
  std::string engine = "greedy";
  uint64_t steps = 0;
};

/// Up to the next range that is searched; without `search` none is any more.
void JobPlanning::State::begin_next(bool search) {
  // What a thread does in a millisecond, roughly; only shares are cut by it.
  constexpr uint64_t kStepsPerMs = 20'000;
  constexpr uint64_t kShareMin = 50'000;
  for (part.reset(); next < built.ranges.size(); settle()) {
    JobRange range = built.ranges[next++];
    range.search = range.search && search;
    part = std::make_unique<PlanPart>(*snapshot, built, decided, range);
    if (!PlanPart::is_searched(*snapshot, built, range)) continue;
    const auto budget = static_cast<uint64_t>(snapshot->budget.ms()) * kStepsPerMs;
    share = std::max(kShareMin, budget / searched);
    if (unsearched == searched) engine = part->engine_name();
    --unsearched;
    return;
  }
}

/// What is best for those of the range is what those behind it have to live with.
void JobPlanning::State::settle() {
  const JobRange& range = built.ranges[next - 1];
  if (built.ranges.size() == 1) greedy = part->greedy();
  Schedule best = part->choose();
  if (devices) best = with_devices(range, best);
  for (uint32_t task = range.begin; task < range.end; ++task) {
    const Assigned& at = chosen.tasks[task] = best.tasks[task - range.begin];
    Problem::Task& one = built.problem.tasks[task];
    one.deadline = part->problem().tasks[task - range.begin].deadline;
    if (next == built.ranges.size()) continue;
    decided.push_back({at.worker, at.start + one.duration, one.demand, at.start});
  }
  if (built.ranges.size() == 1) {
    chosen.cost = best.cost;
    chosen.leftovers = best.leftovers;
    bound = part->bound();
    if (devices) allow_late_ends();
  }
  part.reset();
}

/// Greedy's schedule has to wait for devices, too, and may then be the better one.
Schedule JobPlanning::State::with_devices(const JobRange& range, const Schedule& best) {
  using Order = PlanDevices::Order;
  PlanDevices::Fitted fitted = devices->fit(range, best.tasks, Order::OfStarts, tries);
  PlanDevices::Fitted other = devices->fit(range, part->greedy().tasks, Order::OfTheQueue, tries);
  Schedule schedule{fitted.tasks};
  Schedule by_greedy{other.tasks};
  set_cost(part->problem(), schedule);
  set_cost(part->problem(), by_greedy);
  if (built.ranges.size() == 1) greedy = by_greedy;
  if (by_greedy.cost < schedule.cost) {
    schedule = std::move(by_greedy);
    fitted = std::move(other);
  }
  part->order_alike(schedule, &fitted.gpus);
  std::copy(fitted.gpus.begin(), fitted.gpus.end(), gpus.begin() + range.begin);
  devices->decide(std::move(fitted));
  return schedule;
}

/// Who wants few workers may not wait for ever, but for devices.
void JobPlanning::State::allow_late_ends() {
  if (built.problem.goal != Goal::WorkersUsed) return;
  for (uint32_t task = 0; task < chosen.tasks.size(); ++task) {
    Problem::Task& one = built.problem.tasks[task];
    one.deadline = std::max(one.deadline, chosen.tasks[task].start + one.duration);
  }
}

bool JobPlanning::State::advance(uint64_t given) {
  steps += given;
  while (part != nullptr) {
    const uint64_t taken = unsearched > 0 ? std::min(given, share) : given;
    const bool better = part->advance(taken);
    given -= taken;
    share -= std::min(share, taken);
    if (!better || (unsearched > 0 && share == 0)) {
      settle();
      begin_next(true);
    } else if (given == 0) {
      return true;
    }
  }
  return false;
}

/// Where there are several ranges: each as greedy has it gives the same as all of them in turn.
void JobPlanning::State::make_greedy() {
  std::vector<uint32_t> order(built.problem.tasks.size());
  std::iota(order.begin(), order.end(), 0);
  (void)Decoder(built.problem).decode(order, {}, greedy);
  std::vector<GpuSet> greedy_gpus(order.size());
  if (devices) {
    const JobRange all{0, static_cast<uint32_t>(order.size()), false};
    PlanDevices::Fitted fitted =
        devices_of(*snapshot, built).fit(all, greedy.tasks, PlanDevices::Order::OfTheQueue, tries);
    greedy = {std::move(fitted.tasks), 0};
    set_cost(built.problem, greedy);
    greedy_gpus = std::move(fitted.gpus);
  }
  bound = lower_bound(built.problem);
  set_cost(built.problem, chosen);
  if (chosen.cost > greedy.cost) {
    // What the first gained has cost the others more.
    chosen = greedy;
    gpus = std::move(greedy_gpus);
  } else if (!devices) {
    return;
  }
  allow_late_ends();
}

double JobPlanning::State::price_of(const Schedule& schedule) const {
  uint32_t moves = 0;
  for (uint32_t task = 0; task < built.tasks.size(); ++task) {
    const uint32_t host = snapshot->waiting[built.tasks[task]].previous_host;
    moves += host != kNoHost && host != schedule.tasks[task].worker ? 1 : 0;
  }
  return snapshot->move_price * moves * greedy.cost / static_cast<double>(built.tasks.size());
}

void JobPlanning::State::add_start(
    uint32_t waiting, const Assigned& at, GpuSet set, JobPlan& plan) {
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
  start.gpus = set;
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
void JobPlanning::State::add_starts(JobPlan& plan) {
  if (built.first) add_start(built.first->waiting, built.first->at, built.first->gpus, plan);
  for (uint32_t task = 0; task < chosen.tasks.size(); ++task)
    add_start(built.tasks[task], chosen.tasks[task], gpus[task], plan);
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
  return state_->advance(steps);
}

/// Of what is not decided yet as much as was found; the rest as greedy has it.
void JobPlanning::State::finish(JobPlan& plan) {
  if (part != nullptr) {
    settle();
    begin_next(false);
  }
  if (built.ranges.empty()) {
    plan.proved = true;
    return add_starts(plan);
  }
  if (built.ranges.size() > 1) make_greedy();
  plan.fault = schedule_fault(built.problem, chosen.tasks);
  if (plan.fault.empty() && devices) {
    plan.fault = devices_fault(*snapshot, built, chosen.tasks, gpus);
  }
  const double moves = price_of(chosen) / unit.size;
  const double goal = goal_cost(built.problem, chosen.tasks) / unit.size;
  plan.cost = chosen.cost / unit.size + moves;
  plan.terms = {
      {unit.name, goal}, {"moves", moves}, {"fragmentation", chosen.cost / unit.size - goal}};
  plan.greedy = greedy.cost / unit.size;
  plan.bound = std::min(bound / unit.size, plan.cost);
  plan.proved = chosen.cost <= bound + chosen.leftovers;
  if (plan.fault.empty()) add_starts(plan);
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
  self.finish(plan);
  plan.engine = self.engine;
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
