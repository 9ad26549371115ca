#include "loadgen/arrivals.h"

#include <deque>

#include <gtest/gtest.h>

#include "loadgen/histogram.h"

namespace berth::loadgen {
namespace {

using core::Duration;
using core::Instant;

constexpr int64_t kMs = 1'000'000;

uint64_t take_all(Arrivals& arrivals, Instant now) {
  uint64_t taken = 0;
  while (arrivals.take(now))
    ++taken;
  return taken;
}

TEST(Arrivals, AnOpenLoopIsDueByTheClockAlone) {
  Arrivals arrivals({.per_second = 1'000, .start = {5 * kMs}, .end = {15 * kMs}});
  struct Case {
    const char* name;
    int64_t at_ns;
    uint64_t due;
  };
  const Case cases[] = {
      {"before the start", 5 * kMs - 1, 0},
      {"at the start, the first", 5 * kMs, 1},
      {"just before the second", 6 * kMs - 1, 0},
      {"the second", 6 * kMs, 1},
      {"late by three: all of them", 9 * kMs, 3},
      {"long after the end: what was due before it", 100 * kMs, 5},
      {"and then nothing", 1'000 * kMs, 0},
  };
  for (const Case& c : cases)
    EXPECT_EQ(take_all(arrivals, {c.at_ns}), c.due) << c.name;
  EXPECT_TRUE(arrivals.finished({100 * kMs}));
}

TEST(Arrivals, ALateRequestIsMeasuredFromWhenItWasDue) {
  Arrivals arrivals({.per_second = 1'000, .start = {0}});
  Instant late{50 * kMs};
  EXPECT_EQ(arrivals.take(late)->ns, 0);
  EXPECT_EQ(arrivals.take(late)->ns, 1 * kMs);
  EXPECT_EQ(arrivals.next_due().ns, 2 * kMs);
}

TEST(Arrivals, ARateThatIsNoWholeNumberOfNanosecondsDoesNotDrift) {
  Arrivals arrivals({.per_second = 150'000, .start = {0}});
  // Adding up 6,666 ns would be a tenth of a millisecond early after one second.
  EXPECT_EQ(take_all(arrivals, {1'000 * kMs - 1}), 150'000u);
  EXPECT_EQ(arrivals.next_due().ns, 1'000 * kMs);
}

TEST(Arrivals, AClosedLoopIsDueWheneverAskedUntilItsEnd) {
  Arrivals by_time({.start = {0}, .end = {10 * kMs}});
  EXPECT_EQ(by_time.take({3 * kMs})->ns, 3 * kMs);
  EXPECT_FALSE(by_time.finished({10 * kMs - 1}));
  EXPECT_FALSE(by_time.take({10 * kMs}));
  EXPECT_TRUE(by_time.finished({10 * kMs}));

  Arrivals by_count({.requests_max = 2, .start = {0}});
  EXPECT_EQ(take_all(by_count, {1}), 2u);
  EXPECT_TRUE(by_count.finished({1}));
}

TEST(Arrivals, AStoppedOneHasNothingMore) {
  Arrivals arrivals({.per_second = 1'000, .start = {0}});
  (void)arrivals.take({0});
  arrivals.stop();
  EXPECT_FALSE(arrivals.take({100 * kMs}));
  EXPECT_TRUE(arrivals.finished({0}));
}

// A server that answers one request in 10 µs and, in the middle of the second, nothing for 200 ms.
// The clock is simulated in steps of 10 µs; the generator has four places.
Histogram measure_a_stall(double per_second) {
  constexpr int64_t kStep = 10'000;
  constexpr size_t kPlaces = 4;
  Arrivals arrivals({.per_second = per_second, .start = {0}, .end = {1'000 * kMs}});
  Histogram latency;
  std::deque<Instant> under_way;
  for (int64_t now = 0; !arrivals.finished({now}) || !under_way.empty(); now += kStep) {
    bool stalled = now >= 500 * kMs && now < 700 * kMs;
    if (!stalled && !under_way.empty()) {
      latency.record(Instant{now} - under_way.front());
      under_way.pop_front();
    }
    while (under_way.size() < kPlaces) {
      std::optional<Instant> due = arrivals.take({now});
      if (!due) break;
      under_way.push_back(*due);
    }
  }
  return latency;
}

TEST(Arrivals, AnOpenLoopShowsAStallToAllThatItWouldHaveHit) {
  Histogram open = measure_a_stall(10'000);
  EXPECT_EQ(open.count(), 10'000u);
  // Requests due in the 200 ms, and those queued behind them, waited: 20 % and more of all.
  EXPECT_GE(open.max().ns, 199 * kMs);
  EXPECT_GE(open.quantile(0.9).ns, 90 * kMs);
  EXPECT_LE(open.quantile(0.5).ns, 1 * kMs);

  // The closed loop, for contrast, omits them: only its four places see the stall at all.
  Histogram closed = measure_a_stall(0);
  EXPECT_GE(closed.max().ns, 199 * kMs);
  EXPECT_LE(closed.quantile(0.999).ns, 1 * kMs);
}

}  // namespace
}  // namespace berth::loadgen
