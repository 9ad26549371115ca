#include "berth_generated.h"

#include "wire/decode_plan_parts.h"

namespace berth::wire {

void read(const fb::ListPlans& from, Reader&, ListPlans& to) {
  to.before = from.before();
  to.limit = from.limit();
}

void read(const fb::GetPlan& from, Reader&, GetPlan& to) {
  to.plan = from.plan();
  to.job = {from.job()};
  to.cursor = from.cursor();
  to.limit = from.limit();
}

void read(const fb::CostTerm& from, Reader&, CostTerm& to) {
  to.name = Reader::text(from.name());
  to.value = from.value();
}

void read(const fb::PlanCost& from, Reader& reader, PlanCost& to) {
  to.total = from.total();
  to.greedy = from.greedy();
  to.bound = from.bound();
  to.gap = from.gap();
  to.proved = from.proved();
  to.terms = reader.rows<CostTerm>(from.terms());
}

void read(const fb::PlanDiff& from, Reader&, PlanDiff& to) {
  to.added = from.added();
  to.kept = from.kept();
  to.moved = from.moved();
  to.gone = from.gone();
}

void read(const fb::PlanRow& from, Reader& reader, PlanRow& to) {
  to.id = from.id();
  to.previous = from.previous();
  to.made_at_ms = from.made_at_ms();
  to.cause = reader.enumerator(from.cause(), PlanCause::Freed);
  to.objective = reader.enumerator(from.objective(), PlanObjective::Workers);
  to.outcome = reader.enumerator(from.outcome(), PlanOutcome::Stale);
  to.engine = Reader::text(from.engine());
  to.workers = from.workers();
  to.running = from.running();
  to.pending = from.pending();
  to.planned = from.planned();
  to.started = from.started();
  if (from.diff() != nullptr) read(*from.diff(), reader, to.diff);
  if (from.cost() != nullptr) read(*from.cost(), reader, to.cost);
  to.snapshot_us = from.snapshot_us();
  to.elapsed_us = from.elapsed_us();
  to.steps = from.steps();
  to.note = Reader::text(from.note());
}

void read(const fb::PlannerHealth& from, Reader& reader, PlannerHealth& to) {
  to.state = reader.enumerator(from.state(), PlannerState::Bypassed);
  to.reason = Reader::text(from.reason());
  to.retry_in_ms = from.retry_in_ms();
  to.plans = from.plans();
  to.fallbacks = from.fallbacks();
}

void read(const fb::PlanPage& from, Reader& reader, PlanPage& to) {
  to.rows = reader.rows<PlanRow>(from.rows());
  to.next_before = from.next_before();
  if (from.planner() != nullptr) read(*from.planner(), reader, to.planner);
}

void read(const fb::PlannedJob& from, Reader& reader, PlannedJob& to) {
  to.job = {from.job()};
  to.worker = Reader::text(from.worker());
  to.start_at_ms = from.start_at_ms();
  to.duration_ms = from.duration_ms();
  to.state = reader.enumerator(from.state(), PlannedState::Dropped);
  to.change = reader.enumerator(from.change(), PlanChange::Moved);
  to.previous_worker = Reader::text(from.previous_worker());
  to.previous_start_at_ms = from.previous_start_at_ms();
  to.deadline_at_ms = from.deadline_at_ms();
  to.after_job = {from.after_job()};
  to.why = Reader::text(from.why());
  to.gpus = reader.numbers(from.gpus());
}

void read(const fb::PlanDetails& from, Reader& reader, PlanDetails& to) {
  if (from.row() != nullptr) read(*from.row(), reader, to.row);
  to.jobs = reader.rows<PlannedJob>(from.jobs());
  to.next_cursor = from.next_cursor();
}

}  // namespace berth::wire
