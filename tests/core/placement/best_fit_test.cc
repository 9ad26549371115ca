#include "core/placement/best_fit.h"

#include <gtest/gtest.h>

#include "tests/core/placement/samples.h"

namespace berth::core {
namespace {

using samples::gpu_task;
using samples::node_with_gpus;

TEST(BestFit, LeftoverSumsWhatIsLeftAsSharesOfTheScale) {
  NodeState node;
  node.free = {65'535, 128'000, 1 << 20, 1 << 24, 100'000};
  NodeDemand nothing;
  nothing.amounts = {};
  EXPECT_DOUBLE_EQ(best_fit_leftover(node, nothing), 5.0);
  NodeDemand half;
  half.amounts = {0, 64'000, 1 << 19, 0, 0};
  EXPECT_DOUBLE_EQ(best_fit_leftover(node, half), 4.0);
}

TEST(BestFit, DevicesCountByTheirFreeMilli) {
  NodeState node = node_with_gpus({1000, 500});
  node.free = {};
  NodeDemand demand;
  demand.amounts = {};
  demand.gpu_count = 1;
  demand.gpu_milli = 300;
  EXPECT_DOUBLE_EQ(best_fit_leftover(node, demand), 1.2);
  EXPECT_DOUBLE_EQ(leftover(node, demand, 8 * kWholeGpu), 0.15);
}

TEST(BestFit, TheTighterWorkerScoresLower) {
  NodeDemand task = gpu_task(1, 400);
  NodeState tight = node_with_gpus({500});
  NodeState loose = node_with_gpus({500, 1000});
  EXPECT_LT(best_fit_leftover(tight, task), best_fit_leftover(loose, task));
  NodeState fewer_cores = loose;
  fewer_cores.free[static_cast<size_t>(Resource::Cpu)] -= 2'000;
  EXPECT_LT(best_fit_leftover(fewer_cores, task), best_fit_leftover(loose, task));
}

TEST(BestFit, SlotsAloneDecideWhereNothingElseDiffers) {
  NodeDemand task;
  NodeState full;
  full.free[0] = 1;
  NodeState empty;
  empty.free[0] = 2;
  EXPECT_LT(best_fit_leftover(full, task), best_fit_leftover(empty, task));
}

}  // namespace
}  // namespace berth::core
