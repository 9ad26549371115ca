#include "core/metrics.h"

#include <map>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "core/listing.h"

namespace berth::core {
namespace {

/// Everything that is told, by `name{label="value"}`.
class Told final : public MetricSink {
 public:
  void family(const MetricFamily& family) override {
    family_ = family;
    EXPECT_TRUE(names.insert(family.name).second) << family.name << " comes twice";
    helps.emplace_back(family.help);
  }
  void number(const MetricLabels& labels, double value) override {
    EXPECT_NE(family_.kind, MetricKind::Histogram) << family_.name;
    EXPECT_TRUE(numbers.emplace(key(labels), value).second) << key(labels);
  }
  void histogram(const MetricLabels& labels, const HistogramSum& values) override {
    EXPECT_EQ(family_.kind, MetricKind::Histogram) << family_.name;
    EXPECT_TRUE(numbers.emplace(key(labels), values.count()).second) << key(labels);
  }

  std::set<std::string> names;
  std::vector<std::string> helps;
  std::map<std::string, double> numbers;

 private:
  std::string key(const MetricLabels& labels) const {
    std::string key = family_.name;
    for (const MetricLabel& label : labels)
      key.append("|").append(label.name).append("=").append(label.value);
    return key;
  }
  MetricFamily family_ = {};
};

Settings two_shards() {
  Settings settings;
  settings.shards = 2;
  return settings;
}

class Metrics : public ::testing::Test {
 protected:
  Told told() {
    Told sink;
    visit_metrics(tables, {{5'000'000'000}, 10'000}, sink);
    return sink;
  }
  Tables tables{two_shards()};
};

TEST_F(Metrics, HaveNamesThatPrometheusTakesAndAHelpThatIsOneSentence) {
  const Told all = told();
  const std::regex name("(berth|process)_[a-z0-9_]+");
  for (const std::string& one : all.names)
    EXPECT_TRUE(std::regex_match(one, name)) << one;
  for (const std::string& help : all.helps)
    EXPECT_TRUE(help.ends_with('.') && help.find('\n') == std::string::npos) << help;
  for (size_t i = 0; i < kCounters; ++i) {
    const MetricFamily& family = family_of(static_cast<Counter>(i));
    EXPECT_EQ(family.kind, MetricKind::Counter);
    EXPECT_TRUE(std::string_view(family.name).ends_with("_total")) << family.name;
    EXPECT_TRUE(all.names.contains(family.name)) << family.name << " is not shown";
  }
}

// The tables of names are lists beside the enumerations: a line in the wrong place would count one
// thing under the name of another.
TEST_F(Metrics, ShowWhatWasCountedUnderItsName) {
  tables.counters.of(1).add_kind(Counter::PlacementsRefused, wire::Policy::Spread, 7);
  tables.counters.of(OtherThread::Ledger).add(Counter::DeadlineMisses, 3);
  tables.counters.of(OtherThread::Ledger)
      .add_kind(
          Counter::JobTransitions, edge_of(wire::JobState::Lost, wire::JobState::Retrying), 2);
  tables.counters.of(OtherThread::Store).measure(Measure::StoreCommitRows, 100);
  tables.counters.of(0).add_kind(Counter::RequestsRefused, wire::Refusal::Busy);
  tables.counters.gauges.holds[static_cast<size_t>(wire::JobHold::Capacity)] = 9;
  tables.counters.gauges.oldest_waiting_ns = 2'000'000'000;
  const std::atomic<size_t> letters{4'096};
  tables.counters.of(OtherThread::Planner).mailbox_bytes = &letters;
  Told all = told();
  const std::pair<const char*, double> expected[] = {
      {"berth_placements_total|outcome=refused|policy=spread", 7},
      {"berth_placements_total|outcome=placed|policy=spread", 0},
      {"berth_deadline_misses_total", 3},
      {"berth_job_transitions_total|from=LOST|to=RETRYING", 2},
      {"berth_job_transitions_total|from=LOST|to=FAILED", 0},
      {"berth_store_commit_rows", 1},
      {"berth_requests_refused_total|reason=busy", 1},
      {"berth_pending_jobs|reason=capacity", 9},
      {"berth_waiting_oldest_seconds", 3},
      {"berth_mailbox_bytes|loop=planner", 4'096},
      {"berth_loop_lag_seconds|loop=planner", 0},
  };
  for (const auto& [key, value] : expected) {
    ASSERT_TRUE(all.numbers.contains(key)) << key;
    EXPECT_EQ(all.numbers[key], value) << key;
  }
  EXPECT_FALSE(all.numbers.contains("berth_loop_lag_seconds|loop=ledger")) << "nobody runs it";
  EXPECT_FALSE(all.numbers.contains("berth_job_transitions_total|from=COMPLETED|to=LOST"));
}

TEST_F(Metrics, StatisticsHaveATotalOfEachFamilyAndWhatItIsMadeOf) {
  tables.counters.of(0).add_kind(Counter::Placements, wire::Policy::Pack, 2);
  tables.counters.of(1).add_kind(Counter::PlacementsRefused, wire::Policy::Pack, 1);
  tables.counters.of(1).measure(Measure::PlacementRequest, Duration::seconds(2), 3);
  Arena text;
  std::map<std::pair<std::string, int>, double> rows;
  for (const wire::Stat& stat : list_stats(tables, {}, text).stats) {
    EXPECT_TRUE(rows.emplace(std::pair(std::string(stat.name), stat.shard), stat.value).second)
        << stat.name << " of shard " << stat.shard << " comes twice";
  }
  const std::pair<std::pair<std::string, int>, double> expected[] = {
      {{"berth_placements_total", -1}, 3},
      {{R"(berth_placements_total{outcome="placed",policy="pack"})", -1}, 2},
      {{R"(berth_placements_total{outcome="refused",policy="pack"})", -1}, 1},
      {{"berth_placements_total", 0}, 2},
      {{"berth_placements_total", 1}, 1},
      {{R"(berth_workers{status="offline"})", -1}, 0},
      {{"berth_placement_request_seconds_count", -1}, 3},
      {{"berth_placement_request_seconds_sum", -1}, 6},
  };
  for (const auto& [key, value] : expected) {
    ASSERT_TRUE(rows.contains(key)) << key.first;
    EXPECT_EQ(rows[key], value) << key.first;
  }
  EXPECT_FALSE(rows.contains({R"(berth_placements_total{outcome="placed",policy="fgd"})", -1}))
      << "what never happened is left out";
}

}  // namespace
}  // namespace berth::core
