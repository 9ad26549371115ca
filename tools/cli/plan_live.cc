#include <iterator>
#include <utility>

#include "net/forms/plan_shapes.h"
#include "net/forms/times.h"
#include "tools/cli/commands.h"
#include "tools/cli/plan_text.h"
#include "tools/cli/selectors.h"

// What a server planned for its jobs.

namespace berth::cli {

namespace {

using client::PlanDetails;
using client::PlannedJob;

constexpr uint32_t kPlansShown = 20;

/// Every page of a plan as one.
client::Result<PlanDetails> whole_plan(client::BlockingClient& berth, client::PlanRequest request) {
  client::Result<PlanDetails> first = berth.show_plan(request);
  if (!first) return first;
  PlanDetails whole = std::move(first.value());
  request.plan = whole.plan.id;
  while (whole.next_cursor != 0) {
    request.cursor = whole.next_cursor;
    client::Result<PlanDetails> more = berth.show_plan(request);
    if (!more) return more;
    std::vector<PlannedJob>& jobs = more.value().jobs;
    std::move(jobs.begin(), jobs.end(), std::back_inserter(whole.jobs));
    whole.next_cursor = more->next_cursor;
  }
  return whole;
}

}  // namespace

Exit run_plan_history(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const uint32_t asked = session.invocation().count;
  const auto page = berth->list_plans({.limit = asked == 0 ? kPlansShown : asked});
  if (!page) return session.fail(page.error());
  if (!session.invocation().json) {
    return write_out(history_text(*page, wall_ms())) ? Exit::Ok : Exit::Failed;
  }
  return write_out(to_line(plan_page_json(*page))) ? Exit::Ok : Exit::Failed;
}

Exit run_plan_show(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  client::PlanRequest request{.plan = asked.plan.id};
  if (!asked.job.selectors.empty()) {
    const auto job = find_job(*berth, asked.server, asked.job.selectors.front());
    if (!job) return session.fail(job.error());
    request.job = *job;
  }
  const auto details = whole_plan(*berth, request);
  if (!details) return session.fail(details.error());
  const std::string text = asked.json         ? to_line(plan_details_json(*details))
                           : request.job != 0 ? planned_job_text(*details)
                                              : details_text(*details, wall_ms());
  return write_out(text) ? Exit::Ok : Exit::Failed;
}

}  // namespace berth::cli
