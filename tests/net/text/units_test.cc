#include "net/text/units.h"

#include <gtest/gtest.h>

namespace berth::net {
namespace {

TEST(Units, ReadDurationsAsPeopleWriteThem) {
  struct Case {
    const char* text;
    std::optional<int64_t> ns;
  };
  const Case cases[] = {
      {"30s", 30'000'000'000},
      {"500ms", 500'000'000},
      {"1m", 60'000'000'000},
      {"1h30m", 5'400'000'000'000},
      {"0.5s", 500'000'000},
      {"0", 0},
      {"10us", 10'000},
      {"7ns", 7},
      {"3650d", 3'650 * 86'400 * int64_t{1'000'000'000}},
      {"3651d", {}},
      {"30", {}},
      {"", {}},
      {"s", {}},
      {"-1s", {}},
      {"1x", {}},
      {"1s1s", {}},
      {"1s1m", {}},
      {"1.s", {}},
      {".5s", {}},
      {"1 s", {}},
      {"99999999999999999999s", {}},
  };
  for (const Case& c : cases) {
    const std::optional<core::Duration> parsed = parse_duration(c.text);
    EXPECT_EQ(parsed.value_or(core::Duration{-1}).ns, c.ns.value_or(-1)) << c.text;
  }
}

TEST(Units, ReadSizesAmountsAndBandwidths) {
  using Parser = std::optional<int64_t> (*)(std::string_view);
  struct Case {
    Parser parse;
    const char* text;
    std::optional<int64_t> value;
  };
  const Case cases[] = {
      {parse_mib, "4GiB", 4096},
      {parse_mib, "512MiB", 512},
      {parse_mib, "512Mi", 512},
      {parse_mib, "1.5GiB", 1536},
      {parse_mib, "1KiB", 1},
      {parse_mib, "2TiB", 2 << 20},
      {parse_mib, "0", 0},
      {parse_mib, "4096", {}},
      {parse_mib, "4GB", {}},
      {parse_mib, "B", {}},
      {parse_mib, "4B", {}},
      {parse_mib, "-4GiB", {}},
      {parse_mib, "999999999999999999TiB", {}},
      {parse_milli, "2", 2000},
      {parse_milli, "0.5", 500},
      {parse_milli, "250m", 250},
      {parse_milli, "0.0005", {}},
      {parse_milli, "0.5m", {}},
      {parse_milli, "1e3", {}},
      {parse_milli, "nan", {}},
      {parse_mbit, "100Mbit", 100},
      {parse_mbit, "10Gbit", 10'000},
      {parse_mbit, "10", {}},
  };
  for (const Case& c : cases)
    EXPECT_EQ(c.parse(c.text), c.value) << c.text;
}

TEST(Units, ReadLabelsListsAndCounts) {
  EXPECT_EQ(
      parse_label("zone=eu-1a"), (std::pair<std::string_view, std::string_view>("zone", "eu-1a")));
  EXPECT_EQ(parse_label("k=a=b"), (std::pair<std::string_view, std::string_view>("k", "a=b")));
  EXPECT_FALSE(parse_label("zone"));
  EXPECT_FALSE(parse_label("=x"));
  EXPECT_FALSE(parse_label("zone="));
  EXPECT_EQ(split_list("a,b,,c,"), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_EQ(split_list("A100|H100", '|'), (std::vector<std::string_view>{"A100", "H100"}));
  EXPECT_TRUE(split_list("").empty());
  EXPECT_EQ(parse_count("17", 17), 17u);
  EXPECT_FALSE(parse_count("18", 17));
  EXPECT_FALSE(parse_count("+1"));
  EXPECT_FALSE(parse_count(""));
}

TEST(Units, WriteWhatParsesBack) {
  for (const char* text : {"1m30s", "250ms", "1h", "2d3h", "1s5ns", "0s"}) {
    EXPECT_EQ(format_duration(parse_duration(text).value_or(core::Duration{-1})), text);
  }
  for (const char* text : {"512MiB", "4GiB", "2TiB", "0MiB"}) {
    EXPECT_EQ(format_mib(parse_mib(text).value_or(-1)), text);
  }
  for (const char* text : {"2", "0.5", "0.001", "12.34", "0"}) {
    EXPECT_EQ(format_milli(parse_milli(text).value_or(-1)), text);
  }
}

TEST(Units, NameTheNearestWordOrNone) {
  const std::vector<std::string_view> known = {"listen", "console", "shards", "max-workers"};
  EXPECT_EQ(nearest_word("lisen", known), "listen");
  EXPECT_EQ(nearest_word("max-worker", known), "max-workers");
  EXPECT_EQ(nearest_word("shard", known), "shards");
  EXPECT_EQ(nearest_word("elephant", known), "");
}

}  // namespace
}  // namespace berth::net
