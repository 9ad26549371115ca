#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/plan/device_timeline.h"
#include "core/plan/job_problem.h"

namespace berth::core {

/// Which devices the tasks of a plan are to have.
///
/// Plans are searched with the GPUs of a worker as a sum, which is quick and says too much: here
/// each task is given devices, and one for which there are none yet a later start, or another
/// worker where it starts earlier. What is decided stays as it is for all that comes after.
///
/// Threads  one owner
/// Memory   a timeline for each worker and device
class PlanDevices {
 public:
  /// What a task wants of a worker.
  using WishOf = std::function<DeviceWish(uint32_t task, uint32_t worker)>;

  /// Other workers that are looked at for one plan, for all tasks that have to wait for devices:
  /// some tens of milliseconds.
  static constexpr size_t kTriesMax = 100'000;

  /// `hosts`: what is free of each worker. The problem outlives this.
  PlanDevices(const Problem& problem, std::vector<DeviceTimeline> hosts, WishOf wish_of)
      : problem_(problem), hosts_(std::move(hosts)), wish_of_(std::move(wish_of)) {}

  /// Some tasks with their devices, and the workers as they are with them.
  struct Fitted {
    std::vector<Assigned> tasks;
    std::vector<GpuSet> gpus;
    absl::flat_hash_map<uint32_t, DeviceTimeline> hosts;
  };
  enum class Order : uint8_t { OfStarts, OfTheQueue };

  /// The tasks of `range` one after the other, none before its start in `by_sum` or the end of what
  /// it is after. Counts `tries` down, and moves nobody once there are none. Decides nothing.
  Fitted fit(
      const JobRange& range, std::span<const Assigned> by_sum, Order order, size_t& tries) const;
  void decide(Fitted&& fitted);

 private:
  struct Found {
    uint32_t worker = 0;
    DeviceTimeline::Place place;
  };
  const DeviceTimeline& host(const Fitted& fitted, uint32_t number) const;
  Found find(const Fitted& fitted, uint32_t task, const Assigned& at, size_t& tries) const;

  const Problem& problem_;
  std::vector<DeviceTimeline> hosts_;
  WishOf wish_of_;
};

/// For the jobs of a snapshot, somebody of whom asks for GPUs: without, every schedule is right as
/// it is. Both outlive it.
PlanDevices devices_of(const JobSnapshot& snapshot, const JobProblem& built);

/// Empty, or one sentence on the first device that is given more than it has; by sums over starts
/// and ends, not by the timelines that the devices were chosen with.
std::string devices_fault(
    const JobSnapshot& snapshot,
    const JobProblem& built,
    std::span<const Assigned> tasks,
    std::span<const GpuSet> gpus);

}  // namespace berth::core
