#include "net/api/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/api/http_counts.h"

namespace berth::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

core::Settings one_shard() {
  core::Settings settings;
  settings.shards = 1;
  return settings;
}

class Page : public ::testing::Test {
 protected:
  std::string text() { return std::string(page.render({{1}, 1})); }

  core::Tables tables{one_shard()};
  HttpCounts http;
  MetricsPage page{tables, http};
};

TEST_F(Page, IsPrometheusText) {
  tables.counters.of(0).add_kind(core::Counter::Placements, wire::Policy::BestFit, 12);
  const std::string page_text = text();
  EXPECT_THAT(
      page_text,
      HasSubstr("# HELP berth_placements_total Requests to place that were decided, by outcome.\n"
                "# TYPE berth_placements_total counter\n"));
  EXPECT_THAT(
      page_text,
      HasSubstr(R"(berth_placements_total{outcome="placed",policy="best-fit"} 12)"
                "\n"));
  EXPECT_EQ(text(), page_text) << "reading changes nothing";
}

TEST_F(Page, HistogramsAreCumulativeInBaseUnitsAndEndWithAll) {
  tables.counters.of(0).measure(core::Measure::StoreCommitRows, 1);
  tables.counters.of(0).measure(core::Measure::StoreCommitRows, 3, 2);
  tables.counters.of(0).measure(core::Measure::StoreCommitRows, 10'000'000);
  tables.counters.of(0).measure(core::Measure::StoreSync, core::Duration::milliseconds(2));
  const std::string page_text = text();
  for (const char* line :
       {R"(berth_store_commit_rows_bucket{le="1"} 1)",
        R"(berth_store_commit_rows_bucket{le="2"} 1)",
        R"(berth_store_commit_rows_bucket{le="4"} 3)",
        R"(berth_store_commit_rows_bucket{le="131072"} 3)",
        R"(berth_store_commit_rows_bucket{le="+Inf"} 4)",
        "berth_store_commit_rows_count 4",
        "berth_store_commit_rows_sum 10000007",
        "berth_store_sync_seconds_sum 0.002"}) {
    EXPECT_THAT(page_text, HasSubstr(std::string(line) + "\n"));
  }
}

TEST_F(Page, HttpRequestsStandByRouteAndClassOfStatus) {
  const Route jobs = {.method = HttpMethod::Get, .path = "/v1/jobs/{id}"};
  http.answered(&jobs, 200, core::Duration::milliseconds(1));
  http.answered(&jobs, 404, core::Duration::milliseconds(1));
  http.answered(&jobs, 409, core::Duration::milliseconds(1));
  http.answered(nullptr, 404, core::Duration{0});
  const std::string page_text = text();
  for (const char* line :
       {R"(berth_http_requests_total{method="GET",route="/v1/jobs/{id}",code="2xx"} 1)",
        R"(berth_http_requests_total{method="GET",route="/v1/jobs/{id}",code="4xx"} 2)",
        R"(berth_http_requests_total{method="any",route="none",code="4xx"} 1)",
        R"(berth_http_request_seconds_count{method="GET",route="/v1/jobs/{id}"} 3)"}) {
    EXPECT_THAT(page_text, HasSubstr(std::string(line) + "\n"));
  }
  EXPECT_THAT(page_text, Not(HasSubstr("berth_http_requests_total 0")));
}

}  // namespace
}  // namespace berth::net
