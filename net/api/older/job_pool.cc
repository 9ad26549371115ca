#include "net/api/older/job_pool.h"

#include <array>

#include "net/api/apis.h"

// The phase-3 job pool: workers with so many processors and so much memory, which ask for jobs.
// Here: the table of its routes.

namespace berth::net {

namespace job_pool {

void fail(Exchange& exchange, int status, std::string_view error) {
  exchange.json().object().field("success", false).field("error", error).end();
  exchange.answer(status);
}

void fail_with(Exchange& exchange, const wire::Reply& reply) {
  const auto* refused = std::get_if<wire::Refused>(&reply);
  if (refused == nullptr) return fail(exchange, 500, "Internal server error");
  fail(exchange, problem_of(*refused).status, refused->message);
}

}  // namespace job_pool

namespace {

using namespace job_pool;
using Kind = JsonKind;

void say_problem(Exchange& exchange, const Problem& problem) {
  std::string text = problem.detail;
  if (!problem.hint.empty()) text += ": " + problem.hint;
  fail(exchange, problem.status, text);
}

constexpr JsonField text(std::string_view name, std::string_view about) {
  return {.name = name, .about = about, .nullable = true};
}
constexpr JsonField amount(std::string_view name, std::string_view about) {
  return {
      .name = name, .kind = Kind::Number, .about = about, .nullable = true, .min = 0, .max = 1e9};
}
constexpr JsonField whole(std::string_view name, std::string_view about, double max) {
  return {
      .name = name, .kind = Kind::Integer, .about = about, .nullable = true, .min = 0, .max = max};
}

constexpr JsonField kWorker = text("workerId", "The worker");
constexpr JsonField kJob = text("jobId", "The job");
constexpr JsonField kCpuUsage = amount("cpuUsage", "Percent of its processors in use");
constexpr JsonField kRamTotal = amount("ramTotalMb", "Memory in MiB");
constexpr JsonField kRamFree = amount("ramFreeMb", "Of that, free");
constexpr JsonField kStatus = text("status", "`UNHEALTHY` and `OFFLINE` get no jobs");

constexpr std::array<JsonField, 9> kRegisterFields = {{
    kWorker,
    text("hostname", "Its machine"),
    text("os", "Its system"),
    amount("cpuCount", "Its processors; 1 when left out"),
    kCpuUsage,
    kRamTotal,
    kRamFree,
    text("version", "Of its program"),
    kStatus,
}};
constexpr JsonSchema kRegister = {"PoolWorker", "A worker is there.", kRegisterFields, true};

constexpr std::array<JsonField, 6> kBeatFields = {{
    kWorker,
    kCpuUsage,
    kRamTotal,
    kRamFree,
    kStatus,
    {.name = "currentJobIds",
     .about = "What it runs: jobs that it does not name are lost in the end; left out: all it has",
     .array = true,
     .nullable = true},
}};
constexpr JsonSchema kBeat = {"PoolHeartbeat", "It is still there.", kBeatFields, true};

constexpr std::array<JsonField, 7> kCreateFields = {{
    text("command", "Command line, for a shell"),
    text("fileUrl", "Archive to unpack first; only workers of this API can"),
    text("filename", "Its name"),
    amount("requiredCpu", "Processors; 1 when left out"),
    amount("requiredRamMb", "Memory in MiB; 256 when left out"),
    whole("timeoutMs", "Of one attempt; five minutes when left out", 4294967295.0),
    whole("maxRetries", "Attempts after the first; 3 when left out", 999),
}};
constexpr JsonSchema kCreate = {"PoolJobSpec", "A job.", kCreateFields, true};

constexpr std::array<JsonField, 6> kResultFields = {{
    kJob,
    kWorker,
    text("stdout", "Its output; 1 MiB of it is kept"),
    text("stderr", "Its error output; 1 MiB of it is kept"),
    {.name = "exitCode",
     .kind = Kind::Integer,
     .about = "Of the command",
     .nullable = true,
     .min = -2147483648.0,
     .max = 2147483647.0},
    text("errorMessage", "Why it could not be run: it failed"),
}};
constexpr JsonSchema kResult = {"PoolResult", "How a job ended.", kResultFields, true};

constexpr std::array<JsonField, 1> kCancelFields = {{kJob}};
constexpr JsonSchema kCancel = {"PoolCancel", "What is not wanted any more.", kCancelFields, true};

constexpr std::array<JsonField, 2> kErrorFields = {{
    {.name = "success", .kind = Kind::Boolean, .about = "false", .required = true},
    {.name = "error", .about = "What is wrong", .required = true},
}};
constexpr JsonSchema kError = {"PoolError", "How this API says no.", kErrorFields};
constexpr JsonField given(std::string_view name, std::string_view about) {
  return {.name = name, .about = about, .required = true};
}
constexpr JsonField number(std::string_view name, std::string_view about) {
  return {.name = name, .kind = Kind::Number, .about = about, .required = true};
}
constexpr JsonField moment(std::string_view name, std::string_view about) {
  return {.name = name, .kind = Kind::Integer, .about = about, .required = true, .nullable = true};
}
constexpr JsonField flag(std::string_view name, std::string_view about) {
  return {.name = name, .kind = Kind::Boolean, .about = about, .required = true};
}

constexpr JsonField kSuccess = flag("success", "true");
constexpr std::array<JsonField, 4> kDoneFields = {
    {kSuccess, kWorker, kJob, given("message", "A sentence")}};
constexpr JsonSchema kDone = {"PoolDone", "It was taken.", kDoneFields};
constexpr std::array<JsonField, 4> kHeardFields = {{
    kSuccess,
    given("workerId", "The worker"),
    number("timestamp", "When it was heard, Unix milliseconds"),
    {.name = "cancelJobIds", .about = "Jobs to stop", .required = true, .array = true},
}};
constexpr JsonSchema kHeardSchema = {"PoolHeard", "It was heard.", kHeardFields};
constexpr std::array<JsonField, 3> kCheckFields = {
    {kSuccess, given("jobId", "The job"), flag("cancelRequested", "It is to be stopped")}};
constexpr JsonSchema kCheck = {"PoolCheck", "Whether it is wanted.", kCheckFields};

constexpr std::array<JsonField, 5> kGivenFields = {{
    {.name = "jobId", .about = "The job", .required = true},
    {.name = "command", .about = "Command line, for a shell", .required = true},
    text("fileUrl", "Archive to unpack first"),
    text("filename", "Its name"),
    whole("timeoutMs", "Of this attempt", 4294967295.0),
}};
constexpr JsonSchema kGiven = {"PoolAssignment", "A job to run.", kGivenFields};
constexpr std::array<JsonField, 3> kNextFields = {{
    {.name = "success", .kind = Kind::Boolean, .about = "There is a job", .required = true},
    text("message", "A sentence"),
    {.name = "job", .kind = Kind::Object, .about = "The job", .nullable = true, .object = &kGiven},
}};
constexpr JsonSchema kNext = {"PoolNext", "A job to run, or none.", kNextFields};

constexpr std::array<std::string_view, 5> kJobStates = {
    "QUEUED", "ASSIGNED", "RUNNING", "COMPLETED", "FAILED"};
constexpr std::array<JsonField, 21> kJobFields = {{
    given("jobId", "The job"),
    {.name = "status", .about = "Its state", .required = true, .one_of = kJobStates},
    text("assignedAgentId", "The worker of its last attempt"),
    given("command", "Command line, for a shell"),
    given("fileUrl", "Archive to unpack first"),
    given("filename", "Its name"),
    given("stdout", "Its output, as far as it is known"),
    given("stderr", "Its error output, as far as it is known"),
    moment("exitCode", "Of the command, when it has ended"),
    text("errorMessage", "Why it failed"),
    moment("createdAt", "Unix milliseconds"),
    moment("queuedAt", "Unix milliseconds"),
    moment("assignedAt", "Unix milliseconds"),
    moment("startedAt", "Unix milliseconds"),
    moment("completedAt", "Unix milliseconds"),
    number("attempts", "So far"),
    number("maxRetries", "After the first"),
    number("requiredCpu", "Processors"),
    number("requiredRamMb", "Memory in MiB"),
    number("timeoutMs", "Of one attempt"),
    flag("cancelRequested", "It was cancelled"),
}};
constexpr JsonSchema kJobSchema = {"PoolJob", "A job.", kJobFields};

constexpr std::array<std::string_view, 4> kWorkerStates = {"IDLE", "BUSY", "UNHEALTHY", "OFFLINE"};
constexpr std::array<JsonField, 14> kRowFields = {{
    given("workerId", "The worker"),
    {.name = "status", .about = "How it is", .required = true, .one_of = kWorkerStates},
    given("hostname", "Its machine"),
    given("os", "Its system"),
    number("cpuCount", "Its processors"),
    number("cpuUsage", "Percent of them in use"),
    number("ramTotalMb", "Memory in MiB"),
    number("ramFreeMb", "Of that, free"),
    number("lastHeartbeat", "Unix milliseconds"),
    {.name = "currentJobIds", .about = "What it runs", .required = true, .array = true},
    number("reservedCpu", "Processors that its jobs hold"),
    number("reservedRamMb", "Memory that its jobs hold"),
    moment("cooldownUntil", "It gets no jobs before; Unix milliseconds"),
    number("updatedAt", "Unix milliseconds"),
}};
constexpr JsonSchema kRow = {"PoolWorkerRow", "A worker.", kRowFields};
constexpr std::array<JsonField, 6> kListFields = {{
    kSuccess,
    {.name = "workers",
     .kind = Kind::Object,
     .about = "All of them",
     .required = true,
     .array = true,
     .object = &kRow},
    number("totalWorkers", "How many"),
    number("idleWorkers", "Of these, idle"),
    number("busyWorkers", "Of these, busy"),
    number("unhealthyWorkers", "Of these, not well"),
}};
constexpr JsonSchema kList = {"PoolWorkers", "All workers.", kListFields};

constexpr Answer kBad = {400, "The request is not as it should be", &kError};
constexpr Answer kNone = {404, "There is none", &kError};
constexpr Answer kNotHis = {403, "The job is not this worker's", &kError};
constexpr std::array<Answer, 2> kTaken = {{{200, "Taken", &kDone}, kBad}};
constexpr std::array<Answer, 3> kHeard = {{{200, "Heard", &kHeardSchema}, kBad, kNone}};
constexpr std::array<Answer, 3> kCancelled = {{{200, "Taken", &kDone}, kBad, kNone}};
constexpr std::array<Answer, 3> kChecked = {{{200, "Whether it is", &kCheck}, kBad, kNone}};
constexpr std::array<Answer, 4> kEnded = {{{200, "Taken", &kDone}, kBad, kNotHis, kNone}};
constexpr std::array<Answer, 4> kPolled = {
    {{200, "A job", &kNext}, {202, "None now", &kNext}, kBad, kNone}};
constexpr std::array<Answer, 3> kShown = {{{200, "The job", &kJobSchema}, kBad, kNone}};
constexpr std::array<Answer, 1> kListed = {{{200, "All workers", &kList}}};

constexpr std::array<Parameter, 1> kByWorker = {
    {{.name = "workerId", .about = "The worker that asks"}}};
constexpr std::array<Parameter, 1> kByJob = {{{.name = "jobId", .about = "The job"}}};

constexpr Route post(
    std::string_view path,
    std::string_view id,
    std::string_view about,
    const JsonSchema& body,
    std::span<const Answer> answers,
    void (*handle)(Exchange&)) {
  return {
      .method = HttpMethod::Post,
      .path = path,
      .id = id,
      .about = about,
      .body = &body,
      .answers = answers,
      .handle = handle};
}
constexpr Route get(
    std::string_view path,
    std::string_view id,
    std::string_view about,
    std::span<const Parameter> parameters,
    std::span<const Answer> answers,
    void (*handle)(Exchange&)) {
  return {
      .method = HttpMethod::Get,
      .path = path,
      .id = id,
      .about = about,
      .parameters = parameters,
      .answers = answers,
      .handle = handle};
}

constexpr Route kPutResult = {
    .method = HttpMethod::Put,
    .path = "/api/jobs/submit-result",
    .id = "poolSubmitFailure",
    .about = "A worker could not run its job.",
    .body = &kResult,
    .answers = kEnded,
    .handle = on_failure};

constexpr std::array<Route, 10> kRoutes = {{
    post(
        "/api/workers/register",
        "poolRegister",
        "A worker says who it is and what it has.",
        kRegister,
        kTaken,
        on_register),
    post(
        "/api/workers/heartbeat",
        "poolHeartbeat",
        "A worker is there, and runs this.",
        kBeat,
        kHeard,
        on_heartbeat),
    get("/api/workers/list", "poolWorkers", "Workers, however they came.", {}, kListed, on_workers),
    post("/api/jobs/create", "poolCreateJob", "Takes a job in.", kCreate, kTaken, on_create),
    get("/api/jobs/get-job",
        "poolGetJob",
        "A worker asks for a job.",
        kByWorker,
        kPolled,
        on_get_job),
    get("/api/jobs/status",
        "poolJobStatus",
        "One job, with its output.",
        kByJob,
        kShown,
        on_status),
    post(
        "/api/jobs/submit-result",
        "poolSubmitResult",
        "A worker has run its job.",
        kResult,
        kEnded,
        on_result),
    kPutResult,
    post(
        "/api/jobs/cancel",
        "poolCancelJob",
        "A job is not wanted any more.",
        kCancel,
        kCancelled,
        on_cancel),
    get("/api/jobs/check-cancel",
        "poolCheckCancel",
        "A worker asks whether its job is still wanted.",
        kByJob,
        kChecked,
        on_check_cancel),
}};

}  // namespace

extern const Api kJobPoolApi = {
    .name = "Phase-3 job pool",
    .about = "An older API, for its clients as they are. New ones: `/v1/jobs`.",
    .routes = kRoutes,
    .say_problem = say_problem,
    .prefix = "/api/",
    .lenient = true,
};

}  // namespace berth::net
