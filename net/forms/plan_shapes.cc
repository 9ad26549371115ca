#include "net/forms/plan_shapes.h"

#include <utility>

namespace berth::forms {
namespace {

double seconds(client::Microseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}

/// Where nothing was ever answered, nothing has a cost.
Json cost_json(const client::PlanSummary& plan, double cost) {
  return plan.engine.empty() ? Json(nullptr) : Json(cost);
}

}  // namespace

Json plan_json(const client::PlanSummary& plan) {
  Json terms = Json::object();
  for (const auto& [name, value] : plan.terms)
    terms[name] = value;
  return {
      {"plan_id", plan.id},
      {"previous_plan_id", plan.previous},
      {"made_at", time_json(plan.made_at_ms)},
      {"cause", plan.cause},
      {"objective", plan.objective},
      {"outcome", plan.outcome},
      {"engine", plan.engine},
      {"workers", plan.workers},
      {"running", plan.running},
      {"pending", plan.pending},
      {"planned", plan.planned},
      {"started", plan.started},
      {"diff",
       {{"added", plan.added}, {"kept", plan.kept}, {"moved", plan.moved}, {"gone", plan.gone}}},
      {"cost", cost_json(plan, plan.cost)},
      {"greedy_cost", cost_json(plan, plan.greedy_cost)},
      {"bound", cost_json(plan, plan.bound)},
      {"gap", cost_json(plan, plan.gap)},
      {"proved", plan.proved},
      {"terms", std::move(terms)},
      {"snapshot_s", seconds(plan.snapshot)},
      {"elapsed_s", seconds(plan.elapsed)},
      {"steps", plan.steps},
      {"note", plan.note}};
}

Json planned_job_json(const client::PlannedJob& job) {
  return {
      {"job_id", job.job},
      {"worker_id", job.worker},
      {"start_at", time_json(job.start_at_ms)},
      {"duration_s", seconds(job.duration)},
      {"state", job.state},
      {"change", job.change},
      {"previous_worker_id", job.previous_worker},
      {"previous_start_at", time_json(job.previous_start_at_ms)},
      {"deadline_at", time_json(job.deadline_at_ms)},
      {"after_job_id", job.after_job},
      {"why", job.why},
      {"gpus", job.gpus}};
}

Json planner_json(const client::PlannerHealth& planner) {
  return {
      {"state", planner.state},
      {"reason", planner.reason},
      {"retry_in_s", seconds(planner.retry_in)},
      {"plans", planner.plans},
      {"fallbacks", planner.fallbacks}};
}

Json plan_page_json(const client::PlanPage& page) {
  Json plans = Json::array();
  for (const client::PlanSummary& plan : page.plans)
    plans.push_back(plan_json(plan));
  return {{"plans", std::move(plans)}, {"planner", planner_json(page.planner)}};
}

Json plan_details_json(const client::PlanDetails& details) {
  Json json = plan_json(details.plan);
  Json jobs = Json::array();
  for (const client::PlannedJob& job : details.jobs)
    jobs.push_back(planned_job_json(job));
  json["jobs"] = std::move(jobs);
  return json;
}

}  // namespace berth::forms
