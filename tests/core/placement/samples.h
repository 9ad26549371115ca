#pragma once

#include <initializer_list>

#include "core/placement/node.h"

namespace berth::core::samples {

inline constexpr NameId kT4{1};
inline constexpr NameId kV100{2};

/// A worker of 8 cores, 16 GiB and devices with so many milli free, all of one model.
inline NodeState node_with_gpus(std::initializer_list<uint16_t> free, NameId model = kT4) {
  NodeState node;
  node.capacity = {10, 8'000, 16'384, 100, 1'000};
  node.free = node.capacity;
  for (uint16_t milli : free) {
    node.gpu_model[node.gpu_count] = model;
    node.gpu_free[node.gpu_count++] = milli;
  }
  return node;
}

/// A task of one slot, one core and such devices.
inline NodeDemand gpu_task(uint16_t count, uint16_t milli) {
  NodeDemand demand;
  demand.amounts = {1, 1'000, 0, 0, 0};
  demand.gpu_count = count;
  demand.gpu_milli = milli;
  return demand;
}

}  // namespace berth::core::samples
