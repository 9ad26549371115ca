#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/placement/node.h"
#include "core/plan/timeline.h"

namespace berth::core {

/// The GPUs that a job wants on one worker: so many devices, with so much left of each, and which
/// of them will do.
struct DeviceWish {
  uint16_t count = 0;
  uint16_t milli = 0;
  GpuSet usable = 0;
};

/// Those of `node` whose model `demand` may use.
DeviceWish wish_on(const NodeState& node, const NodeDemand& demand);

/// What is free on one worker over time, with its GPUs device by device: four halves are not two
/// whole ones.
///
/// Shape    a timeline of the amounts, which have the sum of the GPUs, too, and one for each device
/// Units    devices in milli
/// Memory   that of its timelines
class DeviceTimeline {
 public:
  struct Place {
    Ticks start = kNever;
    GpuSet gpus = 0;
  };

  DeviceTimeline(std::span<const Amount> capacity, std::span<const uint16_t> devices);

  /// The first moment from `from` on at which both fit for `duration`, and on which devices: a
  /// fraction on the one that has the least left, as placements do. `start` is kNever when they
  /// never do.
  Place earliest(
      Ticks from, Ticks duration, std::span<const Amount> demand, const DeviceWish& wish) const;

  /// Takes what `earliest` found, or what is known to fit.
  void take(
      Ticks start, Ticks duration, std::span<const Amount> demand, GpuSet gpus, Amount gpu_milli);

 private:
  GpuSet choose(GpuSet free, Ticks start, const DeviceWish& wish) const;

  Timeline amounts_;
  std::vector<Timeline> devices_;
};

}  // namespace berth::core
