#include <algorithm>
#include <string>
#include <utility>

#include "core/jobs/ledger_state.h"
#include "core/plan/snapshot.h"

// What is asked of the planner, and what becomes of its answer.
namespace berth::core {

namespace {

using wire::PlanCause;
using wire::PlanOutcome;

/// The jobs of one plan, from the front of the queue.
constexpr size_t kJobsMax = 10'000;
/// Jobs that are looked at for them: most may be too short to be worth it.
constexpr size_t kLookedAtMax = 20'000;
/// Without any that is.
constexpr size_t kLookedAtFirst = 2'000;

constexpr Duration kRepairBudget = Duration::milliseconds(40);

Ticks ticks(Duration length) {
  return length.ns / 1'000;
}

Duration length_of(Ticks ticks) {
  return {ticks * 1'000};
}

}  // namespace

bool JobLedger::State::wants_plan(Now now) {
  plan_cause.reset();
  if (!settings.plan.on || queue.blocked() == 0) return false;
  plan_cause = planner.cause(now, queue.blocked());
  return plan_cause.has_value();
}

/// What was promised on a worker that is lost, or was refused, is to have another place at once;
/// the next plan has time to look for better ones.
Duration JobLedger::State::budget_for(PlanCause cause) const {
  const bool repairs = cause == PlanCause::WorkerLost || cause == PlanCause::Refused;
  return repairs ? std::min(settings.plan.budget, kRepairBudget) : settings.plan.budget;
}

std::unique_ptr<JobSnapshot> JobLedger::State::take_snapshot(Now now) {
  if (!wants_plan(now)) return nullptr;
  auto snapshot = std::make_unique<JobSnapshot>();
  snapshot->cause = *plan_cause;
  snapshot->objective = settings.plan.objective;
  const bool counts_waiting = settings.plan.objective == wire::PlanObjective::Slowdown;
  snapshot->patience = counts_waiting ? settings.plan.patience : 0;
  snapshot->move_price = settings.plan.move_price;
  snapshot->budget = budget_for(*plan_cause);
  snapshot->taken = now.mono;
  snapshot->taken_at_ms = now.wall_ms;
  snapshot->pending = static_cast<uint32_t>(queue.blocked());
  snapshot->previous_plan = promises.empty() ? 0 : standing_plan;
  snapshot->previous_jobs = standing_jobs;
  add_hosts(*snapshot);
  if (!snapshot->hosts.empty()) add_waiting(now, *snapshot);
  if (snapshot->waiting.empty()) {
    planner.put_off(now, queue.blocked());
    return nullptr;
  }
  add_holding(now, *snapshot);
  snapshot->plan_id = planner.begin(now, queue.blocked());
  snapshot->seed = snapshot->plan_id;
  asked_for = {};
  asked_for.plan_id = snapshot->plan_id;
  asked_for.previous_plan = snapshot->previous_plan;
  asked_for.cause = snapshot->cause;
  asked_for.workers = static_cast<uint32_t>(snapshot->hosts.size());
  asked_for.running = static_cast<uint32_t>(snapshot->holding.size());
  asked_for.pending = snapshot->pending;
  counters.add(Counter::PlannerRuns);
  return snapshot;
}

/// Workers that somebody speaks for and that may be placed on. What is suspicious is left to
/// greedy.
void JobLedger::State::add_hosts(JobSnapshot& snapshot) {
  snapshot.hosts.reserve(workers.size());
  host_of.assign(workers.size(), kNoHost);
  SnapshotWorker seen;
  for (WorkerNumber number = 0; number < workers.size(); ++number) {
    const WorkerEntry& worker = workers.at(number);
    if (!worker.attached || !worker.row_known) continue;
    if (!snapshot_worker(tables.fleet, worker.row, seen)) continue;
    if (seen.suspicious || seen.generation != worker.generation) continue;
    host_of[number] = static_cast<uint32_t>(snapshot.hosts.size());
    SnapshotHost& host = snapshot.hosts.emplace_back();
    host.worker = number;
    host.row = seen.index;
    host.generation = seen.generation;
    host.node = seen.node;
    host.names_begin = static_cast<uint32_t>(snapshot.names.size());
    snapshot.names.insert(snapshot.names.end(), seen.names.begin(), seen.names.end());
    host.names_end = static_cast<uint32_t>(snapshot.names.size());
  }
}

void JobLedger::State::add_waiting(Now now, JobSnapshot& snapshot) {
  absl::flat_hash_map<JobClass, uint32_t> query_of;
  snapshot.waiting.reserve(std::min(queue.blocked(), kJobsMax));
  size_t looked_at = 0;
  for (const auto& [like, turn] : queue.first(kLookedAtMax)) {
    if (++looked_at > kLookedAtFirst && snapshot.waiting.empty()) return;
    if (!queue.is_blocked(like)) continue;
    const Job& job = *jobs.find(turn.id);
    const Duration length = {static_cast<int64_t>(expected_median(now, job) * 1e9)};
    if (length.ns <= 0 || length < settings.plan.job_min) continue;
    const auto [query, fresh] = query_of.try_emplace(like, snapshot.queries.size());
    if (fresh) add_query(classes.query(like, job), snapshot);
    if (snapshot.queries[query->second].query.spread) continue;
    for (uint32_t i = 0; i < job.count && snapshot.waiting.size() < kJobsMax; ++i)
      add_waiting(now, job, i, query->second, ticks(length), snapshot);
    if (snapshot.waiting.size() == kJobsMax) return;
  }
}

void JobLedger::State::add_query(const Query& query, JobSnapshot& snapshot) {
  SnapshotQuery& added = snapshot.queries.emplace_back();
  added.query = query;
  for (const std::string& name : query.exclude) {
    const WorkerNumber worker = workers.find(name);
    if (worker != kNoWorker && host_of[worker] != kNoHost)
      added.excluded.push_back(host_of[worker]);
  }
  std::sort(added.excluded.begin(), added.excluded.end());
}

/// The element of `job`, which may be the rest of an array, that is `at` behind its first.
void JobLedger::State::add_waiting(
    Now now, const Job& job, uint32_t at, uint32_t query, Ticks length, JobSnapshot& snapshot) {
  WaitingJob& added = snapshot.waiting.emplace_back();
  added.job = job.id.value + at;
  added.array = job.array.value;
  added.version = version_of(job);
  added.query = query;
  added.priority = job.priority;
  added.duration = length;
  added.waited = std::max<int64_t>(now.wall_ms - job.submitted_at_ms, 0) * 1'000;
  if (job.deadline_at_ms != 0) added.deadline = (job.deadline_at_ms - now.wall_ms) * 1'000;
  if (const Promise* promise = promises.find({added.job})) {
    added.previous_host = host_of[promise->worker];
    added.previous_start = ticks(promise->start - now.mono);
  }
  if (!job.run) return;
  const auto avoid = [&](WorkerNumber worker) {
    if (worker != kNoWorker && host_of[worker] != kNoHost) added.avoided.push_back(host_of[worker]);
  };
  for (const Attempt& one : job.run->attempts) {
    if (failed_there(one)) avoid(one.worker);
  }
  for (WorkerNumber worker : job.run->refused_by)
    avoid(worker);
  std::sort(added.avoided.begin(), added.avoided.end());
}

void JobLedger::State::add_holding(Now now, JobSnapshot& snapshot) {
  snapshot.holding.reserve(snapshot.hosts.size());
  for (uint32_t host = 0; host < snapshot.hosts.size(); ++host) {
    for (uint64_t id : sorted_leases(snapshot.hosts[host].worker)) {
      const Job& job = *jobs.find({id});
      const Holding* holding = placement.held_by({job.run->reservation});
      if (holding == nullptr) continue;
      snapshot.holding.push_back({id, host, ticks(expected_duration(now, job)), *holding});
    }
  }
}

uint64_t JobLedger::State::version_of(const Job& job) {
  const Attempt* last = edges::last_attempt(job);
  return last == nullptr ? 0 : last->id.epoch;
}

/// Valid until the next call.
std::span<const uint64_t> JobLedger::State::sorted_leases(WorkerNumber worker) {
  const auto& leases = workers.at(worker).leases;
  leases_of_one.assign(leases.begin(), leases.end());
  if (leases_of_one.size() > 1) std::sort(leases_of_one.begin(), leases_of_one.end());
  return leases_of_one;
}

/// A plan that nobody waits for any more changes nothing.
std::optional<PlanOutcome> JobLedger::State::on_plan(Now now, const JobPlan& plan) {
  if (!planner.expects(plan.plan_id)) return std::nullopt;
  if (!plan.fault.empty()) {
    return fall_back(now, plan, PlanOutcome::Failed, "a plan broke a rule: " + plan.fault);
  }
  // The price of its moves is no reason to distrust it.
  const double moves = plan.terms.size() > 1 ? plan.terms[1].second : 0;
  if (plan.cost - moves > plan.greedy * (1 + 1e-9)) {
    return fall_back(now, plan, PlanOutcome::Worse, "a plan cost more than greedy's own");
  }
  planner.succeeded(now);
  counters.add(Counter::PlansMade);
  counters.measure(Measure::PlanLatency, now.mono - planner.asked());
  drop_promises();
  const Instant taken = planner.asked();
  size_t stands = 0;
  for (const PlannedStart& start : plan.starts) {
    if (!still_holds(start)) continue;
    promise(taken, start, plan.plan_id);
    ++stands;
  }
  standing_plan = plan.plan_id;
  standing_jobs = static_cast<uint32_t>(plan.starts.size());
  plan_changed = true;
  freed = true;  // what could not start before, for it would have moved a promise, may now
  const PlanOutcome outcome =
      stands == 0 && !plan.starts.empty() ? PlanOutcome::Stale : PlanOutcome::Applied;
  keep(now, plan, outcome, {});
  return outcome;
}

/// Ids and versions: what was assigned, aborted or given to another worker since is left out.
bool JobLedger::State::still_holds(const PlannedStart& start) {
  const Job* job = jobs.find({start.job});
  if (job == nullptr || !job->queued || version_of(*job) != start.version) return false;
  if (promises.find({start.job}) != nullptr) return false;
  const WorkerEntry& worker = workers.at(start.worker);
  return worker.attached && worker.row_known && worker.row == start.row &&
         worker.generation == start.generation;
}

bool JobLedger::State::avoids_workers(const Job& job) {
  return job.run && (!job.run->refused_by.empty() ||
                     std::any_of(job.run->attempts.begin(), job.run->attempts.end(), failed_there));
}

void JobLedger::State::promise(Instant taken, const PlannedStart& start, uint64_t plan) {
  Job& job = *jobs.find({start.job});
  Promise promise;
  promise.job = {start.job};
  promise.turn = {job.priority, job.deadline_at_ms, promise.job};
  promise.like = job.like;
  promise.unlike = avoids_workers(job);
  promise.plan = plan;
  promise.worker = start.worker;
  promise.row = start.row;
  promise.generation = start.generation;
  promise.start = taken + length_of(start.start);
  promise.length = length_of(start.duration);
  promise.gpus = start.gpus;
  promise.demand = classes.query(job.like, job).demand;
  promises.add(std::move(promise));
}

/// For good, or because a new plan has others.
void JobLedger::State::drop_promises() {
  promises.clear();
  standing_plan = 0;
  standing_jobs = 0;
}

PlanOutcome JobLedger::State::fall_back(
    Now now, const JobPlan& plan, PlanOutcome outcome, const std::string& why) {
  planner.failed(now, why);
  counters.add(Counter::PlannerFallbacks);
  drop_promises();
  freed = true;
  keep(now, plan, outcome, why);
  return outcome;
}

/// Greedy goes on alone when the planner does not answer.
void JobLedger::State::check_planner(Now now) {
  if (!planner.is_late(now)) return;
  const Duration waited = now.mono - planner.asked();
  asked_for.elapsed_us = static_cast<uint32_t>(std::min<int64_t>(waited.ns / 1'000, UINT32_MAX));
  (void)fall_back(now, asked_for, PlanOutcome::Late, "a plan did not come in time");
}

/// For those who ask what was planned.
void JobLedger::State::keep(
    Now now, const JobPlan& plan, PlanOutcome outcome, const std::string& note) {
  PlanRecord record;
  wire::PlanRow& row = record.row;
  row.id = plan.plan_id;
  row.previous = plan.previous_plan;
  row.made_at_ms = now.wall_ms - (now.mono - planner.asked()).ms();
  row.cause = plan.cause;
  row.objective = settings.plan.objective;
  row.outcome = outcome;
  row.workers = plan.workers;
  row.running = plan.running;
  row.pending = plan.pending;
  row.planned = static_cast<uint32_t>(plan.starts.size());
  row.diff = plan.diff;
  row.cost = {plan.cost, plan.greedy, plan.bound, 0, plan.proved, {}};
  if (plan.cost > 0) row.cost.gap = std::max(0.0, (plan.cost - plan.bound) / plan.cost);
  row.snapshot_us = plan.snapshot_us;
  row.elapsed_us = plan.elapsed_us;
  row.steps = plan.steps;
  record.engine = plan.engine;
  record.note = note;
  record.terms = plan.terms;
  for (const PlannedStart& start : plan.starts) {
    PlannedRow& job = record.jobs.emplace_back();
    job.job = {start.job};
    job.worker = start.worker;
    job.start_at_ms = row.made_at_ms + start.start / 1'000;
    job.duration_ms = static_cast<uint64_t>(start.duration / 1'000);
    job.after_job = {start.after_job};
    job.gpus = start.gpus;
    job.change = start.change;
    job.previous_worker = start.previous_worker;
    if (job.previous_worker != kNoWorker) {
      job.previous_start_at_ms = row.made_at_ms + start.previous_start / 1'000;
    }
    if (const Job* known = jobs.find(job.job)) job.deadline_at_ms = known->deadline_at_ms;
    if (outcome != PlanOutcome::Applied || promises.find(job.job) == nullptr) {
      job.state = wire::PlannedState::Dropped;
    }
  }
  plans.add(std::move(record));
}

}  // namespace berth::core
