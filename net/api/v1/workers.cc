#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/settings.h"
#include "net/api/apis.h"
#include "net/api/list_answer.h"
#include "net/api/services.h"
#include "net/api/v1/shapes.h"
#include "wire/tokens.h"

// The workers: all of them, one, and what an operator does with one.

namespace berth::net {
namespace {

using Kind = JsonKind;
using v1::expect;

// ---- The list -------------------------------------------------------------------------------

constexpr std::array<JsonField, 3> kPageFields = {{
    {.name = "workers",
     .kind = Kind::Object,
     .about = "Those of this page",
     .required = true,
     .array = true,
     .object = &v1::kWorkerSchema},
    {.name = "total",
     .kind = Kind::Integer,
     .about = "Workers in the table, whatever was asked for",
     .required = true},
    {.name = "next_cursor",
     .about = "Where the next page begins; null: this was the last",
     .required = true,
     .nullable = true},
}};
constexpr JsonSchema kPageSchema = {"WorkerPage", "Workers.", kPageFields};

/// A list on its way: of one page, or, without a limit, of all.
struct Listing {
  explicit Listing(Exchange& exchange) : answer(exchange) {
    exchange.each("tag", [this](std::string_view tag) { tags.emplace_back(tag); });
    cursor = exchange.number("cursor");
    limit = static_cast<uint32_t>(exchange.number("limit"));
    answer.json.object().key("workers").array();
  }

  ListAnswer answer;
  std::vector<std::string> tags;
  uint64_t cursor = 0;
  uint32_t limit = 0;  // 0: all
};

void write_end(JsonOut& json, const wire::WorkerPage& page) {
  json.end().field("total", page.total).key("next_cursor");
  if (page.next_cursor == 0) {
    json.null();
  } else {
    json.value(std::to_string(page.next_cursor));
  }
  json.end();
}

void ask_page(const std::shared_ptr<Listing>& listing);

void on_page(const std::shared_ptr<Listing>& listing, const wire::WorkerPage& page) {
  ListAnswer& answer = listing->answer;
  for (const wire::WorkerRow& row : page.rows)
    v1::write_worker(answer.json, row);
  if (page.next_cursor == 0 || listing->limit > 0) {
    write_end(answer.json, page);
    return answer.finish();
  }
  listing->cursor = page.next_cursor;
  answer.go_on([listing] { ask_page(listing); });
}

void ask_page(const std::shared_ptr<Listing>& listing) {
  const std::vector<std::string_view> tags(listing->tags.begin(), listing->tags.end());
  wire::ListWorkers list;
  list.tags = tags;
  list.cursor = listing->cursor;
  list.limit = listing->limit > 0 ? listing->limit : listing->answer.rows();
  listing->answer.exchange.ask(list, [listing](const wire::Reply& reply) {
    if (const auto* page = std::get_if<wire::WorkerPage>(&reply)) return on_page(listing, *page);
    if (!listing->answer.cut()) (void)expect<wire::WorkerPage>(listing->answer.exchange, reply);
  });
}

void list_workers(Exchange& exchange) {
  if (exchange.truth("watch")) {
    EventFeed::Filter filter;
    filter.kinds = wire::bit_of(wire::EventKind::Worker);
    return exchange.services().events.subscribe(exchange, filter);
  }
  ask_page(std::make_shared<Listing>(exchange));
}

// ---- One of them ----------------------------------------------------------------------------

constexpr std::array<JsonField, 1> kReasonFields = {{
    {.name = "reason", .about = "Shown with the worker", .max = core::kReasonBytesMax},
}};
constexpr JsonSchema kReasonSchema = {"Reason", "Why it is done.", kReasonFields};

constexpr std::array<std::string_view, 4> kChanges = {
    "cordoned", "draining", "undrained", "forgotten"};

constexpr std::array<JsonField, 2> kChangeFields = {{
    {.name = "worker_id", .about = "The worker", .required = true},
    {.name = "change", .about = "What was done", .required = true, .one_of = kChanges},
}};
constexpr JsonSchema kChangeSchema = {"WorkerChanged", "What was done to it.", kChangeFields};

void no_such_worker(Exchange& exchange) {
  const std::string id(exchange.parameter("id"));
  exchange.problem(
      {.status = 404,
       .code = wire::refusal_token(wire::Refusal::NotFound),
       .detail = "there is no worker '" + id + "'",
       .hint = "GET /v1/workers lists those there are"});
}

bool is_not_found(const wire::Reply& reply) {
  const auto* refused = std::get_if<wire::Refused>(&reply);
  return refused != nullptr && refused->code == wire::Refusal::NotFound;
}

void show_worker(Exchange& exchange) {
  exchange.ask(wire::ShowWorker{exchange.parameter("id")}, [&exchange](const wire::Reply& reply) {
    if (is_not_found(reply)) return no_such_worker(exchange);
    const auto* page = expect<wire::WorkerPage>(exchange, reply);
    if (page == nullptr) return;
    if (page->rows.size() != 1) return no_such_worker(exchange);
    v1::write_worker(exchange.json(), page->rows[0]);
    exchange.answer();
  });
}

void change_worker(Exchange& exchange, wire::WorkerAction action, std::string_view reason) {
  const wire::SetWorker set = {exchange.parameter("id"), action, reason};
  exchange.ask(set, [&exchange, action](const wire::Reply& reply) {
    if (is_not_found(reply)) return no_such_worker(exchange);
    if (expect<wire::Done>(exchange, reply) == nullptr) return;
    JsonOut& json = exchange.json();
    json.object().field("worker_id", exchange.parameter("id"));
    json.field("change", kChanges[static_cast<size_t>(action)]).end();
    exchange.answer();
  });
}

template <wire::WorkerAction kAction>
void change_worker(Exchange& exchange) {
  change_worker(exchange, kAction, exchange.body().object().text("reason"));
}

void forget_worker(Exchange& exchange) {
  change_worker(exchange, wire::WorkerAction::Forget, exchange.parameter("reason"));
}

// ---- Routes ---------------------------------------------------------------------------------

constexpr Parameter kId = {.name = "id", .about = "The worker's id", .required = true};

constexpr std::array<Parameter, 5> kListParameters = {{
    {.name = "tag", .about = "Only workers that have it; of several, all", .repeats = true},
    {.name = "limit",
     .kind = Kind::Integer,
     .about = "At most so many, and never more than the server's max_list_rows; all, streamed, "
              "when left out",
     .min = 1,
     .max = UINT32_MAX},
    {.name = "cursor", .kind = Kind::Integer, .about = "`next_cursor` of the page before"},
    {.name = "watch",
     .kind = Kind::Boolean,
     .about = "Answers with a stream of events, as /v1/events does"},
    {.name = "after",
     .kind = Kind::Integer,
     .about = "With watch: goes on after this event; Last-Event-ID says the same"},
}};
constexpr std::array<Parameter, 2> kForgetParameters = {{
    kId,
    {.name = "reason", .about = "Told to those who watch"},
}};

constexpr Answer kNoSuchWorker = {404, "There is no such worker", nullptr, false, kProblemType};
constexpr std::array<Answer, 3> kListAnswers = {
    {{200, "Workers", &kPageSchema},
     {200, "Events, with watch", nullptr, false, kEventStreamType},
     {410, "Events after that one are not kept any more", nullptr, false, kProblemType}}};
constexpr std::array<Answer, 2> kShowAnswers = {
    {{200, "The worker", &v1::kWorkerSchema}, kNoSuchWorker}};
constexpr std::array<Answer, 2> kChangeAnswers = {{{200, "Done", &kChangeSchema}, kNoSuchWorker}};

constexpr Route change_route(
    std::string_view path, std::string_view id, std::string_view about, void (*handle)(Exchange&)) {
  return {
      .method = HttpMethod::Post,
      .path = path,
      .id = id,
      .about = about,
      .parameters = {&kId, 1},
      .body = &kReasonSchema,
      .body_optional = true,
      .answers = kChangeAnswers,
      .handle = handle};
}

constexpr std::array<Route, 6> kRoutes = {{
    {.method = HttpMethod::Get,
     .path = "/v1/workers",
     .id = "listWorkers",
     .about = "Lists workers, by page or all.",
     .parameters = kListParameters,
     .answers = kListAnswers,
     .handle = list_workers,
     .headers = kResumeHeaders},
    {.method = HttpMethod::Get,
     .path = "/v1/workers/{id}",
     .id = "getWorker",
     .about = "All about one worker.",
     .parameters = {&kId, 1},
     .answers = kShowAnswers,
     .handle = show_worker},
    {.method = HttpMethod::Delete,
     .path = "/v1/workers/{id}",
     .id = "forgetWorker",
     .about = "Removes a worker until it reports again.",
     .parameters = kForgetParameters,
     .answers = kChangeAnswers,
     .handle = forget_worker},
    change_route(
        "/v1/workers/{id}/cordon",
        "cordonWorker",
        "Places nothing new on it.",
        change_worker<wire::WorkerAction::Cordon>),
    change_route(
        "/v1/workers/{id}/drain",
        "drainWorker",
        "Places nothing new on it and tells its agent to empty it.",
        change_worker<wire::WorkerAction::Drain>),
    change_route(
        "/v1/workers/{id}/undrain",
        "undrainWorker",
        "Takes it back into service.",
        change_worker<wire::WorkerAction::Undrain>),
}};

}  // namespace

extern const Api kWorkersApi = {
    .name = "workers", .about = "The machines that run tasks.", .routes = kRoutes};

}  // namespace berth::net
