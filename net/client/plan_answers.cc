#include "net/client/answers.h"
#include "wire/tokens.h"

// Replies about plans to owned values.

namespace berth::client {
namespace {

PlanSummary to_owned(const wire::PlanRow& from) {
  PlanSummary to{
      .id = from.id,
      .previous = from.previous,
      .made_at_ms = from.made_at_ms,
      .cause = std::string(wire::plan_cause_token(from.cause)),
      .objective = std::string(wire::plan_objective_token(from.objective)),
      .outcome = std::string(wire::plan_outcome_token(from.outcome)),
      .engine = std::string(from.engine),
      .workers = from.workers,
      .running = from.running,
      .pending = from.pending,
      .planned = from.planned,
      .started = from.started,
      .added = from.diff.added,
      .kept = from.diff.kept,
      .moved = from.diff.moved,
      .gone = from.diff.gone,
      .cost = from.cost.total,
      .greedy_cost = from.cost.greedy,
      .bound = from.cost.bound,
      .gap = from.cost.gap,
      .proved = from.cost.proved,
      .snapshot = Microseconds(from.snapshot_us),
      .elapsed = Microseconds(from.elapsed_us),
      .steps = from.steps,
      .note = std::string(from.note),
  };
  for (const wire::CostTerm& term : from.cost.terms)
    to.terms.emplace_back(term.name, term.value);
  return to;
}

PlannedJob to_owned(const wire::PlannedJob& from) {
  return {
      .job = from.job.value,
      .worker = std::string(from.worker),
      .start_at_ms = from.start_at_ms,
      .duration = Milliseconds(from.duration_ms),
      .state = std::string(wire::planned_state_token(from.state)),
      .change = std::string(wire::plan_change_token(from.change)),
      .previous_worker = std::string(from.previous_worker),
      .previous_start_at_ms = from.previous_start_at_ms,
      .deadline_at_ms = from.deadline_at_ms,
      .after_job = from.after_job.value,
      .why = std::string(from.why),
      .gpus = {from.gpus.begin(), from.gpus.end()},
  };
}

}  // namespace

template <>
Result<PlanPage> answer_from(const wire::Reply& reply) {
  const auto* page = std::get_if<wire::PlanPage>(&reply);
  if (page == nullptr) return unexpected_error(reply);
  PlanPage to{.next_before = page->next_before};
  for (const wire::PlanRow& row : page->rows)
    to.plans.push_back(to_owned(row));
  to.planner = {
      .state = std::string(wire::planner_state_token(page->planner.state)),
      .reason = std::string(page->planner.reason),
      .retry_in = Milliseconds(page->planner.retry_in_ms),
      .plans = page->planner.plans,
      .fallbacks = page->planner.fallbacks,
  };
  return to;
}

template <>
Result<PlanDetails> answer_from(const wire::Reply& reply) {
  const auto* details = std::get_if<wire::PlanDetails>(&reply);
  if (details == nullptr) return unexpected_error(reply);
  PlanDetails to{.plan = to_owned(details->row), .next_cursor = details->next_cursor};
  for (const wire::PlannedJob& job : details->jobs)
    to.jobs.push_back(to_owned(job));
  return to;
}

}  // namespace berth::client
