#include "core/tables/histogram.h"

#include <gtest/gtest.h>

#include "core/tables/counters.h"

namespace berth::core {
namespace {

TEST(Histogram, PutsAValueIntoTheFirstCellWhoseBoundItDoesNotExceed) {
  struct Case {
    uint64_t value;
    size_t cell;
  };
  const Case cases[] = {
      {0, 0},
      {1, 0},
      {2, 1},
      {3, 2},
      {4, 2},
      {5, 3},
      {1'024, 10},
      {1'025, 11},
      {uint64_t{1} << 39, 39},
      {(uint64_t{1} << 39) + 1, 40},
      {UINT64_MAX, 40},
  };
  for (const Case& c : cases)
    EXPECT_EQ(histogram_cell(c.value), c.cell) << c.value;
}

TEST(Histogram, CountsUpToABoundIncludeTheBoundAndNeverTheOpenCell) {
  HistogramSum sum;
  for (const uint64_t value : {1, 2, 4, 5})
    sum.add(value);
  sum.add(UINT64_MAX / 4, 3);
  EXPECT_EQ(sum.up_to(0), 1u);
  EXPECT_EQ(sum.up_to(2), 3u);
  EXPECT_EQ(sum.up_to(3), 4u);
  EXPECT_EQ(sum.up_to(kHistogramCells - 1), 4u) << "the last cell has no bound";
  EXPECT_EQ(sum.count(), 7u);
}

TEST(Counters, AreSummedOverThreadsKindByKind) {
  Counters counters(2);
  counters.of(0).add_kind(Counter::Placements, wire::Policy::Fgd, 3);
  counters.of(1).add_kind(Counter::Placements, wire::Policy::Fgd);
  counters.of(OtherThread::Gateway).add_kind(Counter::Placements, wire::Policy::Pack);
  counters.of(OtherThread::Store).add(Counter::StoreCommits);
  EXPECT_EQ(counters.total(Counter::Placements), 5u);
  EXPECT_EQ(counters.total(Counter::Placements, static_cast<size_t>(wire::Policy::Fgd)), 4u);
  EXPECT_EQ(counters.total(Counter::PlacementsRepeated), 0u) << "its neighbour is untouched";
  EXPECT_EQ(counters.total(Counter::StoreCommits), 1u);
}

// What came over the wire may be any number: it must not count as something else.
TEST(Counters, AKindThatNobodyKnowsCountsAsTheLast) {
  Counters counters(1);
  counters.of(0).add_kind(Counter::RequestsRefused, 200);
  EXPECT_EQ(counters.total(Counter::RequestsRefused, kRefusals - 1), 1u);
  EXPECT_EQ(counters.total(Counter::ClaimsLost), 0u);
}

TEST(Counters, MeasuresOfAllThreadsMakeOneHistogram) {
  Counters counters(1);
  counters.of(0).measure(Measure::PlacementRequest, Duration{1'000}, 10);
  counters.of(OtherThread::Ledger).measure(Measure::PlacementRequest, Duration{3'000});
  counters.of(OtherThread::Ledger).measure(Measure::PlacementRequest, Duration{-5});
  const HistogramSum sum = counters.total(Measure::PlacementRequest);
  EXPECT_EQ(sum.count(), 12u);
  EXPECT_EQ(sum.sum, 13'000u) << "a clock that went back adds nothing";
  EXPECT_EQ(sum.up_to(10), 11u);
  EXPECT_EQ(counters.total(Measure::LoopLag).count(), 0u);
}

}  // namespace
}  // namespace berth::core
