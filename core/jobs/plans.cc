#include <algorithm>
#include <string>
#include <utility>

#include "core/jobs/ledger_state.h"

// What becomes of the planner's answer.
namespace berth::core {

namespace {

using wire::PlanOutcome;

Duration length_of(Ticks ticks) {
  return {ticks * 1'000};
}

}  // namespace

uint64_t JobLedger::State::version_of(const Job& job) {
  const Attempt* last = edges::last_attempt(job);
  return last == nullptr ? 0 : last->id.epoch;
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
  const wire::PlanRow kept = record.row;
  if (plans.add(std::move(record))) tell_plan(now, kept, note);
}

/// Once for each plan that stays: one for nobody after another would be an event each second.
void JobLedger::State::tell_plan(Now now, const wire::PlanRow& row, const std::string& note) {
  wire::JobEvent event = event_of(now, wire::EventKind::Plan);
  event.plan = row.id;
  event.plan_of = wire::PlanOf::Jobs;
  event.plan_cause = row.cause;
  event.plan_outcome = row.outcome;
  event.count = row.planned;
  event.moved = row.diff.moved;
  event.reason = note;
  events.add(event);
}

}  // namespace berth::core
