#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/plan/device_timeline.h"
#include "core/plan/job_problem.h"

namespace berth::core {

/// Which devices the jobs of a plan are to have.
///
/// Plans are searched with the GPUs of a worker as a sum, which is quick and says too much: here
/// each job is given devices, and one for which there are none yet a later start, or another worker
/// where it starts earlier. What is decided stays as it is for all that comes after.
///
/// Threads  one owner
/// Memory   a timeline for each host and device
class PlanDevices {
 public:
  /// Where somebody asks for GPUs: without, every schedule is right as it is. Both outlive this.
  PlanDevices(const JobSnapshot& snapshot, const JobProblem& built);

  /// Some jobs with their devices, and the hosts as they are with them.
  struct Fitted {
    std::vector<Assigned> tasks;
    std::vector<GpuSet> gpus;
    absl::flat_hash_map<uint32_t, DeviceTimeline> hosts;
  };
  enum class Order : uint8_t { OfStarts, OfTheQueue };

  /// The jobs of `range` one after the other, none before its start in `by_sum`. Decides nothing.
  Fitted fit(const JobRange& range, std::span<const Assigned> by_sum, Order order) const;
  void decide(Fitted&& fitted);

 private:
  struct Found {
    uint32_t worker = 0;
    DeviceTimeline::Place place;
  };
  const DeviceTimeline& host(const Fitted& fitted, uint32_t number) const;
  Found find(const Fitted& fitted, uint32_t task, const Assigned& at, size_t& tries) const;

  const JobSnapshot& snapshot_;
  const JobProblem& built_;
  std::vector<DeviceTimeline> hosts_;
};

/// Empty, or one sentence on the first device that is given more than it has; by sums over starts
/// and ends, not by the timelines that the devices were chosen with.
std::string devices_fault(
    const JobSnapshot& snapshot,
    const JobProblem& built,
    std::span<const Assigned> tasks,
    std::span<const GpuSet> gpus);

}  // namespace berth::core
