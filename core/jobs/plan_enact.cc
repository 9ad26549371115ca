#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/base/planted.h"
#include "core/jobs/ledger_state.h"
#include "core/plan/device_timeline.h"
#include "core/plan/snapshot.h"
#include "wire/tokens.h"

// Keeping what a plan has promised: starts at their time, and nobody before them who would move
// them.
namespace berth::core {

namespace {

constexpr Duration kLookApart = Duration::milliseconds(20);

/// What is counted of a worker, in this order: amounts, GPUs, then the custom resources it has.
std::vector<Amount> free_of(const NodeState& node) {
  std::vector<Amount> all(node.free.begin(), node.free.end());
  Amount gpus = 0;
  for (size_t i = 0; i < node.gpu_count; ++i)
    gpus += node.gpu_free[i];
  all.push_back(gpus);
  for (size_t i = 0; i < node.custom_count; ++i)
    all.push_back(node.custom_free[i].amount);
  for (Amount& amount : all)
    amount = std::max<Amount>(amount, 0);
  return all;
}

template <typename Customs>
std::vector<Amount> taken(
    const NodeState& node,
    const Amounts& amounts,
    Amount gpu_milli,
    const Customs& customs,
    size_t custom_count) {
  std::vector<Amount> all(amounts.begin(), amounts.end());
  all.push_back(gpu_milli);
  for (size_t i = 0; i < node.custom_count; ++i) {
    Amount amount = 0;
    for (size_t c = 0; c < custom_count; ++c) {
      if (customs[c].name == node.custom_free[i].name) amount = customs[c].amount;
    }
    all.push_back(amount);
  }
  return all;
}

std::vector<Amount> taken(const NodeState& node, const NodeDemand& demand) {
  return taken(
      node,
      demand.amounts,
      Amount{demand.gpu_count} * demand.gpu_milli,
      demand.custom,
      demand.custom.size());
}

std::vector<Amount> taken(const NodeState& node, const Holding& holding) {
  return taken(
      node,
      holding.amounts,
      Amount{std::popcount(holding.gpus)} * holding.gpu_milli,
      holding.custom,
      holding.custom_count);
}

/// What is on a worker until then.
struct Running {
  Ticks until = 0;
  std::vector<Amount> amounts;
  GpuSet gpus = 0;
  uint16_t gpu_milli = 0;
};

/// All of the worker, as it is without those that run, and then with `count` of them.
DeviceTimeline timeline_of(
    const NodeState& node, const std::vector<Running>& running, size_t count) {
  std::vector<Amount> capacity = free_of(node);
  std::array<uint16_t, kGpusMax> devices = node.gpu_free;
  for (const Running& one : running) {
    for (size_t r = 0; r < capacity.size(); ++r)
      capacity[r] += one.amounts[r];
    for (size_t i = 0; i < node.gpu_count; ++i) {
      if ((one.gpus >> i & 1) != 0) devices[i] = static_cast<uint16_t>(devices[i] + one.gpu_milli);
    }
  }
  DeviceTimeline timeline(capacity, std::span(devices).first(node.gpu_count));
  for (size_t i = 0; i < count; ++i)
    timeline.take(0, running[i].until, running[i].amounts, running[i].gpus, running[i].gpu_milli);
  return timeline;
}

/// The planned devices, while they are free; else what a placement would choose.
GpuSet devices_for(const NodeState& node, const NodeDemand& demand, GpuSet planned) {
  if (demand.gpu_count == 0) return 0;
  bool free = std::popcount(planned) == demand.gpu_count && planned >> node.gpu_count == 0;
  for (size_t i = 0; i < node.gpu_count && free; ++i) {
    if ((planned >> i & 1) == 0) continue;
    free = node.gpu_free[i] >= demand.gpu_milli && allows_model(demand, node.gpu_model[i]);
  }
  return free ? planned : choose_gpus(node, demand);
}

Ticks ticks(Duration length) {
  return std::max<Ticks>(length.ns / 1'000, 1);
}

}  // namespace

/// Whether a plan may not let the one wait for the other: it trades age alone.
bool JobLedger::State::outranks(JobTurn one, JobTurn other) const {
  if (one.priority != other.priority) return one.priority > other.priority;
  const bool by_deadline = settings.plan.objective != wire::PlanObjective::Deadlines;
  return by_deadline && one.deadline_at_ms != other.deadline_at_ms && one < other;
}

/// Whether the one at `turn` need not mind what is promised to another. What no plan knows keeps
/// its place in the queue.
bool JobLedger::State::goes_before(JobTurn turn, const Promise& promise) const {
  if (promises.find(turn.id) == nullptr) return turn < promise.turn;
  return outranks(turn, promise.turn);
}

/// Whether the worker keeps to what it has promised before the one at `turn` when `demand` of that,
/// which is `held` on it and not free any more, is there for `length` from now on.
bool JobLedger::State::keeps_promises(
    Now now, WorkerNumber number, const NodeDemand& demand, Duration length, JobTurn turn) {
  if (!promises.any_on(number)) return true;
  std::vector<const Promise*> all = promises.on(number);
  std::erase_if(
      all, [&](const Promise* one) { return one->job == turn.id || goes_before(turn, *one); });
  if (all.empty() || all.front()->start >= now.mono + length) return true;
  const WorkerEntry& worker = workers.at(number);
  NodeState node;
  uint32_t flags = 0;
  uint32_t generation = 0;
  if (!tables.fleet.read_node(worker.row, node, flags, generation)) return false;
  std::vector<Running> running;
  for (const auto& [id, job] : worker.leases) {
    const Holding* holding = placement.held_by({job->run->reservation});
    if (holding == nullptr) continue;
    running.push_back(
        {ticks(expected_duration(now, *job)),
         taken(node, *holding),
         holding->gpus,
         holding->gpu_milli});
  }
  running.push_back({ticks(length), taken(node, demand), held.gpus, demand.gpu_milli});
  // Once with it and once without: what is late by itself may stay so.
  DeviceTimeline with = timeline_of(node, running, running.size());
  DeviceTimeline without = timeline_of(node, running, running.size() - 1);
  for (const Promise* one : all) {
    const Ticks planned = one->start <= now.mono ? 0 : ticks(one->start - now.mono);
    const Ticks duration = ticks(one->length);
    const std::vector<Amount> amounts = taken(node, one->demand);
    const DeviceWish wish = wish_on(node, one->demand);
    const DeviceTimeline::Place then = without.earliest(planned, duration, amounts, wish);
    const DeviceTimeline::Place becomes = with.earliest(planned, duration, amounts, wish);
    if (becomes.start > then.start) return false;
    if (then.start >= kNever) continue;  // not there any more; the next plan sees to it
    without.take(then.start, duration, amounts, then.gpus, wish.milli);
    with.take(becomes.start, duration, amounts, becomes.gpus, wish.milli);
  }
  return true;
}

/// What may be kept now: on workers where something is due, or was freed and may be started early.
/// By rank, and on each worker the earliest start first.
std::vector<JobLedger::State::DuePromise> JobLedger::State::due_promises(Now now) {
  std::vector<WorkerNumber> look = std::exchange(freed_workers, {});
  if (promises.empty()) return {};
  // What is overdue waits for something to be freed, and is looked at now and then all the same.
  if (now.mono >= promises_looked_at + kLookApart) {
    promises_looked_at = now.mono;
    const std::vector<WorkerNumber> due = promises.due(now.mono);
    look.insert(look.end(), due.begin(), due.end());
  }
  if (std::exchange(plan_changed, false)) {
    for (WorkerNumber number = 0; number < workers.size(); ++number) {
      if (promises.any_on(number)) look.push_back(number);
    }
  }
  std::sort(look.begin(), look.end());
  look.erase(std::unique(look.begin(), look.end()), look.end());
  std::vector<DuePromise> all;
  for (WorkerNumber number : look) {
    for (const Promise* one : promises.on(number))
      all.push_back({one->turn, one->job, number});
  }
  std::stable_sort(all.begin(), all.end(), [this](const DuePromise& a, const DuePromise& b) {
    return outranks(a.turn, b.turn);
  });
  return all;
}

/// The first in the queue whom the start of `id` serves as well, if that is still promised: jobs
/// that are alike change places when one of them starts. Of those that wait no longer the promises
/// end here.
Job* JobLedger::State::first_to_serve(wire::JobId id) {
  while (promises.find(id) != nullptr) {
    const wire::JobId first = promises.first_alike(id);
    Job* job = jobs.find(first);
    if (job != nullptr && job->queued) return job;
    end_promise(first, kNoWorker);
  }
  return nullptr;
}

/// The start itself: an ordinary hold, lease and assignment. False: not now, or never.
bool JobLedger::State::keep_promise(Now now, wire::JobId id) {
  Job* job = first_to_serve(id);
  if (job == nullptr) return false;
  const Promise promise = *promises.find(id);
  const WorkerEntry& worker = workers.at(promise.worker);
  if (!worker.ready()) return false;
  const Query& query = classes.query(job->like, *job);
  // Tags may have changed since, as everything else.
  SnapshotWorker seen;
  if (!snapshot_worker(tables.fleet, promise.row, seen) || seen.generation != promise.generation ||
      !has_names(seen, query) || misfit(seen.node, query.demand) != Misfit::None) {
    return false;
  }
  const GpuSet gpus = devices_for(seen.node, query.demand, promise.gpus);
  const uint32_t attempt = edges::last_attempt(*job) ? edges::last_attempt(*job)->id.attempt : 0;
  // Of an array's rest it is the first that is taken out.
  const wire::JobId first = job->id;
  const std::string task = wire::assignment_text({first, next_epoch + 1, attempt + 1});
  if (!placement.hold_on(task, query, promise.row, promise.generation, gpus, held)) return false;
  if (!keeps_promises(now, promise.worker, query.demand, promise.length, promise.turn)) {
    if (!BERTH_PLANTED(UnkeptPromiseHolds)) placement.end_hold(held.reservation);
    return false;
  }
  promises.exchange(id, first);
  assign(now, *job);
  return true;
}

/// It is assigned, or will not run: its promise is over.
void JobLedger::State::end_promise(wire::JobId id, WorkerNumber assigned_to_worker) {
  if (promises.empty()) return;
  const std::optional<Promise> promise = promises.remove(id);
  if (!promise) return;
  const bool as_planned = promise->worker == assigned_to_worker;
  plans.mark(
      promise->plan, id, as_planned ? wire::PlannedState::Started : wire::PlannedState::Dropped);
}

/// None of it will run: what was kept for it, and for the rest of an array, others may have now.
void JobLedger::State::free_promises(const Job& job) {
  if (promises.empty()) return;
  for (wire::JobId id : promises.among(job.id, job.count)) {
    freed_workers.push_back(promises.find(id)->worker);
    freed = true;
    end_promise(id, kNoWorker);
  }
}

/// The worker is gone, or takes nothing more: what was planned on it is planned anew, and only
/// that moves.
void JobLedger::State::drop_promises_on(WorkerNumber worker, wire::PlanCause cause) {
  const std::vector<const Promise*> all = promises.on(worker);
  if (all.empty()) return;
  std::vector<std::pair<wire::JobId, uint64_t>> gone;
  for (const Promise* one : all)
    gone.emplace_back(one->job, one->plan);
  for (const auto& [job, plan] : gone) {
    (void)promises.remove(job);
    plans.mark(plan, job, wire::PlannedState::Dropped);
  }
  planner.want(cause);
}

}  // namespace berth::core
