#include <array>

#include "core/settings.h"
#include "net/api/apis.h"
#include "net/api/problem_schema.h"
#include "net/api/v1/needs.h"
#include "net/api/v1/shapes.h"
#include "wire/tokens.h"

// Where should this run? And: it is not needed any more.

namespace berth::net {
namespace {

using Kind = JsonKind;
using v1::expect;

// ---- Place ----------------------------------------------------------------------------------

constexpr std::array<std::string_view, wire::kPolicyCount> kPolicies = {
    "least-loaded", "best-fit", "fgd", "spread", "pack"};

constexpr std::array<JsonField, 14> kPlaceFields = {{
    {.name = "task_id",
     .about =
         "Names the task, and is the request's idempotency key: while its place is held it gets "
         "the same answer, whatever else the request asks for",
     .required = true,
     .min = 1,
     .max = core::kIdBytesMax},
    {.name = "resources",
     .kind = Kind::Object,
     .about = "What the task takes; one slot when left out",
     .object = &v1::kResourcesSchema},
    v1::kRequirementFields[0],
    v1::kRequirementFields[1],
    v1::kRequirementFields[2],
    v1::kRequirementFields[3],
    v1::kRequirementFields[4],
    v1::kRequirementFields[5],
    v1::kRequirementFields[6],
    {.name = "policy",
     .about = "How to choose among workers that fit; least-loaded when left out",
     .one_of = kPolicies},
    {.name = "priority",
     .kind = Kind::Integer,
     .about = "Among requests that wait, higher first",
     .min = INT32_MIN,
     .max = INT32_MAX},
    {.name = "hold_ms",
     .kind = Kind::Integer,
     .about = "Life of the reservation in milliseconds; 0: the server's default",
     .min = 0,
     .max = UINT32_MAX},
    {.name = "wait_ms",
     .kind = Kind::Integer,
     .about = "Queue for so many milliseconds when there is no place now; 0: answer at once",
     .min = 0,
     .max = UINT32_MAX},
    {.name = "explain",
     .kind = Kind::Boolean,
     .about = "Say what ruled out whom even when a worker is found"},
}};
constexpr JsonSchema kPlaceSchema = {"Place", "Where should this run?", kPlaceFields};

constexpr std::array<JsonField, 8> kPlacementFields = {{
    {.name = "worker_id", .about = "The worker", .required = true},
    {.name = "address", .about = "Where it is reached", .required = true},
    {.name = "reservation_id",
     .kind = Kind::Integer,
     .about = "Its capacity, held for this task",
     .required = true},
    {.name = "expires_in_s",
     .kind = Kind::Number,
     .about = "Seconds until it is given back unless the worker reports the task",
     .required = true},
    {.name = "gpus",
     .kind = Kind::Integer,
     .about = "Indexes of the devices to use",
     .required = true,
     .array = true},
    {.name = "load",
     .kind = Kind::Number,
     .about = "Slots taken with this task, as a part of all",
     .required = true},
    {.name = "repeated",
     .kind = Kind::Boolean,
     .about = "The task had this place already",
     .required = true},
    {.name = "explanation",
     .kind = Kind::Object,
     .about = "When it was asked for",
     .object = &kExplanationSchema},
}};
constexpr JsonSchema kPlacementSchema = {"Placement", "A place for a task.", kPlacementFields};

void answer_placed(Exchange& exchange, const wire::Placed& placed, bool explain) {
  JsonOut& json = exchange.json();
  json.object();
  json.field("worker_id", placed.worker).field("address", placed.address);
  json.field("reservation_id", placed.reservation.value);
  json.field("expires_in_s", v1::seconds_of(placed.expires_in_ms));
  json.key("gpus").array();
  for (const uint16_t gpu : placed.gpus)
    json.value(gpu);
  json.end();
  json.field("load", placed.load).field("repeated", placed.repeated);
  if (explain) write_explanation(json.key("explanation"), placed.explanation);
  json.end();
  exchange.answer();
}

void place(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  v1::Needs needs;
  wire::Place place;
  place.task = body.text("task_id");
  place.demand = needs.demand(body);
  place.requirements = needs.requirements(body);
  place.policy = wire::policy_from(body.text("policy")).value_or(wire::Policy::LeastLoaded);
  place.priority = static_cast<int32_t>(body.integer("priority"));
  place.hold_ms = static_cast<uint32_t>(body.integer("hold_ms"));
  place.wait_ms = static_cast<uint32_t>(body.integer("wait_ms"));
  place.explain = body.truth("explain");
  exchange.ask(place, [&exchange, explain = place.explain](const wire::Reply& reply) {
    const auto* placed = expect<wire::Placed>(exchange, reply);
    if (placed != nullptr) answer_placed(exchange, *placed, explain);
  });
}

// ---- Release --------------------------------------------------------------------------------

constexpr std::array<JsonField, 2> kReleasedFields = {{
    {.name = "released", .kind = Kind::Integer, .about = "Given back", .required = true},
    {.name = "unknown",
     .kind = Kind::Integer,
     .about = "Expired, given back before, or never held",
     .required = true},
}};
constexpr JsonSchema kReleasedSchema = {
    "Released", "How many reservations were given back.", kReleasedFields};

void answer_released(Exchange& exchange, const wire::Released& released) {
  if (released.released == 0) {
    Problem problem;
    problem.status = 404;
    problem.code = wire::refusal_token(wire::Refusal::NotFound);
    problem.detail = "nothing is held under that name";
    problem.hint = "it may have expired, or have been given back before";
    return exchange.problem(problem);
  }
  JsonOut& json = exchange.json();
  json.object().field("released", released.released).field("unknown", released.unknown).end();
  exchange.answer();
}

void release(Exchange& exchange, const wire::Release& release) {
  exchange.ask(release, [&exchange](const wire::Reply& reply) {
    if (const auto* done = expect<wire::Released>(exchange, reply))
      answer_released(exchange, *done);
  });
}

void release_one(Exchange& exchange) {
  const uint64_t id = exchange.number("id");
  release(exchange, wire::Release{{&id, 1}, {}});
}

void release_tasks(Exchange& exchange) {
  std::vector<std::string_view> tasks;
  exchange.each("task_id", [&](std::string_view task) { tasks.push_back(task); });
  release(exchange, wire::Release{{}, tasks});
}

// ---- Routes ---------------------------------------------------------------------------------

constexpr Parameter kReservation = {
    .name = "id", .kind = Kind::Integer, .about = "The reservation's id", .required = true};
constexpr Parameter kTask = {
    .name = "task_id", .about = "A task's id", .required = true, .repeats = true};

constexpr std::array<Answer, 3> kPlaceAnswers = {{
    {200, "A place, held for the task", &kPlacementSchema},
    {409,
     "No place: `code` is `cannot_be_placed`, with `reason` and `explanation`",
     nullptr,
     false,
     kProblemType},
    {503,
     "The queue of waiting requests is full, or the server stops",
     nullptr,
     false,
     kProblemType},
}};
constexpr std::array<Answer, 2> kReleaseAnswers = {{
    {200, "Given back", &kReleasedSchema},
    {404, "Nothing was held under that name", nullptr, false, kProblemType},
}};

constexpr std::array<Route, 3> kRoutes = {{
    {.method = HttpMethod::Post,
     .path = "/v1/place",
     .id = "place",
     .about = "Finds a worker for a task and holds its capacity.",
     .body = &kPlaceSchema,
     .answers = kPlaceAnswers,
     .handle = place},
    {.method = HttpMethod::Delete,
     .path = "/v1/reservations/{id}",
     .id = "releaseReservation",
     .about = "Gives a reservation back.",
     .parameters = {&kReservation, 1},
     .answers = kReleaseAnswers,
     .handle = release_one},
    {.method = HttpMethod::Delete,
     .path = "/v1/reservations",
     .id = "releaseTasks",
     .about = "Gives back what is held for tasks.",
     .parameters = {&kTask, 1},
     .answers = kReleaseAnswers,
     .handle = release_tasks},
}};

}  // namespace

extern const Api kPlacementApi = {
    .name = "placement", .about = "Where should this run?", .routes = kRoutes};

}  // namespace berth::net
