#include "core/jobs/plan_history.h"

#include <algorithm>

namespace berth::core {

namespace {

const PlannedRow* row_of(const PlanRecord& plan, wire::JobId job) {
  const auto found = std::find_if(
      plan.jobs.begin(), plan.jobs.end(), [&](const PlannedRow& row) { return row.job == job; });
  return found == plan.jobs.end() ? nullptr : &*found;
}

bool planned_nothing(const wire::PlanRow& row) {
  return row.outcome == wire::PlanOutcome::Applied && row.planned == 0;
}

}  // namespace

bool PlanHistory::add(PlanRecord&& plan) {
  // As many in a row as there are would push out those that planned something.
  const bool again =
      planned_nothing(plan.row) && !plans_.empty() && planned_nothing(plans_.back().row);
  if (again) plans_.pop_back();  // which has no jobs
  jobs_ += plan.jobs.size();
  plans_.push_back(std::move(plan));
  // The newest stays, however large it is.
  while (plans_.size() > 1 && (plans_.size() > kPlansMax || jobs_ > kJobsMax)) {
    jobs_ -= plans_.front().jobs.size();
    plans_.pop_front();
  }
  return !again;
}

PlanRecord* PlanHistory::find(uint64_t plan) {
  const auto at =
      std::lower_bound(plans_.begin(), plans_.end(), plan, [](const PlanRecord& one, uint64_t id) {
        return one.row.id < id;
      });
  return at == plans_.end() || at->row.id != plan ? nullptr : &*at;
}

void PlanHistory::mark(uint64_t plan, wire::JobId job, wire::PlannedState state) {
  PlanRecord* found = find(plan);
  if (found == nullptr) return;
  for (PlannedRow& row : found->jobs) {
    if (row.job != job || row.state == state) continue;
    row.state = state;
    if (state == wire::PlannedState::Started) ++found->row.started;
  }
}

const PlanRecord* PlanHistory::newest_with(wire::JobId job) const {
  for (auto plan = plans_.rbegin(); plan != plans_.rend(); ++plan) {
    if (row_of(*plan, job) != nullptr) return &*plan;
  }
  return nullptr;
}

}  // namespace berth::core
