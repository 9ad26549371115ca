#include <array>

#include "net/api/apis.h"
#include "net/api/services.h"

// What Prometheus scrapes.

namespace berth::net {
namespace {

void show_metrics(Exchange& exchange) {
  exchange.services().scrapes.add(exchange);
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
