#include <array>

#include "net/api/apis.h"
#include "net/api/openapi.h"
#include "net/api/services.h"
#include "net/api/v1/shapes.h"
#include "net/loop_clock.h"
#include "wire/messages.h"

// The server itself: its numbers, its health, its version and its document.

namespace berth::net {
namespace {

using Kind = JsonKind;
using v1::expect;

// ---- Numbers --------------------------------------------------------------------------------

constexpr std::array<JsonField, 3> kStatFields = {{
    {.name = "name", .about = "As in /metrics", .required = true},
    {.name = "shard",
     .kind = Kind::Integer,
     .about = "null: the whole process",
     .required = true,
     .nullable = true},
    {.name = "value", .kind = Kind::Number, .about = "The number", .required = true},
}};
constexpr JsonSchema kStatSchema = {"Stat", "One number of the server.", kStatFields};

constexpr std::array<JsonField, 1> kStatsFields = {{
    {.name = "stats",
     .kind = Kind::Object,
     .about = "All of them",
     .required = true,
     .array = true,
     .object = &kStatSchema},
}};
constexpr JsonSchema kStatsSchema = {"Stats", "The numbers of the server.", kStatsFields};

void show_stats(Exchange& exchange) {
  exchange.ask(wire::GetStats{}, [&exchange](const wire::Reply& reply) {
    const auto* stats = expect<wire::StatsReply>(exchange, reply);
    if (stats == nullptr) return;
    JsonOut& json = exchange.json();
    json.object().key("stats").array();
    for (const wire::Stat& stat : stats->stats) {
      json.object().field("name", stat.name).key("shard");
      if (stat.shard < 0) {
        json.null();
      } else {
        json.value(stat.shard);
      }
      v1::write_number(json.key("value"), stat.value);
      json.end();
    }
    json.end().end();
    exchange.answer();
  });
}

constexpr std::array<JsonField, 2> kTagFields = {{
    {.name = "tag", .about = "The tag", .required = true},
    {.name = "workers", .kind = Kind::Integer, .about = "How many have it", .required = true},
}};
constexpr JsonSchema kTagSchema = {"TagCount", "A tag.", kTagFields};

constexpr std::array<JsonField, 1> kTagsFields = {{
    {.name = "tags",
     .kind = Kind::Object,
     .about = "All of them",
     .required = true,
     .array = true,
     .object = &kTagSchema},
}};
constexpr JsonSchema kTagsSchema = {"Tags", "The tags that workers have.", kTagsFields};

void show_tags(Exchange& exchange) {
  exchange.ask(wire::ListTags{}, [&exchange](const wire::Reply& reply) {
    const auto* page = expect<wire::TagPage>(exchange, reply);
    if (page == nullptr) return;
    JsonOut& json = exchange.json();
    json.object().key("tags").array();
    for (const wire::TagCount& each : page->tags)
      json.object().field("tag", each.tag).field("workers", each.workers).end();
    json.end().end();
    exchange.answer();
  });
}

// ---- Health ---------------------------------------------------------------------------------

constexpr std::array<JsonField, 3> kCheckFields = {{
    {.name = "name", .about = "What was looked at", .required = true},
    {.name = "ok", .kind = Kind::Boolean, .about = "Whether it is well", .required = true},
    {.name = "message", .about = "One sentence", .required = true},
}};
constexpr JsonSchema kCheckSchema = {"Check", "One thing that was looked at.", kCheckFields};

constexpr std::array<std::string_view, 3> kStates = {"live", "ready", "not_ready"};

constexpr std::array<JsonField, 2> kHealthFields = {{
    {.name = "status", .about = "In one word", .required = true, .one_of = kStates},
    {.name = "checks",
     .kind = Kind::Object,
     .about = "What was looked at: always when it is not ready, else when asked",
     .array = true,
     .object = &kCheckSchema},
}};
constexpr JsonSchema kHealthSchema = {"Health", "How the server is.", kHealthFields};

void show_live(Exchange& exchange) {
  exchange.json().object().field("status", "live").end();
  exchange.answer();
}

struct Check {
  std::string_view name;
  bool ok;
  std::string_view message;
};

void answer_ready(Exchange& exchange, std::span<const Check> checks) {
  bool ready = true;
  for (const Check& check : checks)
    ready = ready && check.ok;
  JsonOut& json = exchange.json();
  json.object().field("status", ready ? "ready" : "not_ready");
  if (!ready || exchange.truth("verbose")) {
    json.key("checks").array();
    for (const Check& check : checks) {
      json.object().field("name", check.name).field("ok", check.ok);
      json.field("message", check.message).end();
    }
    json.end();
  }
  json.end();
  exchange.answer(ready ? 200 : 503);
}

std::string_view words_for(LedgerProbe::Finding finding) {
  switch (finding) {
    case LedgerProbe::Finding::Answers: return "answers";
    case LedgerProbe::Finding::Busy: return "is busy";
    case LedgerProbe::Finding::Silent: break;
  }
  return "has not answered in time";
}

// A store that has failed has ended the process, and nobody is there to ask.
void show_ready(Exchange& exchange) {
  Services& services = exchange.services();
  exchange.when_gone([&services, who = &exchange] { services.ledger.forget(who); });
  services.ledger.ask(&exchange, LoopClock::mono(), [&exchange](LedgerProbe::Finding ledger) {
    const bool behind = exchange.services().store_is_full;
    const bool draining = exchange.services().draining;
    const std::array<Check, 3> checks = {{
        {"ledger", ledger == LedgerProbe::Finding::Answers, words_for(ledger)},
        {"store", !behind, behind ? "is behind: new jobs are refused" : "keeps up"},
        {"draining", !draining, draining ? "the server is stopping" : "the server takes requests"},
    }};
    answer_ready(exchange, checks);
  });
}

// ---- What it is -----------------------------------------------------------------------------

constexpr std::array<JsonField, 4> kVersionFields = {{
    {.name = "version", .about = "Of the program", .required = true},
    {.name = "software", .about = "Its name and version", .required = true},
    {.name = "protocol",
     .kind = Kind::Integer,
     .about = "Version of the wire protocol",
     .required = true},
    {.name = "epoch",
     .kind = Kind::Integer,
     .about = "Which life of the server: grows with every start",
     .required = true},
}};
constexpr JsonSchema kVersionSchema = {"Version", "Which server this is.", kVersionFields};

void show_version(Exchange& exchange) {
  const core::ServerIdentity& identity = exchange.services().identity;
  JsonOut& json = exchange.json();
  json.object().field("version", BERTH_VERSION).field("software", identity.software);
  json.field("protocol", wire::kProtocolVersion).field("epoch", identity.epoch).end();
  exchange.answer();
}

void show_document(Exchange& exchange) {
  static const std::string kDocument = openapi_document(all_apis(), BERTH_VERSION);
  HttpResponse response;
  response.content_type = kJsonType;
  response.body = kDocument;
  exchange.answer(response);
}

constexpr JsonSchema kAnySchema = {"OpenApi", "An OpenAPI 3.1 document.", {}, true};

// ---- Routes ---------------------------------------------------------------------------------

constexpr Parameter kVerbose = {
    .name = "verbose", .kind = Kind::Boolean, .about = "Also say what was looked at"};

constexpr std::array<Answer, 1> kStatsAnswers = {{{200, "Numbers", &kStatsSchema}}};
constexpr std::array<Answer, 1> kTagsAnswers = {{{200, "Tags", &kTagsSchema}}};
constexpr std::array<Answer, 1> kLiveAnswers = {{{200, "It is alive", &kHealthSchema}}};
constexpr std::array<Answer, 2> kReadyAnswers = {{
    {200, "It takes requests", &kHealthSchema},
    {503, "Not now; `checks` says why", &kHealthSchema},
}};
constexpr std::array<Answer, 1> kVersionAnswers = {{{200, "The version", &kVersionSchema}}};
constexpr std::array<Answer, 1> kDocumentAnswers = {{{200, "The document", &kAnySchema}}};

constexpr std::array<Route, 6> kRoutes = {{
    {.path = "/v1/stats",
     .id = "getStats",
     .about = "The numbers of the server, of the process and of each shard.",
     .answers = kStatsAnswers,
     .handle = show_stats},
    {.path = "/v1/tags",
     .id = "listTags",
     .about = "Each tag, and how many workers have it.",
     .answers = kTagsAnswers,
     .handle = show_tags},
    {.path = "/v1/version",
     .id = "getVersion",
     .about = "Which server this is.",
     .answers = kVersionAnswers,
     .handle = show_version},
    {.path = "/v1/openapi.json",
     .id = "getOpenApi",
     .about = "This document.",
     .answers = kDocumentAnswers,
     .handle = show_document},
    {.path = "/livez",
     .id = "getLive",
     .about = "Whether the process is alive.",
     .answers = kLiveAnswers,
     .handle = show_live,
     .open_to_all = true},
    {.path = "/readyz",
     .id = "getReady",
     .about = "Whether it takes requests: the ledger answers within a second, the store keeps up, "
              "and it does not stop.",
     .parameters = {&kVerbose, 1},
     .answers = kReadyAnswers,
     .handle = show_ready,
     .open_to_all = true},
}};

}  // namespace

extern const Api kSystemApi = {.name = "system", .about = "The server itself.", .routes = kRoutes};

}  // namespace berth::net
