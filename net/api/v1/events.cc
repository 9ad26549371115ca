#include <array>
#include <optional>
#include <string>

#include "net/api/apis.h"
#include "net/api/event_feed.h"
#include "net/api/services.h"
#include "net/text/units.h"
#include "wire/tokens.h"

// What happens, as it happens.

namespace berth::net {
namespace {

using Kind = JsonKind;

/// `12`, or `10-20`.
std::optional<wire::JobRange> range_of(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = parse_count(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_count(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *last < *first) return std::nullopt;
  return wire::JobRange{{*first}, {*last}};
}

void stream_events(Exchange& exchange) {
  EventFeed::Filter filter;
  filter.worker = exchange.parameter("worker");
  if (exchange.has("kind")) filter.kinds = 0;
  exchange.each("kind", [&](std::string_view word) {
    if (const auto kind = wire::event_kind_from(word)) filter.kinds |= wire::bit_of(*kind);
  });
  if (exchange.has("job")) {
    const std::optional<wire::JobRange> jobs = range_of(exchange.parameter("job"));
    if (!jobs) {
      return exchange.problem(
          {.status = 400,
           .code = "bad_request",
           .detail = "job '" + std::string(exchange.parameter("job")) + "' is no job",
           .hint = "write a number such as 12, or a range such as 10-20"});
    }
    filter.jobs = *jobs;
  }
  exchange.services().events.subscribe(exchange, filter);
}

constexpr std::array<std::string_view, 4> kKinds = {"job", "worker", "plan", "server"};

constexpr std::array<Parameter, 4> kParameters = {{
    {.name = "kind",
     .about = "Only events of this kind; of several, any",
     .repeats = true,
     .one_of = kKinds},
    {.name = "worker", .about = "Only events that name this worker"},
    {.name = "job", .about = "Only events of this job, or of jobs such as 10-20"},
    {.name = "after",
     .kind = Kind::Integer,
     .about = "Goes on after this event; Last-Event-ID says the same, and comes first"},
}};
constexpr std::array<Answer, 2> kAnswers = {{
    {200, "Events, each with an id to go on from", nullptr, false, kEventStreamType},
    {410, "Events after that one are not kept any more", nullptr, false, kProblemType},
}};

constexpr std::array<Route, 1> kRoutes = {{
    {.method = HttpMethod::Get,
     .path = "/v1/events",
     .id = "streamEvents",
     .about = "What happens to jobs, workers, plans and the server, as server-sent events.",
     .parameters = kParameters,
     .answers = kAnswers,
     .handle = stream_events,
     .headers = kResumeHeaders},
}};

}  // namespace

extern const Api kEventsApi = {
    .name = "events", .about = "One stream of what happens.", .routes = kRoutes};

}  // namespace berth::net
