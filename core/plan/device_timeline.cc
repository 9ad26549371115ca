#include "core/plan/device_timeline.h"

#include <algorithm>
#include <bit>

namespace berth::core {

namespace {

GpuSet only(size_t device) {
  return static_cast<GpuSet>(1u << device);
}

bool has(GpuSet set, size_t device) {
  return (set >> device & 1) != 0;
}

}  // namespace

DeviceWish wish_on(const NodeState& node, const NodeDemand& demand) {
  DeviceWish wish{demand.gpu_count, demand.gpu_milli, 0};
  if (demand.gpu_count == 0) return wish;
  for (size_t i = 0; i < node.gpu_count; ++i) {
    if (allows_model(demand, node.gpu_model[i]))
      wish.usable = static_cast<GpuSet>(wish.usable | only(i));
  }
  return wish;
}

DeviceTimeline::DeviceTimeline(std::span<const Amount> capacity, std::span<const uint16_t> devices)
    : amounts_(capacity) {
  devices_.reserve(devices.size());
  for (const Amount milli : devices)
    devices_.emplace_back(std::span(&milli, 1));
}

DeviceTimeline::Place DeviceTimeline::earliest(
    Ticks from, Ticks duration, std::span<const Amount> demand, const DeviceWish& wish) const {
  const Amount each = wish.milli;
  for (;;) {
    from = amounts_.earliest(from, duration, demand);
    if (from >= kNever || wish.count == 0) return {from, 0};
    GpuSet free = 0;
    // No further device is free for so long before that.
    Ticks next = kNever;
    for (size_t i = 0; i < devices_.size(); ++i) {
      if (!has(wish.usable, i)) continue;
      const Ticks then = devices_[i].earliest(from, duration, {&each, 1});
      if (then == from) {
        free = static_cast<GpuSet>(free | only(i));
      } else {
        next = std::min(next, then);
      }
    }
    if (std::popcount(free) >= wish.count) return {from, choose(free, from, wish)};
    if (next >= kNever) return {};
    from = next;
  }
}

GpuSet DeviceTimeline::choose(GpuSet free, Ticks start, const DeviceWish& wish) const {
  GpuSet chosen = 0;
  if (wish.count > 1) {
    for (size_t i = 0; std::popcount(chosen) < wish.count; ++i)
      chosen = static_cast<GpuSet>(chosen | (free & only(i)));
    return chosen;
  }
  Amount least = kNever;
  for (size_t i = 0; i < devices_.size(); ++i) {
    const Amount left = has(free, i) ? devices_[i].free_at(start, 0) : kNever;
    if (left < least) least = left, chosen = only(i);
  }
  return chosen;
}

void DeviceTimeline::take(
    Ticks start, Ticks duration, std::span<const Amount> demand, GpuSet gpus, Amount gpu_milli) {
  amounts_.take(start, duration, demand);
  for (size_t i = 0; i < devices_.size(); ++i) {
    if (has(gpus, i)) devices_[i].take(start, duration, {&gpu_milli, 1});
  }
}

}  // namespace berth::core
