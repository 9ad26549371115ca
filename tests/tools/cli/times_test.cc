#include "net/forms/times.h"

#include <gtest/gtest.h>

#include "tools/cli/selectors.h"

namespace berth::cli {

using namespace forms;

namespace {

TEST(Times, AreReadAsRfc3339OrFromNow) {
  struct Case {
    const char* text;
    std::optional<int64_t> at_ms;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-01-31T08:00:00Z", 1'769'846'400'000},
      {"2026-01-31T08:00:00.250Z", 1'769'846'400'250},
      {"2026-01-31T09:00:00+01:00", 1'769'846'400'000},
      {"2026-01-31t03:30:00-04:30", 1'769'846'400'000},
      {"2026-01-31 08:00:00Z", 1'769'846'400'000},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000},
      {"+30s", 1'030'000},
      {"+1h30m", 6'400'000},
      {"2026-02-29T00:00:00Z", std::nullopt},
      {"2026-13-01T00:00:00Z", std::nullopt},
      {"2026-01-31T24:00:00Z", std::nullopt},
      {"2026-01-31T08:00:00", std::nullopt},
      {"2026-01-31", std::nullopt},
      {"2026-01-31T08:00:00.Z", std::nullopt},
      {"2026-01-31T08:00:00Zz", std::nullopt},
      {"tomorrow", std::nullopt},
      {"+30", std::nullopt},
      {"+", std::nullopt},
      {"", std::nullopt},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(parse_time(each.text, 1'000'000), each.at_ms) << each.text;
  }
}

TEST(Times, AreWrittenSoThatTheyReadBack) {
  for (const int64_t at_ms :
       {int64_t{1}, int64_t{1'769'846'400'250}, int64_t{253'402'300'799'999}}) {
    EXPECT_EQ(parse_time(format_time(at_ms), 0), at_ms) << format_time(at_ms);
  }
  EXPECT_EQ(format_time(1'769'846'400'250), "2026-01-31T08:00:00.250Z");
}

TEST(Times, AreToldAsPeopleSayThem) {
  struct Case {
    int64_t at_ms;
    const char* text;
  };
  constexpr int64_t kNow = 10'000'000'000;
  const Case cases[] = {
      {0, "-"},
      {kNow - 250, "250ms"},
      {kNow - 1'900, "1s"},
      {kNow - 90'500, "1m30s"},
      {kNow - 3'661'000, "1h1m"},
      {kNow - 3 * 86'400'000 - 3'700'000, "3d1h"},
      {kNow + 30'000, "in 30s"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(format_age(each.at_ms, kNow), each.text);
  }
}

TEST(Times, AreRoundedOnlyWhereNobodyMinds) {
  struct Case {
    int64_t ms;
    const char* text;
  };
  const Case cases[] = {
      {0, "<1ms"},
      {1, "1ms"},
      {9'994, "9s994ms"},
      {29'994, "30s"},
      {30'499, "30s"},
      {89'600, "1m30s"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(format_run(each.ms), each.text);
  }
  EXPECT_EQ(format_length(0), "0s");
}

TEST(Selectors, AreIdsRangesLastOrNames) {
  using Kind = Selector::Kind;
  struct Case {
    const char* word;
    bool fine;
    Kind kind;
    client::JobRange range;
  };
  const Case cases[] = {
      {"12", true, Kind::Range, {12, 12}},
      {"10-20", true, Kind::Range, {10, 20}},
      {"18446744073709551615", true, Kind::Range, {UINT64_MAX, UINT64_MAX}},
      {"last", true, Kind::Last, {}},
      {"train", true, Kind::Name, {}},
      {"2026-backup", true, Kind::Name, {}},
      {"last-week", true, Kind::Name, {}},
      {"", false, Kind::Name, {}},
      {"0", false, Kind::Name, {}},
      {"20-10", false, Kind::Name, {}},
      {"10-", false, Kind::Name, {}},
      {"-10", false, Kind::Name, {}},
      {"1-2-3", false, Kind::Name, {}},
      {"18446744073709551616", false, Kind::Name, {}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.word);
    const std::optional<Selector> selector = parse_selector(each.word);
    ASSERT_EQ(selector.has_value(), each.fine);
    if (!each.fine) continue;
    EXPECT_EQ(selector->kind, each.kind);
    EXPECT_EQ(selector->range, each.range);
    if (each.kind == Kind::Name) {
      EXPECT_EQ(selector->name, each.word);
    }
  }
}

}  // namespace
}  // namespace berth::cli
