#include <array>

#include "net/api/apis.h"
#include "net/api/services.h"
#include "net/loop_clock.h"

// What Prometheus scrapes.

namespace berth::net {
namespace {

void show_metrics(Exchange& exchange) {
  HttpResponse response;
  response.content_type = kMetricsType;
  response.body = exchange.services().metrics.render(LoopClock::now());
  exchange.answer(response);
}

constexpr std::array<Answer, 1> kAnswers = {{
    {.about = "Every number of the server", .content_type = kMetricsType},
}};

constexpr std::array<Route, 1> kRoutes = {{
    {.path = "/metrics",
     .id = "getMetrics",
     .about = "Every number of the server, in Prometheus' text format.",
     .answers = kAnswers,
     .handle = show_metrics},
}};

}  // namespace

extern const Api kMetricsApi = {.name = "metrics", .about = "For Prometheus.", .routes = kRoutes};

}  // namespace berth::net
