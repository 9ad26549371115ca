#include "core/jobs/outlook.h"

#include <gtest/gtest.h>

#include "core/base/rng.h"

namespace berth::core {
namespace {

constexpr wire::JobId kNone{1'000'000};

Forecast exactly(double seconds) {
  return {seconds, seconds, seconds, seconds, true};
}
Forecast about(double seconds) {
  return {seconds, seconds, seconds / 2, seconds * 2, true};
}
JobTurn turn(uint64_t id, int32_t priority = 0) {
  return {priority, 0, {id}};
}

TEST(Outlook, NobodyRunsSoNothingIsKnown) {
  Outlook outlook;
  EXPECT_FALSE(outlook.start_of(turn(1), 0));
  outlook.begin(0, 1, kNone);
  outlook.add_waiting(turn(1), 1, exactly(10));
  EXPECT_FALSE(outlook.start_of(turn(1), 0));
}

// Two places, free after 30 and 50 s, and jobs of 100 s each.
TEST(Outlook, PlacesAreTakenInTurnAsTheyBecomeFree) {
  Outlook outlook;
  outlook.begin(2, 5, kNone);
  outlook.add_running(exactly(50));
  outlook.add_running(exactly(30));
  for (uint64_t id = 1; id <= 5; ++id)
    outlook.add_waiting(turn(id), 1, exactly(100));
  const double starts[] = {30, 50, 130, 150, 230};
  for (uint64_t id = 1; id <= 5; ++id) {
    const auto start = outlook.start_of(turn(id), 0);
    ASSERT_TRUE(start);
    EXPECT_NEAR(start->at_s, starts[id - 1], 0.5) << id;
    EXPECT_NEAR(start->early_s, start->at_s, 0.5) << "nothing is uncertain";
    EXPECT_NEAR(start->late_s, start->at_s, 0.5);
  }
  EXPECT_NEAR(outlook.start_of(turn(9, 1), 0)->at_s, 30, 0.5) << "a higher priority goes first";
}

TEST(Outlook, ElementsOfAnArrayCountOneByOne) {
  Outlook outlook;
  outlook.begin(1, 2, kNone);
  outlook.add_running(exactly(10));
  outlook.add_waiting(turn(1), 100, exactly(10));
  outlook.add_waiting(turn(101), 1, exactly(10));
  EXPECT_NEAR(outlook.start_of(turn(1), 0)->at_s, 10, 0.1);
  EXPECT_NEAR(outlook.start_of(turn(1), 50)->at_s, 510, 2);
  EXPECT_NEAR(outlook.start_of(turn(101), 0)->at_s, 1'010, 3);
}

// A sample stands for all that run: 1,000 places of which 10 were looked at.
TEST(Outlook, ASampleStandsForAll) {
  Outlook outlook;
  outlook.begin(1'000, 5'000, {5'001});
  for (int i = 1; i <= 10; ++i)
    outlook.add_running(exactly(10.0 * i));
  for (uint64_t id = 1; id <= 1'000; ++id)
    outlook.add_waiting(turn(id), 1, exactly(100));
  EXPECT_NEAR(outlook.start_of(turn(500), 0)->at_s, 50, 1);
  EXPECT_NEAR(outlook.start_of(turn(3'000), 0)->at_s, 300, 15) << "told from its id";
}

TEST(Outlook, TheIntervalHoldsTheStartAndNarrowsWithNumbers) {
  Outlook outlook;
  outlook.begin(1, 100, kNone);
  outlook.add_running(about(100));
  for (uint64_t id = 1; id <= 100; ++id)
    outlook.add_waiting(turn(id), 1, about(100));
  const auto first = outlook.start_of(turn(1), 0);
  EXPECT_NEAR(first->early_s, 50, 1);
  EXPECT_NEAR(first->late_s, 200, 1);
  const auto last = outlook.start_of(turn(100), 0);
  EXPECT_GT(last->early_s / last->at_s, 0.6);
  EXPECT_LT(last->early_s / last->at_s, 0.9) << "like jobs err alike";
}

// Whatever runs and waits: later turns never start earlier, and the interval is around the start.
TEST(Outlook, StartsAreInTheOrderOfTheQueue) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    Outlook outlook;
    const uint64_t waiting = 1 + rng.below(200);
    outlook.begin(1 + static_cast<double>(rng.below(100)), waiting * 2, {waiting * 20 + 1});
    for (uint64_t i = 1 + rng.below(40); i > 0; --i)
      outlook.add_running(about(0.001 + 1'000 * rng.unit()));
    for (uint64_t i = 1; i <= waiting; ++i) {
      const auto jobs = static_cast<double>(1 + rng.below(5));
      if (i == 1 || rng.below(2) == 0) {
        outlook.add_waiting(turn(i * 10), jobs, about(0.001 + 1'000 * rng.unit()));
      } else {
        outlook.add_waiting(turn(i * 10));
      }
    }
    double last = 0;
    for (uint64_t i = 1; i <= waiting * 2; ++i) {
      const auto start = outlook.start_of(turn(i * 10), 0);
      ASSERT_TRUE(start);
      EXPECT_GE(start->at_s, last * 0.99 - 0.002) << "seed " << seed << " turn " << i;
      EXPECT_LE(start->early_s, start->at_s);
      EXPECT_GE(start->late_s, start->at_s);
      last = start->at_s;
    }
  }
}

}  // namespace
}  // namespace berth::core
