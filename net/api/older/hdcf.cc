#include "net/api/older/hdcf.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "net/api/apis.h"
#include "net/api/services.h"

// The HDCF control plane: its workers ask for one job at a time, ack it, and report how it ended.
// Here: who they are, and the table of its routes.

namespace berth::net {

namespace hdcf {

using older::fail;
using older::trimmed;

HttpWorkers::Terms terms_of(Exchange& exchange) {
  return {exchange.services().heartbeat_timeout};
}

void if_registered(Exchange& exchange, std::string_view worker, std::function<void()> then) {
  exchange.ask(wire::ShowWorker{worker}, [&exchange, then](const wire::Reply& reply) {
    if (std::holds_alternative<wire::WorkerPage>(reply)) return then();
    fail(exchange, 403, kNotRegistered);
  });
}

void beat(Exchange& exchange, std::string_view worker, std::function<void()> then) {
  wire::Heartbeat said;
  said.worker = worker;
  exchange.ask(said, [&exchange, then](const wire::Reply& reply) {
    const auto* heard = std::get_if<wire::HeartbeatReply>(&reply);
    if (heard == nullptr) return older::fail_with(exchange, reply);
    if (heard->code == wire::Refusal::NotFound) return fail(exchange, 403, kNotRegistered);
    if (!heard->accepted) return fail(exchange, wire::Refused{heard->code, heard->message});
    then();
  });
}

}  // namespace hdcf

namespace {

using namespace hdcf;
using Kind = JsonKind;

void on_register(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  const std::string worker(trimmed(body.text("worker_id")));
  if (worker.empty()) return fail(exchange, 400, "worker_id required");
  std::vector<std::string> words = {std::string(older::kPullsTag), std::string(older::kProcessTag)};
  body.each<std::string_view>("capabilities", [&](std::string_view capability) {
    const std::string word = capability_of(capability);
    if (!word.empty()) words.push_back(word);
  });
  const std::vector<std::string_view> tags(words.begin(), words.end());
  HttpWorkers::Terms terms = terms_of(exchange);
  const std::string_view nonce = trimmed(body.text("nonce"));
  if (!nonce.empty()) terms.nonce = std::max<uint64_t>(core::hash_text(nonce), 1);
  wire::Heartbeat beat;
  beat.worker = worker;
  beat.has_profile = true;
  beat.tags = tags;
  beat.capacity.slots = 1;
  beat.agent_version = "hdcf";
  beat.offline_after_ms = static_cast<uint32_t>(terms.offline_after.ms());
  exchange.ask(beat, [&exchange, worker, terms](const wire::Reply& reply) {
    const auto* heard = std::get_if<wire::HeartbeatReply>(&reply);
    if (heard == nullptr) return older::fail_with(exchange, reply);
    if (!heard->accepted) return fail(exchange, wire::Refused{heard->code, heard->message});
    older::join(exchange, worker, terms, [&exchange, worker] {
      exchange.json().object().field("status", "ok").field("worker_id", worker).end();
      exchange.answer();
    });
  });
}

void on_heartbeat(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  const std::string worker(trimmed(body.text("worker_id")));
  if (worker.empty()) return fail(exchange, 400, "worker_id required");
  const wire::JobId current = older::job_from(body.text("current_job_id"));
  beat(exchange, worker, [&exchange, worker, current] {
    const auto answer = [&exchange, worker] {
      exchange.json().object().field("status", "ok");
      const auto stops = exchange.services().workers.take_stops(worker);
      if (!stops.empty()) {
        exchange.json().key("abort_job_ids").array();
        for (const wire::AssignmentId& stop : stops)
          exchange.json().value(std::to_string(stop.job.value));
        exchange.json().end();
      }
      exchange.json().end();
      exchange.answer();
    };
    if (current.value == 0) return answer();
    const std::vector<wire::JobId> running = {current};
    older::renew(exchange, worker, terms_of(exchange), &running, answer);
  });
}

// ---- Shapes ---------------------------------------------------------------------------------

constexpr JsonField text(std::string_view name, std::string_view about) {
  return {.name = name, .about = about, .nullable = true};
}
constexpr JsonField whole(std::string_view name, std::string_view about) {
  return {.name = name, .kind = Kind::Integer, .about = about, .nullable = true};
}
constexpr JsonField texts(std::string_view name, std::string_view about) {
  return {.name = name, .about = about, .array = true, .nullable = true};
}
constexpr JsonField count(std::string_view name, std::string_view about, double max) {
  return {
      .name = name,
      .kind = Kind::Integer,
      .about = about,
      .nullable = true,
      .min = -1e9,
      .max = max};
}

constexpr JsonField kWorker = text("worker_id", "The worker");
constexpr JsonField kJob = text("job_id", "The job");
constexpr JsonField kLease = text("assignment_id", "As next-job gave it");

constexpr std::array<JsonField, 3> kRegisterFields = {{
    kWorker,
    text("nonce", "A secret of the worker: who comes with its id must bring it from then on"),
    texts("capabilities", "What jobs may require of it"),
}};
constexpr JsonSchema kRegister = {"HdcfRegister", "A worker is there.", kRegisterFields, true};

constexpr std::array<JsonField, 3> kBeatFields = {{
    kWorker,
    text("current_job_id", "What it runs now"),
    text("ts", "Its own time; not read: beats count from when they come"),
}};
constexpr JsonSchema kBeat = {"HdcfHeartbeat", "It is still there.", kBeatFields, true};

constexpr std::array<JsonField, 9> kCreateFields = {{
    text("command", "The program"),
    texts("args", "Its arguments"),
    text("working_dir", "Where it runs"),
    count("timeout_ms", "Of one attempt; 0: none", 4294967295.0),
    count("priority", "Higher first", 2147483647.0),
    count("scheduled_at", "Not before; Unix seconds", 1e11),
    count("max_attempts", "3 when left out", 1000),
    {.name = "needs_gpu",
     .kind = Kind::Boolean,
     .about = "It needs the capability `gpu`",
     .nullable = true},
    texts("requirements", "Capabilities that its worker must have"),
}};
constexpr JsonSchema kCreate = {"HdcfJobSpec", "A job.", kCreateFields, true};

constexpr std::array<JsonField, 3> kAckFields = {{kJob, kWorker, kLease}};
constexpr JsonSchema kAck = {"HdcfAck", "It will be run.", kAckFields, true};

constexpr std::array<JsonField, 15> kEndFields = {{
    kJob,
    kWorker,
    kLease,
    text("status", "`COMPLETED` or `FAILED`; in a reconnect alone"),
    whole("exit_code", "Of the program"),
    text("error", "Why it failed"),
    text("result_summary", "Not kept"),
    text("artifact_id", "Names its output"),
    text("stdout_path", "Where its output is"),
    text("stderr_path", "Where its error output is"),
    text("stdout_tmp_path", "Where that was while it ran"),
    text("stderr_tmp_path", "Where that was while it ran"),
    text("stdout_sha256", "Of the file; 64 hex digits"),
    text("stderr_sha256", "Of the file; 64 hex digits"),
    whole("completion_seq", "Not read"),
}};
constexpr JsonSchema kEnd = {"HdcfEnd", "How a job ended.", kEndFields, true};

constexpr std::array<JsonField, 3> kReconnectFields = {{
    kWorker,
    text("current_job_id", "What it still runs"),
    {.name = "completed_jobs",
     .kind = Kind::Object,
     .about = "What ended while it was away",
     .array = true,
     .nullable = true,
     .object = &kEnd},
}};
constexpr JsonSchema kReconnect = {"HdcfReconnect", "It is back.", kReconnectFields, true};

constexpr std::array<JsonField, 3> kAbortFields = {
    {kJob, kWorker, text("reason", "For whoever looks at the jobs")}};
constexpr JsonSchema kAbort = {"HdcfAbort", "What is to end.", kAbortFields, true};

constexpr std::array<JsonField, 1> kErrorFields = {
    {{.name = "error", .about = "What is wrong", .required = true}}};
constexpr JsonSchema kError = {"HdcfError", "How this API says no.", kErrorFields};

constexpr JsonField given(std::string_view name, std::string_view about) {
  return {.name = name, .about = about, .required = true};
}
constexpr JsonField number(std::string_view name, std::string_view about) {
  return {.name = name, .kind = Kind::Integer, .about = about, .required = true};
}
constexpr JsonField list(std::string_view name, std::string_view about) {
  return {.name = name, .about = about, .required = true, .array = true};
}
constexpr JsonField maybe(std::string_view name, std::string_view about) {
  return {.name = name, .about = about};
}

constexpr JsonField kStatusField = given("status", "`ok`, or the state of the job");
constexpr std::array<JsonField, 3> kDoneFields = {
    {kStatusField, maybe("job_id", "The job"), maybe("worker_id", "The worker")}};
constexpr JsonSchema kDone = {"HdcfDone", "It was taken.", kDoneFields};

constexpr std::array<JsonField, 2> kHeardFields = {
    {kStatusField, {.name = "abort_job_ids", .about = "Jobs to stop", .array = true}}};
constexpr JsonSchema kHeardSchema = {"HdcfHeard", "It was heard.", kHeardFields};

constexpr std::array<JsonField, 5> kActionFields = {{
    given("job_id", "The job"),
    given("assignment_id", "Its assignment, where one is known"),
    given("action", "`KEEP_CURRENT_JOB`, `CLEAR_CURRENT_JOB`, `REPLAY_COMPLETED`, `REPLAY_FAILED`"),
    given("result", "`ACCEPTED` or `REJECTED`"),
    maybe("error", "Why"),
}};
constexpr JsonSchema kAction = {"HdcfAction", "What came of a job.", kActionFields};
constexpr std::array<JsonField, 2> kReturnFields = {{
    kStatusField,
    {.name = "actions",
     .kind = Kind::Object,
     .about = "For the current job, then for each that had ended",
     .required = true,
     .array = true,
     .object = &kAction},
}};
constexpr JsonSchema kReturn = {"HdcfReturn", "What to do now.", kReturnFields};

constexpr std::array<JsonField, 5> kAbortedFields = {{
    kStatusField,
    number("aborted_jobs", "How many"),
    given("reason", "As given"),
    maybe("job_id", "As given"),
    maybe("worker_id", "As given"),
}};
constexpr JsonSchema kAbortedSchema = {"HdcfAborted", "They have ended.", kAbortedFields};

constexpr std::array<JsonField, 9> kAssignedFields = {{
    given("job_id", "The job"),
    given("command", "The program"),
    list("args", "Its arguments"),
    given("working_dir", "Where it runs"),
    number("timeout_ms", "0: none"),
    number("attempt_count", "Which attempt this is"),
    number("max_attempts", "Of so many"),
    given("assignment_id", "To be acked"),
    number("assignment_expires_at", "Before this, Unix seconds"),
}};
constexpr JsonSchema kAssigned = {"HdcfAssignment", "A job to do.", kAssignedFields};

constexpr std::array<std::string_view, 8> kStates = {
    "PENDING", "ASSIGNED", "RUNNING", "LOST", "RETRYING", "COMPLETED", "FAILED", "ABORTED"};
constexpr std::array<JsonField, 20> kJobFields = {{
    given("job_id", "The job"),
    {.name = "status", .about = "Its state", .required = true, .one_of = kStates},
    given("command", "The program"),
    list("args", "Its arguments"),
    given("working_dir", "Where it runs"),
    number("timeout_ms", "0: none"),
    number("priority", "Higher first"),
    number("scheduled_at", "Unix seconds; 0: at once"),
    {.name = "needs_gpu", .kind = Kind::Boolean, .about = "As it says", .required = true},
    list("requirements", "Capabilities that its worker must have"),
    number("created_at", "Unix seconds"),
    number("updated_at", "Unix seconds"),
    number("attempt_count", "Attempts so far"),
    number("max_attempts", "Of so many"),
    given("worker_id", "Of the last attempt"),
    maybe("assignment_id", "While it has one"),
    number("assignment_expires_at", "Unix seconds; 0: it has none"),
    given("last_error", "Why it failed last"),
    given("updated_by", "The worker"),
    given("result_path", "Its output, on its worker; not in lists"),
}};
constexpr JsonField kAge = {
    .name = "heartbeat_age_sec",
    .kind = Kind::Integer,
    .about = "Since its worker was heard of, while it has one"};
constexpr auto kJobRowFields = [] {
  std::array<JsonField, 21> all;
  std::copy(kJobFields.begin(), kJobFields.end(), all.begin());
  all[20] = kAge;
  return all;
}();
constexpr JsonSchema kJobSchema = {"HdcfJob", "A job.", kJobRowFields};

constexpr std::array<JsonField, 6> kWorkerFields = {{
    given("worker_id", "The worker"),
    given("status", "`ONLINE` or `OFFLINE`"),
    given("current_job_id", "What it runs; empty: nothing"),
    list("capabilities", "What jobs may require of it"),
    number("last_seen", "Unix seconds"),
    number("heartbeat_age_sec", "Since it was heard of"),
}};
constexpr JsonSchema kWorkerSchema = {"HdcfWorker", "A worker.", kWorkerFields};

// ---- The table ------------------------------------------------------------------------------

constexpr Answer kBad = {400, "The request is not as it should be", &kError};
constexpr Answer kStranger = {403, "The worker is not registered", &kError};
constexpr Answer kNone = {404, "There is none", &kError};
constexpr Answer kNotNow = {
    409, "Not in the state that the job is in, or not by this worker", &kError};

constexpr std::array<Answer, 3> kRegistered = {{{200, "Welcome", &kDone}, kBad, kNotNow}};
constexpr std::array<Answer, 3> kHeard = {{{200, "Heard", &kHeardSchema}, kBad, kStranger}};
constexpr std::array<Answer, 4> kTaken = {{{200, "Taken", &kDone}, kBad, kStranger, kNotNow}};
constexpr std::array<Answer, 3> kBack = {{{200, "Welcome", &kReturn}, kBad, kStranger}};
constexpr std::array<Answer, 2> kCreated = {{{201, "Durable", &kDone}, kBad}};
constexpr std::array<Answer, 2> kListed = {{{200, "Newest first", &kJobSchema, true}, kBad}};
constexpr std::array<Answer, 2> kShown = {{{200, "The job", &kJobSchema}, kNone}};
constexpr std::array<Answer, 4> kNext = {
    {{200, "A job", &kAssigned}, {204, "None now"}, kBad, kStranger}};
constexpr std::array<Answer, 4> kAborted = {
    {{200, "Ended", &kAbortedSchema}, kBad, kNone, kNotNow}};
constexpr std::array<Answer, 1> kWorkersListed = {{{200, "All", &kWorkerSchema, true}}};

constexpr std::array<Parameter, 1> kIdParameter = {{{.name = "id", .about = "The job"}}};
constexpr std::array<Parameter, 1> kWorkerParameter = {
    {{.name = "worker_id", .about = "The worker that asks"}}};
constexpr std::array<Parameter, 2> kListParameters = {{
    {.name = "status", .about = "Jobs in this state alone", .one_of = kStates},
    {.name = "worker_id", .about = "Jobs whose last worker this is"},
}};

constexpr std::array<Route, 12> kRoutes = {{
    {HttpMethod::Post,
     "/register",
     "hdcfRegister",
     "A worker says who it is and what it can do.",
     {},
     &kRegister,
     1,
     false,
     kRegistered,
     on_register},
    {HttpMethod::Post,
     "/heartbeat",
     "hdcfHeartbeat",
     "A worker is there, and runs this.",
     {},
     &kBeat,
     1,
     false,
     kHeard,
     on_heartbeat},
    {HttpMethod::Get,
     "/next-job",
     "hdcfNextJob",
     "A worker asks for a job.",
     kWorkerParameter,
     nullptr,
     1,
     false,
     kNext,
     on_next_job},
    {HttpMethod::Post,
     "/ack",
     "hdcfAck",
     "A worker will run the job it was given.",
     {},
     &kAck,
     1,
     false,
     kTaken,
     on_ack},
    {HttpMethod::Post,
     "/complete",
     "hdcfComplete",
     "A job is done, and its files are where they belong.",
     {},
     &kEnd,
     1,
     false,
     kTaken,
     on_complete},
    {HttpMethod::Post,
     "/fail",
     "hdcfFail",
     "An attempt failed.",
     {},
     &kEnd,
     1,
     false,
     kTaken,
     on_fail},
    {HttpMethod::Post,
     "/reconnect",
     "hdcfReconnect",
     "A worker is back, and says what it has.",
     {},
     &kReconnect,
     1,
     false,
     kBack,
     on_reconnect},
    {HttpMethod::Post,
     "/abort",
     "hdcfAbort",
     "Ends a job, or all of a worker.",
     {},
     &kAbort,
     1,
     false,
     kAborted,
     on_abort},
    {HttpMethod::Post,
     "/jobs",
     "hdcfCreateJob",
     "Takes a job in.",
     {},
     &kCreate,
     1,
     false,
     kCreated,
     on_create},
    {HttpMethod::Get,
     "/jobs",
     "hdcfListJobs",
     "Jobs, however they came.",
     kListParameters,
     nullptr,
     1,
     false,
     kListed,
     on_list},
    {HttpMethod::Get,
     "/jobs/{id}",
     "hdcfShowJob",
     "One job.",
     kIdParameter,
     nullptr,
     1,
     false,
     kShown,
     on_show},
    {HttpMethod::Get,
     "/workers",
     "hdcfListWorkers",
     "Workers, however they came.",
     {},
     nullptr,
     1,
     false,
     kWorkersListed,
     on_workers},
}};

}  // namespace

extern const Api kHdcfApi = {
    .name = "HDCF control plane",
    .about = "An older API, for its clients as they are. New ones: `/v1/jobs`.",
    .routes = kRoutes,
    .say_problem = older::say_problem,
    .lenient = true,
};

}  // namespace berth::net
