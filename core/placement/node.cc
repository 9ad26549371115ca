#include "core/placement/node.h"

#include <algorithm>

#include "core/base/check.h"

namespace berth::core {
namespace {

/// The common case, where every device will do: a loop that the compiler can turn into vectors.
bool has_free_devices(const NodeState& node, const NodeDemand& demand) {
  int usable = 0;
  for (size_t i = 0; i < node.gpu_count; ++i)
    usable += node.gpu_free[i] >= demand.gpu_milli;
  return usable >= demand.gpu_count;
}

Misfit gpu_misfit(const NodeState& node, const NodeDemand& demand) {
  if (demand.gpu_models.empty()) {
    return has_free_devices(node, demand) ? Misfit::None : Misfit::Gpu;
  }
  int allowed = 0;
  int usable = 0;
  for (size_t i = 0; i < node.gpu_count; ++i) {
    if (!allows_model(demand, node.gpu_model[i])) continue;
    ++allowed;
    if (node.gpu_free[i] >= demand.gpu_milli) ++usable;
  }
  if (usable >= demand.gpu_count) return Misfit::None;
  // A worker with too few devices of any kind lacks devices, not the right models.
  bool models_at_fault = allowed < demand.gpu_count && node.gpu_count >= demand.gpu_count;
  return models_at_fault ? Misfit::GpuModel : Misfit::Gpu;
}

/// The place of `name` among the custom resources of `node`, or its custom_count.
size_t custom_at(const NodeState& node, NameId name) {
  size_t i = 0;
  while (i < node.custom_count && node.custom_free[i].name != name)
    ++i;
  return i;
}

}  // namespace

Misfit misfit(const NodeState& node, const NodeDemand& demand) {
  for (size_t r = 0; r < kResourceCount; ++r) {
    // A worker may be overdrawn after it shrank; who asks for none of that is not in the way.
    if (demand.amounts[r] > std::max(node.free[r], 0)) return static_cast<Misfit>(r + 1);
  }
  if (demand.gpu_count > 0) {
    Misfit gpu = gpu_misfit(node, demand);
    if (gpu != Misfit::None) return gpu;
  }
  for (const CustomAmount& wanted : demand.custom) {
    if (wanted.amount <= 0) continue;
    size_t at = custom_at(node, wanted.name);
    if (at == node.custom_count || node.custom_free[at].amount < wanted.amount) {
      return Misfit::Custom;
    }
  }
  return Misfit::None;
}

void take(NodeState& node, const NodeDemand& demand, GpuSet gpus) {
  for (size_t r = 0; r < kResourceCount; ++r)
    node.free[r] -= demand.amounts[r];
  for (size_t i = 0; i < node.gpu_count; ++i) {
    if ((gpus >> i & 1) == 0) continue;
    BERTH_CHECK(node.gpu_free[i] >= demand.gpu_milli);
    node.gpu_free[i] = static_cast<uint16_t>(node.gpu_free[i] - demand.gpu_milli);
  }
  for (const CustomAmount& wanted : demand.custom) {
    size_t at = custom_at(node, wanted.name);
    if (at < node.custom_count) node.custom_free[at].amount -= wanted.amount;
  }
}

GpuSet choose_gpus(const NodeState& node, const NodeDemand& demand) {
  if (demand.gpu_count == 0) return 0;
  GpuSet chosen = 0;
  int missing = demand.gpu_count;
  size_t fullest = kGpusMax;
  for (size_t i = 0; i < node.gpu_count && missing > 0; ++i) {
    if (node.gpu_free[i] < demand.gpu_milli || !allows_model(demand, node.gpu_model[i])) continue;
    if (demand.gpu_count > 1) {
      chosen = static_cast<GpuSet>(chosen | 1u << i);
      --missing;
    } else if (fullest == kGpusMax || node.gpu_free[i] < node.gpu_free[fullest]) {
      fullest = i;
    }
  }
  if (fullest < kGpusMax) chosen = static_cast<GpuSet>(1u << fullest);
  return chosen;
}

}  // namespace berth::core
