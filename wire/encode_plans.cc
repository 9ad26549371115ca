#include "berth_generated.h"

#include "wire/encode_plan_parts.h"

namespace berth::wire {

Written<fb::ListPlans> write(Writer& writer, const ListPlans& list) {
  return fb::CreateListPlans(writer.builder, list.before, list.limit);
}

Written<fb::GetPlan> write(Writer& writer, const GetPlan& get) {
  return fb::CreateGetPlan(writer.builder, get.plan, get.job.value, get.cursor, get.limit);
}

Written<fb::CostTerm> write(Writer& writer, const CostTerm& term) {
  const auto name = writer.text(term.name);
  return fb::CreateCostTerm(writer.builder, name, term.value);
}

Written<fb::PlanCost> write(Writer& writer, const PlanCost& cost) {
  const auto terms = writer.rows<fb::CostTerm>(cost.terms);
  return fb::CreatePlanCost(
      writer.builder, cost.total, cost.greedy, cost.bound, cost.gap, cost.proved, terms);
}

Written<fb::PlanDiff> write(Writer& writer, const PlanDiff& diff) {
  return fb::CreatePlanDiff(writer.builder, diff.added, diff.kept, diff.moved, diff.gone);
}

Written<fb::PlanRow> write(Writer& writer, const PlanRow& row) {
  const auto engine = writer.text(row.engine);
  const auto diff = write(writer, row.diff);
  const auto cost = write(writer, row.cost);
  const auto note = writer.text(row.note);
  return fb::CreatePlanRow(
      writer.builder,
      row.id,
      row.previous,
      row.made_at_ms,
      static_cast<fb::PlanCause>(row.cause),
      static_cast<fb::PlanObjective>(row.objective),
      static_cast<fb::PlanOutcome>(row.outcome),
      engine,
      row.workers,
      row.running,
      row.pending,
      row.planned,
      row.started,
      diff,
      cost,
      row.snapshot_us,
      row.elapsed_us,
      row.steps,
      note);
}

Written<fb::PlannerHealth> write(Writer& writer, const PlannerHealth& health) {
  const auto reason = writer.text(health.reason);
  return fb::CreatePlannerHealth(
      writer.builder,
      static_cast<fb::PlannerState>(health.state),
      reason,
      health.retry_in_ms,
      health.plans,
      health.fallbacks);
}

Written<fb::PlanPage> write(Writer& writer, const PlanPage& page) {
  const auto rows = writer.rows<fb::PlanRow>(page.rows);
  const auto planner = write(writer, page.planner);
  return fb::CreatePlanPage(writer.builder, rows, page.next_before, planner);
}

Written<fb::PlannedJob> write(Writer& writer, const PlannedJob& job) {
  const auto worker = writer.text(job.worker);
  const auto previous_worker = writer.text(job.previous_worker);
  const auto why = writer.text(job.why);
  const auto gpus = writer.numbers(job.gpus);
  return fb::CreatePlannedJob(
      writer.builder,
      job.job.value,
      worker,
      job.start_at_ms,
      job.duration_ms,
      static_cast<fb::PlannedState>(job.state),
      static_cast<fb::PlanChange>(job.change),
      previous_worker,
      job.previous_start_at_ms,
      job.deadline_at_ms,
      job.after_job.value,
      why,
      gpus);
}

Written<fb::PlanDetails> write(Writer& writer, const PlanDetails& details) {
  const auto row = write(writer, details.row);
  const auto jobs = writer.rows<fb::PlannedJob>(details.jobs);
  return fb::CreatePlanDetails(writer.builder, row, jobs, details.next_cursor);
}

}  // namespace berth::wire
