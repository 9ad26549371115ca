#include "net/api/v1/plans.h"

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "net/api/apis.h"
#include "net/api/v1/ask.h"
#include "net/forms/plan_shapes.h"
#include "net/text/units.h"

// What the server planned for the jobs that wait.

namespace berth::net {
namespace {

using Kind = JsonKind;
using v1::ask_for;
using v1::ask_piece;

constexpr uint32_t kPlansMax = 100;
constexpr std::string_view kLatest = "latest";

void refuse(Exchange& exchange, std::string detail, std::string hint) {
  exchange.problem(
      {.status = 400, .code = "bad_request", .detail = std::move(detail), .hint = std::move(hint)});
}

/// The fields of a plan, in an object that stays open.
JsonOut& begin_plan(JsonOut& json, const client::PlanSummary& plan) {
  const forms::Json fields = forms::plan_json(plan);
  json.object();
  for (const auto& [name, value] : fields.items())
    json.key(name).raw(forms::to_text(value));
  return json;
}

// ---- The last of them -------------------------------------------------------------------------

void answer_page(
    Exchange& exchange, forms::Json plans, const client::PlannerHealth& planner, uint64_t next) {
  forms::Json page = {{"plans", std::move(plans)}, {"planner", forms::planner_json(planner)}};
  page["next_cursor"] = next == 0 ? forms::Json(nullptr) : forms::Json(std::to_string(next));
  v1::answer_json(exchange, page);
}

/// The newest that has the job, and of its jobs that one.
void find_job(Exchange& exchange) {
  const wire::GetPlan get = {.job = {exchange.number("job")}};
  ask_for<client::PlanDetails>(exchange, get, [&exchange](const client::PlanDetails& details) {
    forms::Json plans = forms::Json::array({forms::plan_details_json(details)});
    const wire::ListPlans health = {.limit = 1};
    ask_for<client::PlanPage>(
        exchange, health, [&exchange, plans = std::move(plans)](const client::PlanPage& page) {
          answer_page(exchange, plans, page.planner, 0);
        });
  });
}

void list_plans(Exchange& exchange) {
  if (exchange.has("job")) {
    for (const char* name : {"cursor", "limit"}) {
      if (!exchange.has(name)) continue;
      return refuse(
          exchange,
          std::string("'") + name + "' does not go with 'job'",
          "of the plans that have a job, the newest alone is answered");
    }
    return find_job(exchange);
  }
  const wire::ListPlans list = {
      .before = exchange.number("cursor"),
      .limit = static_cast<uint32_t>(exchange.number("limit", kPlansMax))};
  ask_for<client::PlanPage>(exchange, list, [&exchange](const client::PlanPage& page) {
    forms::Json plans = forms::Json::array();
    for (const client::PlanSummary& plan : page.plans)
      plans.push_back(forms::plan_json(plan));
    answer_page(exchange, std::move(plans), page.planner, page.next_before);
  });
}

// ---- One of them, with its jobs ---------------------------------------------------------------

/// A plan on its way.
struct Reading {
  explicit Reading(Exchange& exchange) : answer(exchange) {}

  ListAnswer answer;
  uint64_t plan = 0;  ///< 0: the newest, until it is known which that is
  wire::JobId job;
  uint32_t cursor = 0;
};

void ask_jobs(const std::shared_ptr<Reading>& reading);

void on_jobs(const std::shared_ptr<Reading>& reading, const client::PlanDetails& details) {
  ListAnswer& answer = reading->answer;
  if (reading->cursor == 0) begin_plan(answer.json, details.plan).key("jobs").array();
  for (const client::PlannedJob& job : details.jobs)
    answer.json.raw(forms::to_text(forms::planned_job_json(job)));
  if (details.next_cursor == 0) {
    answer.json.end().end();
    return answer.finish();
  }
  reading->plan = details.plan.id;
  reading->cursor = details.next_cursor;
  answer.go_on([reading] { ask_jobs(reading); });
}

void ask_jobs(const std::shared_ptr<Reading>& reading) {
  const wire::GetPlan get = {
      .plan = reading->plan,
      .job = reading->job,
      .cursor = reading->cursor,
      .limit = reading->answer.rows()};
  ask_piece<client::PlanDetails>(reading, get, on_jobs);
}

void show_plan(Exchange& exchange) {
  const std::string_view id = exchange.parameter("id");
  const std::optional<uint64_t> number = id == kLatest ? 0 : parse_count(id);
  if (!number || (*number == 0 && id != kLatest)) {
    return refuse(
        exchange,
        "plan '" + std::string(id) + "' is neither a number nor 'latest'",
        "GET /v1/plans lists those there are");
  }
  const auto reading = std::make_shared<Reading>(exchange);
  reading->plan = *number;
  reading->job = {exchange.number("job")};
  ask_jobs(reading);
}

// ---- Routes -----------------------------------------------------------------------------------

constexpr std::array<Parameter, 3> kListParameters = {{
    {.name = "limit",
     .kind = Kind::Integer,
     .about = "So many rows (default 100)",
     .min = 1,
     .max = kPlansMax},
    {.name = "cursor", .kind = Kind::Integer, .about = "`next_cursor` of the page before"},
    {.name = "job",
     .kind = Kind::Integer,
     .about = "The newest plan that has this job, with the job in `jobs`",
     .min = 1},
}};
constexpr std::array<Parameter, 2> kShowParameters = {{
    {.name = "id", .about = "The plan's number, or `latest`", .required = true},
    {.name = "job", .kind = Kind::Integer, .about = "Of its jobs this one alone", .min = 1},
}};

constexpr std::array<Answer, 2> kListAnswers = {{
    {200, "Plans", &v1::kPlanPageSchema},
    {404, "No plan that is kept has this job", nullptr, false, kProblemType},
}};
constexpr std::array<Answer, 2> kShowAnswers = {{
    {200, "The plan", &v1::kPlanDetailsSchema},
    {404, "There is no such plan, or it does not have this job", nullptr, false, kProblemType},
}};

constexpr std::array<Route, 2> kRoutes = {{
    {.method = HttpMethod::Get,
     .path = "/v1/plans",
     .id = "listPlans",
     .about = "Lists the last plans, newest first: why, what became of them, what they cost.",
     .parameters = kListParameters,
     .answers = kListAnswers,
     .handle = list_plans},
    {.method = HttpMethod::Get,
     .path = "/v1/plans/{id}",
     .id = "getPlan",
     .about = "A plan, with who is to run where from when.",
     .parameters = kShowParameters,
     .answers = kShowAnswers,
     .handle = show_plan},
}};

}  // namespace

extern const Api kPlansApi = {
    .name = "plans", .about = "What was planned for the jobs that wait.", .routes = kRoutes};

}  // namespace berth::net
