#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/settings.h"
#include "net/api/apis.h"
#include "net/api/older/older.h"
#include "net/api/services.h"
#include "net/loop_clock.h"
#include "wire/tokens.h"

// dtask-scheduler, version 1: workers beat, clients ask where a task should run, and that is all.

namespace berth::net {
namespace {

using Kind = JsonKind;
using older::fail;

/// What its answers hold is written as Go writes a struct without tags.
constexpr double kMaxCount = 1e15;

// ---- POST /api/v1/heartbeat -----------------------------------------------------------------

constexpr std::array<JsonField, 6> kBeatFields = {{
    {.name = "worker_id", .about = "The worker", .required = true, .min = 1},
    {.name = "address", .about = "Where its tasks are reached"},
    {.name = "resource_tags", .about = "What tasks may ask for", .array = true, .nullable = true},
    {.name = "max_tasks",
     .kind = Kind::Integer,
     .about = "Tasks at a time; more than 65,535 count as so many",
     .min = 0,
     .max = kMaxCount},
    {.name = "current_tasks",
     .kind = Kind::Integer,
     .about = "Tasks that run now: replaces what was counted since the last beat",
     .min = 0,
     .max = kMaxCount},
    {.name = "timestamp",
     .kind = Kind::Integer,
     .about = "Unix seconds; not read: beats count from when they come"},
}};
constexpr JsonSchema kBeatSchema = {
    "DtaskHeartbeat", "I am here, and this is how much I do.", kBeatFields, true};

constexpr std::array<JsonField, 1> kOkFields = {
    {{.name = "status", .about = "`ok`", .required = true}}};
constexpr JsonSchema kOkSchema = {"DtaskOk", "It was taken.", kOkFields};
constexpr std::array<JsonField, 1> kErrorFields = {
    {{.name = "error", .about = "What is wrong", .required = true}}};
constexpr JsonSchema kErrorSchema = {"DtaskError", "How this API says no.", kErrorFields};

void on_heartbeat(Exchange& exchange) {
  const JsonObject beat = exchange.body().object();
  static thread_local std::vector<std::string_view> tags;
  tags.clear();
  beat.each<std::string_view>("resource_tags", [](std::string_view tag) { tags.push_back(tag); });
  wire::Heartbeat said;
  said.worker = beat.text("worker_id");
  said.has_profile = true;
  said.address = beat.text("address");
  said.tags = tags;
  said.capacity.slots = std::min<int64_t>(beat.integer("max_tasks"), core::kSlotsMax);
  said.current_tasks = std::min<int64_t>(beat.integer("current_tasks"), core::kAmountMax);
  said.counts_all = true;
  exchange.ask(said, [&exchange](const wire::Reply& reply) {
    const auto* heard = std::get_if<wire::HeartbeatReply>(&reply);
    if (heard == nullptr) return older::fail_with(exchange, reply);
    if (!heard->accepted) return fail(exchange, wire::Refused{heard->code, heard->message});
    exchange.json().object().field("status", "ok").end();
    exchange.answer();
  });
}

// ---- POST /api/v1/schedule ------------------------------------------------------------------

constexpr std::array<JsonField, 2> kScheduleFields = {{
    {.name = "task_id", .about = "Names the task", .required = true, .min = 1},
    {.name = "required_tags",
     .about = "Tags that the worker must have, all of them",
     .array = true,
     .nullable = true},
}};
constexpr JsonSchema kScheduleSchema = {
    "DtaskSchedule", "Where should this task run?", kScheduleFields, true};
constexpr std::array<JsonField, 2> kScheduledFields = {{
    {.name = "worker_id", .about = "The worker", .required = true},
    {.name = "address", .about = "Where it is reached", .required = true},
}};
constexpr JsonSchema kScheduledSchema = {"DtaskScheduled", "There.", kScheduledFields};

void answer_place(Exchange& exchange, const wire::Reply& reply) {
  if (const auto* placed = std::get_if<wire::Placed>(&reply)) {
    exchange.json()
        .object()
        .field("worker_id", placed->worker)
        .field("address", placed->address)
        .end();
    return exchange.answer();
  }
  if (std::holds_alternative<wire::Unplaced>(reply)) {
    return fail(exchange, 503, "no available worker matching requirements");
  }
  older::fail_with(exchange, reply);
}

// Its clients call the worker that they are told: one that cannot be called is no answer.
constexpr std::string_view kNotThese[] = {older::kPullsTag};

void place(Exchange& exchange, const JsonObject& body, std::string_view task, Then then) {
  static thread_local std::vector<std::string_view> tags;
  tags.clear();
  body.each<std::string_view>("required_tags", [](std::string_view tag) { tags.push_back(tag); });
  wire::Place place;
  place.task = task;
  place.requirements.all_tags = tags;
  place.requirements.none_tags = kNotThese;
  exchange.ask(place, std::move(then));
}

/// Here every request is a placement, whatever it calls its task: a task that has a place already
/// gets another one, under a name of its own.
void place_again(Exchange& exchange) {
  static thread_local JsonReader reader;
  static thread_local uint64_t repeats = 0;
  if (!reader.read(exchange.request().body(), kScheduleSchema)) return;  // it was read before
  const std::string task = "dtask/" + std::to_string(++repeats);
  place(exchange, reader.object(), task, [&exchange](const wire::Reply& reply) {
    answer_place(exchange, reply);
  });
}

void on_schedule(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  place(exchange, body, body.text("task_id"), [&exchange](const wire::Reply& reply) {
    const auto* placed = std::get_if<wire::Placed>(&reply);
    if (placed != nullptr && placed->repeated) return place_again(exchange);
    answer_place(exchange, reply);
  });
}

// ---- GET /api/v1/workers --------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kStatuses = {"online", "suspicious", "offline"};
constexpr std::array<JsonField, 8> kWorkerFields = {{
    {.name = "WorkerID", .about = "The worker", .required = true},
    {.name = "Address", .about = "Where its tasks are reached", .required = true},
    {.name = "ResourceTags", .about = "What tasks may ask for", .required = true, .array = true},
    {.name = "MaxTasks", .kind = Kind::Integer, .about = "Tasks at a time", .required = true},
    {.name = "CurrentTasks",
     .kind = Kind::Integer,
     .about = "As it said last, and what was placed on it since",
     .required = true},
    {.name = "Available", .kind = Kind::Integer, .about = "Room for so many", .required = true},
    {.name = "LastHeartbeat", .about = "When it was last heard of, RFC 3339", .required = true},
    {.name = "Status", .about = "By the age of that", .required = true, .one_of = kStatuses},
}};
constexpr JsonSchema kWorkerSchema = {"DtaskWorker", "A worker.", kWorkerFields};

void write_worker(JsonOut& json, const wire::WorkerRow& row, int64_t now_ms) {
  json.object().field("WorkerID", row.id).field("Address", row.address);
  json.key("ResourceTags").array();
  for (const std::string_view tag : row.tags)
    json.value(tag);
  json.end();
  const int64_t free = std::max<int64_t>(row.free.slots, 0);
  json.field("MaxTasks", row.capacity.slots)
      .field("CurrentTasks", row.capacity.slots - row.free.slots)
      .field("Available", free)
      .field("LastHeartbeat", older::rfc3339(now_ms - row.heartbeat_age_ms))
      .field("Status", wire::worker_status_token(row.status))
      .end();
}

void on_workers(Exchange& exchange) {
  const auto answer = std::make_shared<ListAnswer>(exchange);
  answer->json.array();
  const int64_t now_ms = LoopClock::wall_ms();
  older::list_workers(
      answer,
      [answer, now_ms](const wire::WorkerRow& row) { write_worker(answer->json, row, now_ms); },
      [answer] { answer->json.end(); });
}

// ---- The table ------------------------------------------------------------------------------

constexpr Answer kBad = {400, "The body is not as it should be", &kErrorSchema};
constexpr std::array<Answer, 2> kBeatAnswers = {{{200, "It was taken", &kOkSchema}, kBad}};
constexpr std::array<Answer, 3> kScheduleAnswers = {
    {{200, "A place, counted at once", &kScheduledSchema},
     kBad,
     {503, "No worker fits now", &kErrorSchema}}};
constexpr std::array<Answer, 1> kWorkersAnswers = {
    {{200, "Every worker of the server", &kWorkerSchema, true}}};

constexpr std::array<Route, 3> kRoutes = {{
    {.method = HttpMethod::Post,
     .path = "/api/v1/heartbeat",
     .id = "dtaskHeartbeat",
     .about = "A worker says that it is there, and how much it does.",
     .body = &kBeatSchema,
     .answers = kBeatAnswers,
     .handle = on_heartbeat},
    {.method = HttpMethod::Post,
     .path = "/api/v1/schedule",
     .id = "dtaskSchedule",
     .about = "Where should this task run? The worker with the lowest share of its tasks.",
     .body = &kScheduleSchema,
     .answers = kScheduleAnswers,
     .handle = on_schedule},
    {.method = HttpMethod::Get,
     .path = "/api/v1/workers",
     .id = "dtaskWorkers",
     .about = "Every worker, however it came.",
     .answers = kWorkersAnswers,
     .handle = on_workers},
}};

}  // namespace

extern const Api kDtaskV1Api = {
    .name = "dtask-scheduler v1",
    .about = "An older API, for its clients as they are. New ones: `/v1/place`.",
    .routes = kRoutes,
    .say_problem = older::say_problem,
    .prefix = "/api/v1/",
    .lenient = true,
};

}  // namespace berth::net
