#pragma once

#include <absl/container/inlined_vector.h>

#include <array>
#include <cstdint>

#include "core/settings.h"

namespace berth::core {

/// An interned tag, label, GPU model or resource name. 0 is none.
struct NameId {
  uint32_t value = 0;
  friend auto operator<=>(NameId, NameId) = default;
};

/// The resources every worker has an amount of; GPUs and custom ones are apart.
enum class Resource : uint8_t { Slots, Cpu, Memory, Disk, Network };
inline constexpr size_t kResourceCount = 5;
using Amounts = std::array<int32_t, kResourceCount>;  // slots, milli cores, MiB, MiB, Mbit/s

inline constexpr uint16_t kWholeGpu = 1000;

struct CustomAmount {
  NameId name;
  int32_t amount = 0;
  friend bool operator==(const CustomAmount&, const CustomAmount&) = default;
};

/// What a task takes, checked and with its names interned.
struct NodeDemand {
  Amounts amounts{1, 0, 0, 0, 0};
  uint16_t gpu_count = 0;
  uint16_t gpu_milli = 0;                     ///< of each device; below 1000 only for one device
  absl::InlinedVector<NameId, 4> gpu_models;  ///< allowed; empty: any
  absl::InlinedVector<CustomAmount, 2> custom;
  friend bool operator==(const NodeDemand&, const NodeDemand&) = default;
};

/// One worker's capacity as a value: what the policies score and the planner plans on.
struct NodeState {
  Amounts capacity{};
  Amounts free{};  ///< may be negative after a worker shrank
  uint16_t gpu_count = 0;
  std::array<uint16_t, kGpusMax> gpu_free{};  ///< milli of each device
  std::array<NameId, kGpusMax> gpu_model{};
  uint16_t custom_count = 0;
  std::array<CustomAmount, kCustomMax> custom_capacity{};
  std::array<CustomAmount, kCustomMax> custom_free{};
};

/// Whether `demand` may use devices of `model`.
inline bool allows_model(const NodeDemand& demand, NameId model) {
  for (NameId allowed : demand.gpu_models) {
    if (allowed == model) return true;
  }
  return demand.gpu_models.empty();
}

/// A set of GPU devices, bit i for device i.
using GpuSet = uint16_t;
static_assert(kGpusMax <= 16);

/// The first thing that does not fit, in a fixed order; None: all of it fits.
enum class Misfit : uint8_t { None, Slots, Cpu, Memory, Disk, Network, GpuModel, Gpu, Custom };

/// Whether `demand` fits `node` now. O(devices).
Misfit misfit(const NodeState& node, const NodeDemand& demand);

/// Takes `demand` from `node`, which it fits, with the devices of `gpus`.
void take(NodeState& node, const NodeDemand& demand, GpuSet gpus);

/// The devices that leave the fewest splinters: the fullest that still fit for a fraction, the
/// first free ones for whole devices. Requires that `demand` fits.
GpuSet choose_gpus(const NodeState& node, const NodeDemand& demand);

}  // namespace berth::core
