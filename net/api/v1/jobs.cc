#include "net/api/v1/jobs.h"

#include <algorithm>
#include <array>
#include <memory>

#include "core/jobs/check_spec.h"
#include "core/settings.h"
#include "net/api/apis.h"
#include "net/api/event_feed.h"
#include "net/api/services.h"
#include "net/forms/job_shapes.h"
#include "net/loop_clock.h"

// Durable jobs: the routes, and what is asked of one.

namespace berth::net {
namespace {

using Kind = JsonKind;
using v1::answer_json;
using v1::ask_for;
using v1::job_of;

// ---- One of them ------------------------------------------------------------------------------

void watch_job(Exchange& exchange) {
  EventFeed::Filter filter;
  filter.kinds = wire::bit_of(wire::EventKind::Job);
  filter.jobs = {job_of(exchange), job_of(exchange)};
  exchange.services().events.subscribe(exchange, filter);
}

/// Of a job that is not there nothing is ever told, so a watch of it is refused as well.
void show_job(Exchange& exchange) {
  ask_for<client::JobDetails>(
      exchange, wire::ShowJob{job_of(exchange)}, [&exchange](const client::JobDetails& details) {
        if (exchange.truth("watch")) return watch_job(exchange);
        answer_json(exchange, forms::job_details_json(details, LoopClock::wall_ms()));
      });
}

void list_attempts(Exchange& exchange) {
  ask_for<client::JobDetails>(
      exchange, wire::ShowJob{job_of(exchange)}, [&exchange](const client::JobDetails& details) {
        forms::Json json = {{"attempts", forms::Json::array()}};
        for (const client::Attempt& attempt : details.attempts)
          json["attempts"].push_back(forms::attempt_json(attempt));
        answer_json(exchange, json);
      });
}

void explain_job(Exchange& exchange) {
  ask_for<client::JobExplanation>(
      exchange,
      wire::ExplainJob{job_of(exchange)},
      [&exchange](const client::JobExplanation& explanation) {
        answer_json(exchange, forms::job_explanation_json(explanation, LoopClock::wall_ms()));
      });
}

void no_such_job(Exchange& exchange) {
  exchange.problem(
      {.status = 404,
       .code = "not_found",
       .detail = "no job " + std::to_string(job_of(exchange).value) +
                 ": it was never given, or ended too long ago"});
}

void on_changed(Exchange& exchange, wire::JobAction action, const client::JobsChanged& changed) {
  if (changed.unknown > 0) return no_such_job(exchange);
  if (action == wire::JobAction::Retry && changed.changed == 0) {
    return exchange.problem(
        {.status = 409,
         .code = "conflict",
         .detail = "job " + std::to_string(job_of(exchange).value) +
                   " has neither FAILED nor been ABORTED",
         .hint = "only what has ended so is started again"});
  }
  answer_json(exchange, forms::changed_json(changed));
}

template <wire::JobAction kAction>
void change_job(Exchange& exchange) {
  const wire::JobRange job = {job_of(exchange), job_of(exchange)};
  wire::ChangeJobs change;
  change.action = kAction;
  change.jobs = {&job, 1};
  change.reason = exchange.body().object().text("reason");
  ask_for<client::JobsChanged>(exchange, change, [&exchange](const client::JobsChanged& changed) {
    on_changed(exchange, kAction, changed);
  });
}

void wait_for_job(Exchange& exchange) {
  const wire::JobRange job = {job_of(exchange), job_of(exchange)};
  wire::WaitJobs wait;
  wait.jobs = {&job, 1};
  wait.wait_ms = static_cast<uint32_t>(exchange.number("timeout_s", 30) * 1000);
  ask_for<client::JobCounts>(exchange, wait, [&exchange](const client::JobCounts& counts) {
    if (counts.unknown > 0) return no_such_job(exchange);
    answer_json(exchange, forms::counts_json(counts, !counts.done));
  });
}

// ---- Routes -----------------------------------------------------------------------------------

constexpr Parameter kId = {
    .name = "id", .kind = Kind::Integer, .about = "The job's number", .required = true, .min = 1};
constexpr Parameter kWatch = {
    .name = "watch",
    .kind = Kind::Boolean,
    .about = "Answers with a stream of events, as /v1/events does"};
constexpr Parameter kAfter = {
    .name = "after",
    .kind = Kind::Integer,
    .about = "With watch: goes on after this event; Last-Event-ID says the same"};

constexpr std::array<std::string_view, 8> kStates = {
    "PENDING", "ASSIGNED", "RUNNING", "LOST", "RETRYING", "COMPLETED", "FAILED", "ABORTED"};
constexpr std::array<std::string_view, 2> kStreams = {"stdout", "stderr"};

constexpr std::array<Parameter, 10> kListParameters = {{
    {.name = "state",
     .about = "Only jobs in this state; of several, any",
     .repeats = true,
     .one_of = kStates},
    {.name = "worker_id", .about = "Only jobs of this worker"},
    {.name = "queue", .about = "Only jobs of this queue"},
    {.name = "tenant", .about = "Only jobs of this tenant"},
    {.name = "name", .about = "Only jobs whose name begins so"},
    {.name = "label", .about = "Only jobs with this label, KEY=VALUE"},
    {.name = "limit",
     .kind = Kind::Integer,
     .about = "So many rows (default 100)",
     .min = 1,
     .max = 100'000},
    {.name = "cursor", .kind = Kind::Integer, .about = "`next_cursor` of the page before"},
    kWatch,
    kAfter,
}};
constexpr std::array<Parameter, 1> kSubmitParameters = {{
    {.name = "refuse_unsatisfiable",
     .kind = Kind::Boolean,
     .about = "Take on none of them when no worker that is known could ever run one"},
}};
constexpr std::array<RequestHeader, 1> kSubmitHeaders = {
    {{"Idempotency-Key",
      "Of this submit: its repetitions get the same jobs, and anything else under it 422"}}};
constexpr std::array<Parameter, 3> kShowParameters = {{kId, kWatch, kAfter}};
constexpr std::array<Parameter, 2> kWaitParameters = {{
    kId,
    {.name = "timeout_s",
     .kind = Kind::Integer,
     .about = "Seconds after which the answer says how far it is (default 30)",
     .max = 3600},
}};
constexpr std::array<Parameter, 5> kLogParameters = {{
    kId,
    {.name = "stream", .about = "Which one (default stdout)", .one_of = kStreams},
    {.name = "attempt",
     .kind = Kind::Integer,
     .about = "Of which attempt (default: the last)",
     .max = UINT32_MAX},
    {.name = "offset", .kind = Kind::Integer, .about = "From this byte on"},
    {.name = "follow",
     .kind = Kind::Boolean,
     .about = "Goes on as it is written, until the attempt has ended"},
}};

constexpr std::array<JsonField, 1> kReasonFields = {{
    {.name = "reason", .about = "Kept with the job", .max = core::kReasonBytesMax},
}};
constexpr JsonSchema kReasonSchema = {"JobReason", "Why it is done.", kReasonFields};

constexpr Answer kNoSuchJob = {404, "There is no such job", nullptr, false, kProblemType};
constexpr Answer kEvents = {200, "Events, with watch", nullptr, false, kEventStreamType};
constexpr Answer kGone = {
    410, "Events after that one are not kept any more", nullptr, false, kProblemType};
constexpr std::array<Answer, 3> kSubmitAnswers = {
    {{201, "They are safe and will run", &v1::kSubmittedSchema},
     {409,
      "No worker could run one, and refuse_unsatisfiable is set: `reason` and `explanation` say "
      "why",
      nullptr,
      false,
      kProblemType},
     {422, "The Idempotency-Key was used for other jobs", nullptr, false, kProblemType}}};
constexpr std::array<Answer, 3> kListAnswers = {
    {{200, "Jobs", &v1::kJobPageSchema}, kEvents, kGone}};
constexpr std::array<Answer, 4> kShowAnswers = {
    {{200, "The job", &v1::kJobDetailsSchema}, kEvents, kNoSuchJob, kGone}};
constexpr std::array<Answer, 2> kAttemptsAnswers = {
    {{200, "Its attempts", &v1::kAttemptsSchema}, kNoSuchJob}};
constexpr std::array<Answer, 2> kExplainAnswers = {
    {{200, "Why", &v1::kJobExplanationSchema}, kNoSuchJob}};
constexpr std::array<Answer, 2> kAbortAnswers = {{{200, "Done", &v1::kChangedSchema}, kNoSuchJob}};
constexpr std::array<Answer, 3> kRetryAnswers = {
    {{200, "Done", &v1::kChangedSchema},
     kNoSuchJob,
     {409, "It has not failed", nullptr, false, kProblemType}}};
constexpr std::array<Answer, 2> kWaitAnswers = {
    {{200, "How far it is", &v1::kCountsSchema}, kNoSuchJob}};
constexpr std::array<Answer, 2> kLogAnswers = {
    {{200, "What was written", nullptr, false, kTextType}, kNoSuchJob}};

constexpr std::array<Route, 9> kRoutes = {{
    {.method = HttpMethod::Post,
     .path = "/v1/jobs",
     .id = "submitJobs",
     .about = "Takes on a job, or several: all or none. With an Idempotency-Key it is safe to "
              "repeat.",
     .parameters = kSubmitParameters,
     .body = &v1::kJobInSchema,
     .bodies_max = core::kJobsPerSubmitMax,
     .answers = kSubmitAnswers,
     .handle = v1::submit_jobs,
     .headers = kSubmitHeaders},
    {.method = HttpMethod::Get,
     .path = "/v1/jobs",
     .id = "listJobs",
     .about = "Lists jobs, newest first.",
     .parameters = kListParameters,
     .answers = kListAnswers,
     .handle = v1::list_jobs,
     .headers = kResumeHeaders},
    {.method = HttpMethod::Get,
     .path = "/v1/jobs/{id}",
     .id = "getJob",
     .about = "All about one job.",
     .parameters = kShowParameters,
     .answers = kShowAnswers,
     .handle = show_job,
     .headers = kResumeHeaders},
    {.method = HttpMethod::Get,
     .path = "/v1/jobs/{id}/attempts",
     .id = "listAttempts",
     .about = "The runs of a job, oldest first.",
     .parameters = {&kId, 1},
     .answers = kAttemptsAnswers,
     .handle = list_attempts},
    {.method = HttpMethod::Get,
     .path = "/v1/jobs/{id}/explain",
     .id = "explainJob",
     .about = "Why a job is pending, or why it went where it is.",
     .parameters = {&kId, 1},
     .answers = kExplainAnswers,
     .handle = explain_job},
    {.method = HttpMethod::Get,
     .path = "/v1/jobs/{id}/wait",
     .id = "waitForJob",
     .about = "Answers when the job has ended.",
     .parameters = kWaitParameters,
     .answers = kWaitAnswers,
     .handle = wait_for_job},
    {.method = HttpMethod::Get,
     .path = "/v1/jobs/{id}/logs",
     .id = "readJobLog",
     .about = "What an attempt wrote.",
     .parameters = kLogParameters,
     .answers = kLogAnswers,
     .handle = v1::read_job_log},
    {.method = HttpMethod::Post,
     .path = "/v1/jobs/{id}/abort",
     .id = "abortJob",
     .about = "Ends a job, running or not.",
     .parameters = {&kId, 1},
     .body = &kReasonSchema,
     .body_optional = true,
     .answers = kAbortAnswers,
     .handle = change_job<wire::JobAction::Abort>},
    {.method = HttpMethod::Post,
     .path = "/v1/jobs/{id}/retry",
     .id = "retryJob",
     .about = "Starts a job that FAILED or was ABORTED again, with all its attempts.",
     .parameters = {&kId, 1},
     .body = &kReasonSchema,
     .body_optional = true,
     .answers = kRetryAnswers,
     .handle = change_job<wire::JobAction::Retry>},
}};

}  // namespace

extern const Api kJobsApi = {
    .name = "jobs", .about = "Durable jobs: queued, run, retried.", .routes = kRoutes};

}  // namespace berth::net
