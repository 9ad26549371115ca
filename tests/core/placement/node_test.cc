#include "core/placement/node.h"

#include <gtest/gtest.h>

#include "tests/core/placement/naive.h"
#include "tests/core/placement/samples.h"

namespace berth::core {
namespace {

using samples::gpu_task;
using samples::kT4;
using samples::kV100;
using samples::node_with_gpus;

NodeDemand amounts(const Amounts& wanted) {
  NodeDemand demand;
  demand.amounts = wanted;
  return demand;
}

NodeDemand of_model(NodeDemand demand, NameId model) {
  demand.gpu_models.push_back(model);
  return demand;
}

NodeDemand with_custom(int32_t amount, NameId name) {
  NodeDemand demand;
  demand.custom.push_back({name, amount});
  return demand;
}

TEST(Node, MisfitNamesTheFirstThingThatDoesNotFit) {
  NodeState node = node_with_gpus({0, 400, 1000, 1000});
  node.free = {2, 4'000, 8'192, -5, 1'000};
  node.custom_count = 1;
  node.custom_free[0] = {{7}, 3};
  struct Case {
    const char* name;
    NodeDemand demand;
    Misfit expected;
  };
  const Case cases[] = {
      {"all that is free", amounts({2, 4'000, 8'192, 0, 1'000}), Misfit::None},
      {"a slot too many", amounts({3, 9'000, 0, 0, 0}), Misfit::Slots},
      {"a milli core too many", amounts({1, 4'001, 9'000, 0, 0}), Misfit::Cpu},
      {"memory", amounts({1, 0, 8'193, 1, 0}), Misfit::Memory},
      {"disk, which is overdrawn", amounts({1, 0, 0, 1, 0}), Misfit::Disk},
      {"network", amounts({1, 0, 0, 0, 1'001}), Misfit::Network},
      {"nothing of what is overdrawn", amounts({1, 0, 0, 0, 0}), Misfit::None},
      {"a fraction that fits one device", gpu_task(1, 400), Misfit::None},
      {"two whole devices", gpu_task(2, 1000), Misfit::None},
      {"three whole devices", gpu_task(3, 1000), Misfit::Gpu},
      {"more devices than there are", of_model(gpu_task(5, 1000), kV100), Misfit::Gpu},
      {"a model that it has", of_model(gpu_task(1, 1000), kT4), Misfit::None},
      {"a model that it has not", of_model(gpu_task(1, 100), kV100), Misfit::GpuModel},
      {"custom", with_custom(3, {7}), Misfit::None},
      {"too much custom", with_custom(4, {7}), Misfit::Custom},
      {"unknown custom", with_custom(1, {8}), Misfit::Custom},
      {"none of an unknown custom", with_custom(0, {8}), Misfit::None},
  };
  for (const Case& c : cases)
    EXPECT_EQ(misfit(node, c.demand), c.expected) << c.name;
}

TEST(Node, FractionsGoToTheFullestDeviceThatFitsAndWholeOnesToTheFirstFree) {
  NodeState node = node_with_gpus({1000, 300, 500, 1000, 500, 1000});
  struct Case {
    const char* name;
    NodeDemand demand;
    GpuSet expected;
  };
  const Case cases[] = {
      {"no device", gpu_task(0, 0), 0},
      {"exactly what is left of one", gpu_task(1, 300), 0b000010},
      {"the first of two equals", gpu_task(1, 301), 0b000100},
      {"only whole ones are left", gpu_task(1, 501), 0b000001},
      {"one whole", gpu_task(1, 1000), 0b000001},
      {"three whole", gpu_task(3, 1000), 0b101001},
  };
  for (const Case& c : cases)
    EXPECT_EQ(choose_gpus(node, c.demand), c.expected) << c.name;
  node.gpu_model[0] = kV100;
  EXPECT_EQ(choose_gpus(node, of_model(gpu_task(2, 1000), kT4)), 0b101000) << "of one model only";
}

TEST(Node, TakeTakesExactlyTheDemand) {
  NodeState node = node_with_gpus({1000, 600});
  node.custom_count = 1;
  node.custom_free[0] = {{7}, 3};
  NodeDemand demand = gpu_task(1, 250);
  demand.amounts = {2, 1'500, 1'024, 10, 20};
  demand.custom.push_back({{7}, 3});
  take(node, demand, 0b10);
  EXPECT_EQ(node.free, (Amounts{8, 6'500, 15'360, 90, 980}));
  EXPECT_EQ(node.gpu_free[0], 1000);
  EXPECT_EQ(node.gpu_free[1], 350);
  EXPECT_EQ(node.custom_free[0].amount, 0);
}

TEST(Node, MisfitAndDevicesAgreeWithTheDefinitionOnRandomWorkers) {
  for (uint64_t seed = 1; seed <= 20'000; ++seed) {
    Rng rng(seed);
    NodeState node = naive::random_node(rng, 3);
    NodeDemand demand = naive::random_demand(rng, 3);
    bool fits = misfit(node, demand) == Misfit::None;
    ASSERT_EQ(fits, naive::fits(node, demand)) << "seed " << seed;
    if (!fits) continue;
    GpuSet gpus = choose_gpus(node, demand);
    ASSERT_EQ(__builtin_popcount(gpus), demand.gpu_count) << "seed " << seed;
    for (size_t i = 0; i < kGpusMax; ++i) {
      if ((gpus >> i & 1) == 0) continue;
      ASSERT_LT(i, node.gpu_count) << "seed " << seed;
      ASSERT_TRUE(allows_model(demand, node.gpu_model[i])) << "seed " << seed;
      ASSERT_GE(node.gpu_free[i], demand.gpu_milli) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace berth::core
