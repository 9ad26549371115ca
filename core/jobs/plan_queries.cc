#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "core/jobs/ledger_state.h"

// What people ask of plans.
namespace berth::core {

namespace {

using wire::Refusal;

constexpr uint32_t kPlansPerPage = 100;
constexpr uint32_t kJobsPerPage = 500;

uint32_t up_to(uint32_t asked, uint32_t most) {
  return asked == 0 ? most : std::min(asked, most);
}

std::string why(const PlannedRow& row, std::string_view worker, int64_t made_at_ms) {
  const std::string where(worker);
  if (row.start_at_ms <= made_at_ms) return where + " has room for it now";
  std::string text = where + " has room for it when ";
  text += row.after_job.value != 0 ? "job " + std::to_string(row.after_job.value) + " ends"
                                   : std::string("what is planned before it there has ended");
  if (row.deadline_at_ms == 0) return text;
  const int64_t late_ms =
      row.start_at_ms + static_cast<int64_t>(row.duration_ms) - row.deadline_at_ms;
  if (late_ms <= 0) return text + ", in time for its deadline";
  return text + ", " + std::to_string(late_ms) + " ms after its deadline";
}

}  // namespace

wire::PlanRow JobLedger::State::row_of(const PlanRecord& plan) {
  Arena& text = outbox.text();
  wire::PlanRow row = plan.row;
  row.engine = text.keep(plan.engine);
  row.note = text.keep(plan.note);
  auto* terms = text.allocate<wire::CostTerm>(plan.terms.size());
  for (size_t i = 0; i < plan.terms.size(); ++i)
    new (terms + i) wire::CostTerm{text.keep(plan.terms[i].first), plan.terms[i].second};
  row.cost.terms = {terms, plan.terms.size()};
  return row;
}

wire::PlannedJob JobLedger::State::row_of(const PlanRecord& plan, const PlannedRow& row) {
  Arena& text = outbox.text();
  wire::PlannedJob job;
  job.job = row.job;
  job.worker = text.keep(workers.name(row.worker));
  job.start_at_ms = row.start_at_ms;
  job.duration_ms = row.duration_ms;
  job.state = row.state;
  job.change = row.change;
  job.previous_worker = text.keep(workers.name(row.previous_worker));
  job.previous_start_at_ms = row.previous_start_at_ms;
  job.deadline_at_ms = row.deadline_at_ms;
  job.after_job = row.after_job;
  job.why = text.keep(why(row, job.worker, plan.row.made_at_ms));
  std::vector<uint16_t> gpus;
  for (GpuSet left = row.gpus; left != 0; left = static_cast<GpuSet>(left & (left - 1)))
    gpus.push_back(static_cast<uint16_t>(std::countr_zero(left)));
  job.gpus = text.keep_all<uint16_t>(gpus);
  return job;
}

void JobLedger::State::on(const Call& call, const wire::ListPlans& list) {
  const auto& kept = plans.plans();
  const uint32_t limit = up_to(list.limit, kPlansPerPage);
  std::vector<wire::PlanRow> rows;
  wire::PlanPage page;
  for (auto plan = kept.rbegin(); plan != kept.rend(); ++plan) {
    if (list.before != 0 && plan->row.id >= list.before) continue;
    if (rows.size() == limit) {
      page.next_before = rows.back().id;
      break;
    }
    rows.push_back(row_of(*plan));
  }
  page.rows = outbox.text().keep_all<wire::PlanRow>(rows);
  page.planner = planner.health(call.now);
  page.planner.reason = outbox.text().keep(page.planner.reason);
  reply(call, page);
}

void JobLedger::State::on(const Call& call, const wire::GetPlan& get) {
  const PlanRecord* plan = nullptr;
  if (get.plan != 0) {
    plan = plans.find(get.plan);
  } else if (get.job.value != 0) {
    plan = plans.newest_with(get.job);
  } else if (!plans.plans().empty()) {
    plan = &plans.plans().back();
  }
  if (plan == nullptr) return refuse(call, Refusal::NotFound, no_such_plan(call.now, get));
  const uint32_t limit = up_to(get.limit, kJobsPerPage);
  std::vector<wire::PlannedJob> rows;
  wire::PlanDetails details;
  details.row = row_of(*plan);
  for (size_t at = get.cursor; at < plan->jobs.size(); ++at) {
    const PlannedRow& one = plan->jobs[at];
    if (get.job.value != 0 && one.job != get.job) continue;
    if (rows.size() == limit) {
      details.next_cursor = static_cast<uint32_t>(at);
      break;
    }
    rows.push_back(row_of(*plan, one));
  }
  if (get.job.value != 0 && rows.empty()) {
    return refuse(call, Refusal::NotFound, no_such_plan(call.now, get));
  }
  details.jobs = outbox.text().keep_all<wire::PlannedJob>(rows);
  reply(call, details);
}

/// Why no plan has it; null: the job does not wait.
const char* JobLedger::State::why_unplanned(Now now, const Job& job) {
  if (job.state != wire::JobState::Pending && job.state != wire::JobState::Retrying) return nullptr;
  if (!settings.plan.on) return "this server makes no plans (planner = false)";
  if (job.unmet > 0) return "jobs that it is after have not completed";
  if (job.ready_at > now.mono) return "its time has not come";
  const wire::JobSpec& spec = classes.read(job.spec.bytes());
  if (!spec.requirements.spread_by.empty()) return "jobs that spread over a label are not planned";
  if (classes.unsatisfiable(now, spec)) return "no worker could run it";
  if (length_to_plan(now, job).ns == 0) {
    return "planned are jobs that are expected to take a second or more; say how long with "
           "--estimate";
  }
  return "it is not planned yet";
}

std::string JobLedger::State::no_such_plan(Now now, const wire::GetPlan& get) {
  if (get.plan == 0 && get.job.value == 0) {
    return "no plan was made yet: jobs that fit at once are started without one";
  }
  if (get.job.value != 0) {
    const Job* job = jobs.find(get.job);
    if (job == nullptr)
      return "no job " + std::to_string(get.job.value) +
             ": it was never given, or ended too long ago";
    if (const char* why = get.plan == 0 ? why_unplanned(now, *job) : nullptr) {
      return "no plan has job " + std::to_string(get.job.value) + ", it waits: " + why;
    }
  }
  std::string text = "no plan";
  if (get.plan != 0) text += " " + std::to_string(get.plan);
  if (get.job.value != 0) text += " has job " + std::to_string(get.job.value);
  return text + (get.job.value != 0 ? ": it was started without one, or the plan is not kept any "
                                      "more"
                                    : ": it was never made, or is not kept any more");
}

}  // namespace berth::core
