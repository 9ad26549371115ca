#include "loadgen/histogram.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/rng.h"

namespace berth::loadgen {
namespace {

using core::Duration;

// The definition, on the values themselves.
int64_t exact_quantile(std::vector<int64_t> values, double q) {
  std::sort(values.begin(), values.end());
  size_t rank = static_cast<size_t>(std::ceil(q * static_cast<double>(values.size())));
  return values[std::clamp<size_t>(rank, 1, values.size()) - 1];
}

TEST(Histogram, AQuantileIsAtMostOnePercentAboveTheExactOneAndNeverBelow) {
  struct Case {
    const char* name;
    int64_t (*draw)(core::Rng&);
  };
  const Case cases[] = {
      {"below the linear part's end",
       [](core::Rng& r) {
         return int64_t(r.below(128));
       }},
      {"around the first power of two",
       [](core::Rng& r) {
         return int64_t(100 + r.below(60));
       }},
      {"microseconds",
       [](core::Rng& r) {
         return int64_t(1'000 + r.below(1'000'000));
       }},
      {"log-uniform over nine decades",
       [](core::Rng& r) {
         return int64_t(std::pow(10.0, 9 * r.unit()));
       }},
      {"all the same",
       [](core::Rng&) {
         return int64_t{123'456'789};
       }},
  };
  for (const Case& c : cases) {
    core::Rng rng(7);
    Histogram histogram;
    std::vector<int64_t> values;
    for (int i = 0; i < 10'000; ++i) {
      values.push_back(c.draw(rng));
      histogram.record({values.back()});
    }
    for (double q : {0.0001, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      double exact = static_cast<double>(exact_quantile(values, q));
      double told = static_cast<double>(histogram.quantile(q).ns);
      EXPECT_GE(told, exact) << c.name << ", q = " << q;
      EXPECT_LE(told, exact * 1.01) << c.name << ", q = " << q;
    }
    EXPECT_EQ(histogram.max().ns, *std::max_element(values.begin(), values.end())) << c.name;
  }
}

TEST(Histogram, EdgesAreCountedWhereTheyBelong) {
  struct Case {
    const char* name;
    int64_t recorded;
    int64_t quantile;
  };
  const Case cases[] = {
      {"zero", 0, 0},
      {"a negative duration counts as zero", -5, 0},
      {"the last exact value", 127, 127},
      {"the first of the logarithmic part", 128, 128},
      {"one hour, beyond the last bucket", 3'600'000'000'000, 3'600'000'000'000},
      {"the longest there is", INT64_MAX, INT64_MAX},
  };
  for (const Case& c : cases) {
    Histogram histogram;
    histogram.record({c.recorded});
    EXPECT_EQ(histogram.quantile(0.5).ns, c.quantile) << c.name;
    EXPECT_EQ(histogram.max().ns, c.quantile) << c.name;
  }
}

TEST(Histogram, AddingIsTheSameAsHavingRecordedAll) {
  core::Rng rng(1);
  Histogram left, right, both;
  for (int i = 0; i < 1'000; ++i) {
    Duration took{static_cast<int64_t>(rng.below(10'000'000))};
    (i % 3 == 0 ? left : right).record(took);
    both.record(took);
  }
  left.add(right);
  EXPECT_EQ(left.count(), both.count());
  EXPECT_EQ(left.max(), both.max());
  for (double q : {0.1, 0.5, 0.99})
    EXPECT_EQ(left.quantile(q), both.quantile(q));
}

TEST(Histogram, AnEmptyOneTellsZero) {
  EXPECT_EQ(Histogram().quantile(0.99).ns, 0);
  EXPECT_EQ(Histogram().max().ns, 0);
}

}  // namespace
}  // namespace berth::loadgen
