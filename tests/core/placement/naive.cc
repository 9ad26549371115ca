#include "tests/core/placement/naive.h"

#include <algorithm>

namespace berth::core::naive {
namespace {

int free_devices(const NodeState& node, const NodeDemand& demand) {
  int devices = 0;
  for (size_t i = 0; i < node.gpu_count; ++i) {
    if (allows_model(demand, node.gpu_model[i]) && node.gpu_free[i] >= demand.gpu_milli) ++devices;
  }
  return devices;
}

int32_t custom_free(const NodeState& node, NameId name) {
  for (size_t i = 0; i < node.custom_count; ++i) {
    if (node.custom_free[i].name == name) return node.custom_free[i].amount;
  }
  return 0;
}

double useless_to(const NodeState& node, const NodeDemand& demand) {
  bool hosts = demand.gpu_count > 0 && fits(node, demand);
  double milli = 0;
  for (size_t i = 0; i < node.gpu_count; ++i) {
    bool usable = allows_model(demand, node.gpu_model[i]) && node.gpu_free[i] >= demand.gpu_milli;
    if (!hosts || !usable) milli += node.gpu_free[i];
  }
  return milli;
}

}  // namespace

bool fits(const NodeState& node, const NodeDemand& demand) {
  for (size_t r = 0; r < kResourceCount; ++r) {
    if (demand.amounts[r] > 0 && demand.amounts[r] > node.free[r]) return false;
  }
  for (const CustomAmount& custom : demand.custom) {
    if (custom.amount > 0 && custom.amount > custom_free(node, custom.name)) return false;
  }
  return demand.gpu_count == 0 || free_devices(node, demand) >= demand.gpu_count;
}

double fragmentation(const NodeState& node, const std::vector<TypicalTask>& tasks) {
  double sum = 0;
  for (const TypicalTask& task : tasks)
    sum += task.share * useless_to(node, task.demand);
  return sum;
}

double least_increase(
    const NodeState& node, const NodeDemand& demand, const std::vector<TypicalTask>& tasks) {
  double before = fragmentation(node, tasks);
  double lowest = 1e300;
  for (unsigned set = 0; set < 1u << node.gpu_count; ++set) {
    if (__builtin_popcount(set) != demand.gpu_count) continue;
    bool holds = true;
    for (size_t i = 0; i < node.gpu_count; ++i) {
      if ((set >> i & 1) == 0) continue;
      holds = holds && node.gpu_free[i] >= demand.gpu_milli;
      holds = holds && allows_model(demand, node.gpu_model[i]);
    }
    if (!holds) continue;
    NodeState after = node;
    take(after, demand, static_cast<GpuSet>(set));
    lowest = std::min(lowest, fragmentation(after, tasks) - before);
  }
  return lowest;
}

NodeState random_node(Rng& rng, uint32_t models) {
  NodeState node;
  node.capacity = {32, 64'000, 262'144, 1'000, 10'000};
  for (size_t r = 0; r < kResourceCount; ++r) {
    node.free[r] = static_cast<int32_t>(rng.below(static_cast<uint64_t>(node.capacity[r]) + 1));
    if (rng.below(50) == 0) node.free[r] = -3;
  }
  node.gpu_count = static_cast<uint16_t>(rng.below(9));
  bool mixed = rng.below(4) == 0;
  NameId model{static_cast<uint32_t>(1 + rng.below(models))};
  for (size_t i = 0; i < node.gpu_count; ++i) {
    constexpr uint16_t kLevels[] = {0, 0, 190, 350, 530, 1000, 1000, 1000};
    node.gpu_free[i] = kLevels[rng.below(8)];
    if (mixed) model = {static_cast<uint32_t>(1 + rng.below(models))};
    node.gpu_model[i] = model;
  }
  if (rng.below(3) == 0) {
    node.custom_count = 1;
    node.custom_capacity[0] = {{900}, 10};
    node.custom_free[0] = {{900}, static_cast<int32_t>(rng.below(11))};
  }
  return node;
}

NodeDemand random_demand(Rng& rng, uint32_t models) {
  NodeDemand demand;
  demand.amounts = {
      static_cast<int32_t>(rng.below(3)),
      static_cast<int32_t>(rng.below(32) * 1'000),
      static_cast<int32_t>(rng.below(32) * 4'096),
      static_cast<int32_t>(rng.below(4) == 0 ? rng.below(500) : 0),
      0};
  constexpr uint16_t kFractions[] = {50, 190, 350, 470, 530, 810};
  constexpr uint16_t kCounts[] = {1, 1, 2, 4, 8};
  switch (rng.below(3)) {
    case 0: break;
    case 1: demand.gpu_count = 1, demand.gpu_milli = kFractions[rng.below(6)]; break;
    default: demand.gpu_count = kCounts[rng.below(5)], demand.gpu_milli = kWholeGpu; break;
  }
  if (demand.gpu_count > 0 && rng.below(3) == 0) {
    demand.gpu_models.push_back({static_cast<uint32_t>(1 + rng.below(models))});
    if (rng.below(2) == 0)
      demand.gpu_models.push_back({static_cast<uint32_t>(1 + rng.below(models))});
  }
  if (rng.below(8) == 0) demand.custom.push_back({{900}, static_cast<int32_t>(rng.below(8))});
  return demand;
}

}  // namespace berth::core::naive
