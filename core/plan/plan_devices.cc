#include "core/plan/plan_devices.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace berth::core {

namespace {

const NodeDemand& demand_of(const JobSnapshot& snapshot, const JobProblem& built, uint32_t task) {
  return snapshot.queries[snapshot.waiting[built.tasks[task]].query].query.demand;
}

}  // namespace

PlanDevices devices_of(const JobSnapshot& snapshot, const JobProblem& built) {
  std::vector<DeviceTimeline> hosts;
  hosts.reserve(snapshot.hosts.size());
  const std::vector<std::vector<uint32_t>> busy = busy_of_hosts(built.problem);
  for (uint32_t host = 0; host < snapshot.hosts.size(); ++host)
    hosts.push_back(timeline_of(snapshot, built, host, busy[host]));
  const auto wish_of = [&snapshot, &built](uint32_t task, uint32_t worker) {
    return wish_on(snapshot.hosts[worker].node, demand_of(snapshot, built, task));
  };
  return {built.problem, std::move(hosts), wish_of};
}

const DeviceTimeline& PlanDevices::host(const Fitted& fitted, uint32_t number) const {
  const auto changed = fitted.hosts.find(number);
  return changed == fitted.hosts.end() ? hosts_[number] : changed->second;
}

/// Where it was meant to be, unless it would have to wait there for devices and need not elsewhere.
PlanDevices::Found PlanDevices::find(
    const Fitted& fitted, uint32_t task, const Assigned& at, size_t& tries) const {
  const Problem::Task& one = problem_.tasks[task];
  const auto place_on = [&](uint32_t worker) {
    return host(fitted, worker)
        .earliest(at.start, one.duration, one.demand, wish_of_(task, worker));
  };
  Found best{at.worker, place_on(at.worker)};
  const auto hosts =
      static_cast<uint32_t>(one.workers.empty() ? hosts_.size() : one.workers.all().size());
  for (uint32_t i = 0; i < hosts && best.place.start > at.start && tries > 0; ++i, --tries) {
    const uint32_t worker = one.workers.empty() ? i : one.workers.all()[i];
    const DeviceTimeline::Place place = place_on(worker);
    if (place.start < best.place.start) best = {worker, place};
  }
  return best;
}

PlanDevices::Fitted PlanDevices::fit(
    const JobRange& range, std::span<const Assigned> by_sum, Order order, size_t& tries) const {
  Fitted fitted;
  fitted.tasks.assign(by_sum.begin(), by_sum.end());
  fitted.gpus.resize(by_sum.size());
  std::vector<uint32_t> turns(by_sum.size());
  std::iota(turns.begin(), turns.end(), 0);
  if (order == Order::OfStarts) {
    std::stable_sort(turns.begin(), turns.end(), [&](uint32_t a, uint32_t b) {
      return by_sum[a].start < by_sum[b].start;
    });
  }
  for (uint32_t turn : turns) {
    const uint32_t task = range.begin + turn;
    const Problem::Task& one = problem_.tasks[task];
    Assigned at = by_sum[turn];
    for (uint32_t before : one.after) {
      const Ticks end = fitted.tasks[before - range.begin].start + problem_.tasks[before].duration;
      at.start = std::max(at.start, end);
    }
    const Found found = find(fitted, task, at, tries);
    fitted.tasks[turn] = {found.worker, found.place.start};
    fitted.gpus[turn] = found.place.gpus;
    if (found.place.start >= kNever) continue;  // the whole plan is refused for it
    const auto [changed, fresh] = fitted.hosts.try_emplace(found.worker, hosts_[found.worker]);
    changed->second.take(
        found.place.start,
        one.duration,
        one.demand,
        found.place.gpus,
        wish_of_(task, found.worker).milli);
  }
  return fitted;
}

void PlanDevices::decide(Fitted&& fitted) {
  for (auto& [number, timeline] : fitted.hosts)
    hosts_[number] = std::move(timeline);
}

std::string devices_fault(
    const JobSnapshot& snapshot,
    const JobProblem& built,
    std::span<const Assigned> tasks,
    std::span<const GpuSet> gpus) {
  struct Change {
    uint32_t device;  ///< of all hosts
    Ticks at;
    Amount milli;  ///< first what ends, which makes room for what begins
    auto operator<=>(const Change&) const = default;
  };
  std::vector<Change> changes;
  const auto add = [&](uint32_t host, GpuSet set, Amount milli, Ticks from, Ticks until) {
    for (uint32_t i = 0; i < kGpusMax; ++i) {
      if ((set >> i & 1) == 0) continue;
      const auto device = static_cast<uint32_t>(host * kGpusMax + i);
      changes.push_back({device, from, milli});
      changes.push_back({device, until, -milli});
    }
  };
  for (const HoldingJob& one : snapshot.holding)
    add(one.host, one.holding.gpus, one.holding.gpu_milli, 0, std::max<Ticks>(one.until, 1));
  for (uint32_t task = 0; task < tasks.size(); ++task) {
    const auto [host, start] = tasks[task];
    const NodeDemand& demand = demand_of(snapshot, built, task);
    const DeviceWish wish = wish_on(snapshot.hosts[host].node, demand);
    const std::string who = "task " + built.problem.tasks[task].id;
    if (std::popcount(gpus[task]) != demand.gpu_count) return who + " has too few devices";
    if ((gpus[task] & ~wish.usable) != 0) return who + " has devices that it may not use";
    add(host, gpus[task], demand.gpu_milli, start, start + built.problem.tasks[task].duration);
  }
  if (built.first) {
    const auto& [waiting, at, set] = *built.first;
    const WaitingJob& job = snapshot.waiting[waiting];
    const Ticks until = at.start + std::max<Ticks>(job.duration, 1);
    add(at.worker, set, snapshot.queries[job.query].query.demand.gpu_milli, at.start, until);
  }
  std::sort(changes.begin(), changes.end());
  Amount used = 0;
  for (size_t i = 0; i < changes.size(); ++i) {
    const uint32_t host = changes[i].device / kGpusMax;
    const uint32_t device = changes[i].device % kGpusMax;
    if (i == 0 || changes[i].device != changes[i - 1].device) used = 0;
    used += changes[i].milli;
    if (used > built.devices[host][device]) {
      return "worker " + built.problem.workers[host].id + " has too little left of GPU " +
             std::to_string(device);
    }
  }
  return {};
}

}  // namespace berth::core
