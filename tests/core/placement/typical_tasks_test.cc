#include "core/placement/typical_tasks.h"

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/core/placement/samples.h"

namespace berth::core {
namespace {

using samples::gpu_task;

double share_of(const TypicalTasks& typical, uint16_t milli) {
  for (const TypicalTask& task : typical.tasks()) {
    if (task.demand.gpu_milli == milli) return task.share;
  }
  return 0;
}

TEST(TypicalTasks, LearnsTheSharesOfWhatItHasSeen) {
  TypicalTasks typical;
  EXPECT_TRUE(typical.tasks().empty());
  for (int i = 0; i < 3'000; ++i)
    typical.learn(gpu_task(1, i % 3 == 0 ? 500 : 250));
  EXPECT_EQ(typical.tasks().size(), 2u);
  EXPECT_NEAR(share_of(typical, 500), 1.0 / 3, 0.001);
  EXPECT_NEAR(share_of(typical, 250), 2.0 / 3, 0.001);
}

TEST(TypicalTasks, TellsApartWhateverADemandMayDifferIn) {
  NodeDemand base = gpu_task(1, 500);
  std::vector<NodeDemand> demands(9, base);
  for (size_t r = 0; r < kResourceCount; ++r)
    demands[r].amounts[r] += 1;
  demands[5].gpu_milli = 501;
  demands[6].gpu_models.push_back({3});
  demands[7].custom.push_back({{3}, 1});
  TypicalTasks typical;
  for (int i = 0; i < 1'000; ++i) {
    for (const NodeDemand& demand : demands)
      typical.learn(demand);
  }
  EXPECT_EQ(typical.tasks().size(), demands.size());
}

TEST(TypicalTasks, VersionMovesOnlyWhenTheTasksDo) {
  TypicalTasks typical;
  uint64_t changes = 0;
  for (int i = 0; i < 10'000; ++i) {
    uint64_t before = typical.version();
    const TypicalTask* data = typical.tasks().data();
    typical.learn(gpu_task(1, static_cast<uint16_t>(1 + i % 7)));
    changes += typical.version() - before;
    if (typical.version() == before) {
      ASSERT_EQ(typical.tasks().data(), data);
    }
  }
  EXPECT_GT(changes, 50u);
  EXPECT_LT(changes, 200u) << "too often for scores to be remembered in between";
}

TEST(TypicalTasks, KeepsTheFrequentAmongMoreClassesThanItHolds) {
  TypicalTasks typical;
  Rng rng(1);
  for (int i = 0; i < 20'000; ++i) {
    auto rare = static_cast<uint16_t>(1 + rng.below(900));
    typical.learn(gpu_task(1, i % 2 == 0 ? 1000 : rare));
  }
  EXPECT_EQ(typical.tasks().size(), TypicalTasks::kClassesMax);
  EXPECT_NEAR(share_of(typical, 1000), 0.5, 0.01);
}

TEST(TypicalTasks, OldRequestsFade) {
  TypicalTasks typical;
  for (int i = 0; i < 100'000; ++i)
    typical.learn(gpu_task(1, 500));
  for (int i = 0; i < 200'000; ++i)
    typical.learn(gpu_task(1, 250));
  EXPECT_LT(share_of(typical, 500), 0.05);
}

TEST(TypicalTasks, FixedOnesAreNormalisedAndLearnNoMore) {
  TypicalTasks typical;
  typical.fix({{gpu_task(1, 500), 3}, {gpu_task(1, 250), 1}, {gpu_task(1, 100), 0}});
  uint64_t version = typical.version();
  typical.learn(gpu_task(1, 777));
  EXPECT_EQ(typical.version(), version);
  EXPECT_EQ(typical.tasks().size(), 2u);
  EXPECT_DOUBLE_EQ(share_of(typical, 500), 0.75);
  EXPECT_DOUBLE_EQ(share_of(typical, 250), 0.25);
}

TEST(TypicalTasks, TooManyFixedOnesLoseTheSmallestShares) {
  std::vector<TypicalTask> tasks;
  for (uint16_t milli = 1; milli <= 300; ++milli) {
    tasks.push_back({gpu_task(1, milli), static_cast<double>(milli)});
  }
  TypicalTasks typical;
  typical.fix(tasks);
  EXPECT_EQ(typical.tasks().size(), TypicalTasks::kClassesMax);
  EXPECT_EQ(share_of(typical, 172), 0);
  EXPECT_GT(share_of(typical, 173), 0);
  typical.fix({});
  EXPECT_TRUE(typical.tasks().empty());
}

}  // namespace
}  // namespace berth::core
