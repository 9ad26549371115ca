#include "core/placement/fgd.h"

#include <gtest/gtest.h>

#include "core/placement/score_cache.h"
#include "tests/core/placement/naive.h"
#include "tests/core/placement/samples.h"

namespace berth::core {
namespace {

using samples::gpu_task;
using samples::kT4;
using samples::kV100;
using samples::node_with_gpus;

NodeDemand cores(NodeDemand demand, int32_t milli) {
  demand.amounts[static_cast<size_t>(Resource::Cpu)] = milli;
  return demand;
}

NodeDemand of_model(NodeDemand demand, NameId model) {
  demand.gpu_models.push_back(model);
  return demand;
}

TypicalTasks typical_of(std::vector<TypicalTask> tasks) {
  TypicalTasks typical;
  typical.fix(std::move(tasks));
  return typical;
}

// Devices with 1000, 600 and 200 milli free: 1800 in all.
TEST(Fgd, FragmentationIsWhatTheTypicalTaskCannotUse) {
  struct Case {
    const char* name;
    NodeDemand typical;
    double expected;
  };
  const Case cases[] = {
      {"a fraction that fits every device", gpu_task(1, 200), 0},
      {"a fraction that fits two devices", gpu_task(1, 500), 200},
      {"exactly what a device has left", gpu_task(1, 600), 200},
      {"a whole device", gpu_task(1, 1000), 800},
      {"more whole devices than are free", gpu_task(2, 1000), 1800},
      {"not enough cores", cores(gpu_task(1, 200), 8'001), 1800},
      {"just enough cores", cores(gpu_task(1, 200), 8'000), 0},
      {"no device wanted: of no use to it", gpu_task(0, 0), 1800},
      {"another model", of_model(gpu_task(1, 200), kV100), 1800},
      {"this model", of_model(gpu_task(1, 200), kT4), 0},
  };
  NodeState node = node_with_gpus({1000, 600, 200});
  for (const Case& c : cases) {
    EXPECT_DOUBLE_EQ(fragmentation(node, typical_of({{c.typical, 1}})), c.expected) << c.name;
  }
}

TEST(Fgd, FragmentationIsWeightedByTheSharesOfTheClasses) {
  NodeState node = node_with_gpus({1000, 600, 200});
  TypicalTasks typical = typical_of({{gpu_task(1, 1000), 3}, {gpu_task(2, 1000), 1}});
  EXPECT_DOUBLE_EQ(fragmentation(node, typical), 0.75 * 800 + 0.25 * 1800);
}

TEST(Fgd, WholeDevicesOfSeveralAreUsableOnceEnoughAreFree) {
  TypicalTasks typical = typical_of({{gpu_task(2, 1000), 1}});
  EXPECT_DOUBLE_EQ(fragmentation(node_with_gpus({1000, 1000, 300}), typical), 300);
  EXPECT_DOUBLE_EQ(fragmentation(node_with_gpus({1000, 999, 300}), typical), 2299);
}

TEST(Fgd, DevicesOfAnotherModelAreFragmentsEvenOnAMixedWorker) {
  NodeState node = node_with_gpus({1000, 1000, 1000});
  node.gpu_model[2] = kV100;
  EXPECT_DOUBLE_EQ(fragmentation(node, typical_of({{of_model(gpu_task(2, 1000), kT4), 1}})), 1000);
  EXPECT_DOUBLE_EQ(
      fragmentation(node, typical_of({{of_model(gpu_task(2, 1000), kV100), 1}})), 3000);
  EXPECT_DOUBLE_EQ(fragmentation(node, typical_of({{gpu_task(3, 1000), 1}})), 0);
}

TEST(Fgd, NothingTypicalMeansNoFragmentation) {
  TypicalTasks typical;
  NodeState node = node_with_gpus({1000, 600});
  EXPECT_EQ(fragmentation(node, typical), 0);
  FgdChoice choice = fgd_choose(node, gpu_task(1, 500), typical);
  EXPECT_EQ(choice.increase, 0);
  EXPECT_EQ(choice.gpus, 0b10);
}

TEST(Fgd, ChoosesTheDeviceThatHurtsTheTypicalTasksLeast) {
  struct Case {
    const char* name;
    NodeDemand typical;
    NodeDemand task;
    GpuSet expected;
    double increase;
  };
  const Case cases[] = {
      {"the leftovers, not the whole device", gpu_task(1, 1000), gpu_task(1, 200), 0b100, -200},
      // On device 1, 400 of its 600 are left and useless to the typical task; on device 0, 800.
      {"the one that stays useful", gpu_task(1, 600), gpu_task(1, 300), 0b001, 0},
      {"the fullest of those that hurt alike", gpu_task(1, 100), gpu_task(1, 100), 0b100, 0},
  };
  NodeState node = node_with_gpus({1000, 600, 200});
  for (const Case& c : cases) {
    FgdChoice choice = fgd_choose(node, c.task, typical_of({{c.typical, 1}}));
    EXPECT_EQ(choice.gpus, c.expected) << c.name;
    EXPECT_DOUBLE_EQ(choice.increase, c.increase) << c.name;
  }
}

TEST(Fgd, SeveralDevicesComeFromOneModelWhereItHasEnough) {
  NodeState node = node_with_gpus({1000, 1000, 1000, 1000});
  node.gpu_model[0] = kV100;
  TypicalTasks typical = typical_of({{gpu_task(1, 1000), 1}});
  EXPECT_EQ(fgd_choose(node, gpu_task(2, 1000), typical).gpus, 0b0110);
  EXPECT_EQ(fgd_choose(node, gpu_task(4, 1000), typical).gpus, 0b1111);
}

TEST(Fgd, AmongWorkersThatHurtAlikeTheFullerOneScoresLower) {
  TypicalTasks typical = typical_of({{gpu_task(1, 1000), 1}});
  NodeDemand task = gpu_task(1, 1000);
  FgdChoice small = fgd_choose(node_with_gpus({1000}), task, typical);
  FgdChoice large = fgd_choose(node_with_gpus({1000, 1000, 1000}), task, typical);
  EXPECT_EQ(small.increase, large.increase);
  EXPECT_LT(small.score, large.score);
}

std::vector<TypicalTask> random_tasks(Rng& rng) {
  std::vector<TypicalTask> tasks;
  size_t count = 1 + rng.below(40);
  for (size_t i = 0; i < count; ++i) {
    tasks.push_back({naive::random_demand(rng, 3), static_cast<double>(1 + rng.below(100))});
  }
  return tasks;
}

TEST(Fgd, AgreesWithTheDefinitionOnRandomWorkers) {
  constexpr double kRounding = 0.05;  // shares are held as whole numbers
  for (uint64_t seed = 1; seed <= 3'000; ++seed) {
    Rng rng(seed);
    TypicalTasks typical = typical_of(random_tasks(rng));
    NodeState node = naive::random_node(rng, 3);
    NodeDemand demand = naive::random_demand(rng, 3);
    double expected = naive::fragmentation(node, typical.tasks());
    ASSERT_NEAR(fragmentation(node, typical), expected, kRounding) << "seed " << seed;
    if (misfit(node, demand) != Misfit::None) continue;
    FgdChoice choice = fgd_choose(node, demand, typical);
    NodeState after = node;
    take(after, demand, choice.gpus);
    double increase = naive::fragmentation(after, typical.tasks()) - expected;
    ASSERT_NEAR(choice.increase, increase, kRounding) << "seed " << seed;
    bool same_model = true;
    for (size_t i = 1; i < node.gpu_count; ++i) {
      same_model = same_model && node.gpu_model[i] == node.gpu_model[0];
    }
    if (demand.gpu_count > 1 && !same_model) continue;  // there one model goes before the least
    double least = naive::least_increase(node, demand, typical.tasks());
    ASSERT_NEAR(increase, least, kRounding) << "seed " << seed;
  }
}

TEST(ScoreCache, RemembersExactlyWhatFgdChooses) {
  Rng rng(7);
  TypicalTasks typical;
  ScoreCache cache(8);  // small, so that places are taken over all the time
  std::vector<NodeState> nodes;
  for (int i = 0; i < 60; ++i)
    nodes.push_back(naive::random_node(rng, 2));
  std::vector<NodeDemand> tasks;
  for (int i = 0; i < 10; ++i)
    tasks.push_back(naive::random_demand(rng, 2));
  for (int round = 0; round < 300; ++round) {
    const NodeDemand& task = tasks[rng.below(tasks.size())];
    typical.learn(task);
    cache.begin(task, typical);
    for (NodeState& node : nodes) {
      if (misfit(node, task) != Misfit::None) continue;
      FgdChoice expected = fgd_choose(node, task, typical);
      ScoredGpus scored = cache.fgd(node);
      ASSERT_EQ(scored.score, expected.score) << "round " << round;
      ASSERT_EQ(scored.gpus, expected.gpus) << "round " << round;
      if (rng.below(100) == 0) take(node, task, scored.gpus);
    }
  }
}

}  // namespace
}  // namespace berth::core
