#include "tools/cli/plan_text.h"

#include <unistd.h>

#include <cstdio>

#include "net/forms/times.h"
#include "tools/cli/shapes.h"
#include "tools/cli/table.h"

namespace berth::cli {

namespace {

using client::PlanDetails;
using client::PlannedJob;
using client::PlanSummary;

std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", number);
  return text;
}

/// False: nothing was ever answered, so that nothing of it has a cost.
bool came(const PlanSummary& plan) {
  return !plan.engine.empty();
}

std::string cost_text(const PlanSummary& plan, double cost) {
  return came(plan) ? number_text(cost) : "-";
}

std::string gap_text(const PlanSummary& plan) {
  if (!came(plan)) return "-";
  return plan.proved ? "proved" : number_text(plan.gap * 100) + "%";
}

std::string summary_text(const PlanSummary& plan, int64_t now_ms) {
  std::string text = "plan " + std::to_string(plan.id) + ", " + plan.outcome + ", made " +
                     format_age(plan.made_at_ms, now_ms) + " ago for " + plan.cause +
                     "\n  for        " + std::to_string(plan.pending) + " waiting jobs on " +
                     std::to_string(plan.workers) + " workers, " + std::to_string(plan.running) +
                     " running\n  planned    " + std::to_string(plan.planned) + ", " +
                     std::to_string(plan.started) + " of them started\n  against    ";
  text += plan.previous == 0 ? "none before" : "plan " + std::to_string(plan.previous);
  text += ": " + std::to_string(plan.added) + " added, " + std::to_string(plan.kept) + " kept, " +
          std::to_string(plan.moved) + " moved, " + std::to_string(plan.gone) + " gone\n";
  if (came(plan)) {
    text += "  cost       " + number_text(plan.cost) + " (" + plan.objective + "), greedy " +
            number_text(plan.greedy_cost) + ", at best " + number_text(plan.bound) + ", gap " +
            gap_text(plan) + "\n";
    for (const auto& [name, value] : plan.terms)
      text += "             " + printable(name) + " " + number_text(value) + "\n";
    text += "  engine     " + printable(plan.engine) + ", " +
            format_run(static_cast<int64_t>(plan.elapsed.count() / 1'000)) + ", " +
            std::to_string(plan.steps) + " steps\n";
  } else {
    text += "  waited     " + format_run(plan.elapsed.count() / 1'000) + "\n";
  }
  if (!plan.note.empty()) text += "  note       " + printable(plan.note) + "\n";
  return text;
}

std::string jobs_text(const std::vector<PlannedJob>& jobs, int64_t now_ms) {
  Table table(
      {{"JOB", Table::Align::Right}, {"WORKER"}, {"START"}, {"FOR"}, {"STATE"}, {"CHANGE"}});
  for (const PlannedJob& job : jobs) {
    table.add(
        {std::to_string(job.job),
         job.worker,
         format_age(job.start_at_ms, now_ms),
         format_length(job.duration.count()),
         job.state,
         job.change == "moved" ? "moved from " + job.previous_worker : job.change});
  }
  return jobs.empty() ? "" : table.text(isatty(STDOUT_FILENO) == 1);
}

}  // namespace

std::string gpus_text(const std::vector<uint16_t>& gpus) {
  std::string text;
  for (uint16_t device : gpus)
    text += (text.empty() ? " (GPU " : ", ") + std::to_string(device);
  return text.empty() ? text : text + ")";
}

std::string history_text(const client::PlanPage& page, int64_t now_ms) {
  Table table(
      {{"PLAN", Table::Align::Right},
       {"AGE"},
       {"CAUSE"},
       {"OUTCOME"},
       {"ENGINE"},
       {"PLANNED", Table::Align::Right},
       {"STARTED", Table::Align::Right},
       {"COST", Table::Align::Right},
       {"GREEDY", Table::Align::Right},
       {"GAP", Table::Align::Right}});
  for (const PlanSummary& plan : page.plans) {
    table.add(
        {std::to_string(plan.id),
         format_age(plan.made_at_ms, now_ms),
         plan.cause,
         plan.outcome,
         came(plan) ? plan.engine : "-",
         std::to_string(plan.planned),
         std::to_string(plan.started),
         cost_text(plan, plan.cost),
         cost_text(plan, plan.greedy_cost),
         gap_text(plan)});
  }
  std::string text =
      page.plans.empty() ? "no plan was made yet\n" : table.text(isatty(STDOUT_FILENO) == 1);
  text += "the planner is " + page.planner.state;
  if (!page.planner.reason.empty()) text += ": " + printable(page.planner.reason);
  return text + "\n";
}

std::string details_text(const PlanDetails& details, int64_t now_ms) {
  return summary_text(details.plan, now_ms) + jobs_text(details.jobs, now_ms);
}

std::string planned_job_text(const PlanDetails& details) {
  const PlannedJob& job = details.jobs.front();
  std::string text = "job " + std::to_string(job.job) + " in plan " +
                     std::to_string(details.plan.id) + ": " + job.state + ", on " +
                     printable(job.worker) + gpus_text(job.gpus) + " from " +
                     format_time(job.start_at_ms) + " for " + format_length(job.duration.count()) +
                     "\n  " + printable(job.why) + "\n";
  if (job.change == "moved") {
    text += "  before it was planned on " + printable(job.previous_worker) + " from " +
            format_time(job.previous_start_at_ms) + "\n";
  }
  return text;
}

}  // namespace berth::cli
