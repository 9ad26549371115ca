#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/jobs/ledger_state.h"
#include "core/plan/snapshot.h"

// What the planner is asked: workers, who waits, what runs for how long.
namespace berth::core {

namespace {

using wire::PlanCause;

/// The jobs of one plan, from the front of the queue.
constexpr size_t kJobsMax = 10'000;
/// Jobs that are looked at for them: most may be too short to be worth it.
constexpr size_t kLookedAtMax = 20'000;
/// Without any that is.
constexpr size_t kLookedAtFirst = 2'000;

constexpr Duration kRepairBudget = Duration::milliseconds(40);

/// Records are all over the memory: of so many the next thing is fetched at once, or the thread
/// would wait for one after the other, four times for each job.
constexpr size_t kAtOnce = 32;

void fetch(const void* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 64)
    __builtin_prefetch(static_cast<const std::byte*>(from) + at);
}

Ticks ticks(Duration length) {
  return length.ns / 1'000;
}

}  // namespace

bool JobLedger::State::wants_plan(Now now) {
  plan_cause.reset();
  if (!settings.plan.on || queue.blocked() == 0) return false;
  plan_cause = planner.cause(now, queue.blocked_jobs());
  return plan_cause.has_value();
}

/// What it is expected to take; 0: it is too short to be worth a plan, or nothing is known of it.
Duration JobLedger::State::length_to_plan(Now now, const Job& job) {
  const Duration length = {static_cast<int64_t>(expected_median(now, job) * 1e9)};
  return length.ns > 0 && length >= settings.plan.job_min ? length : Duration{};
}

Duration JobLedger::State::budget_for(PlanCause cause) const {
  return is_repair(cause) ? std::min(settings.plan.budget, kRepairBudget) : settings.plan.budget;
}

std::unique_ptr<JobSnapshot> JobLedger::State::take_snapshot(Now now) {
  if (!wants_plan(now)) return nullptr;
  auto snapshot = std::make_unique<JobSnapshot>();
  snapshot->cause = *plan_cause;
  snapshot->objective = settings.plan.objective;
  const bool counts_waiting = settings.plan.objective == wire::PlanObjective::Slowdown;
  snapshot->patience = counts_waiting ? settings.plan.patience : 0;
  snapshot->move_price = settings.plan.move_price;
  snapshot->fragmentation_price = settings.plan.fragmentation_price;
  snapshot->budget = budget_for(*plan_cause);
  snapshot->taken = now.mono;
  snapshot->taken_at_ms = now.wall_ms;
  snapshot->pending = static_cast<uint32_t>(
      std::min<size_t>(queue.blocked_jobs(), std::numeric_limits<uint32_t>::max()));
  snapshot->previous_plan = promises.empty() ? 0 : standing_plan;
  snapshot->previous_jobs = standing_jobs;
  add_hosts(*snapshot);
  if (!snapshot->hosts.empty()) add_waiting(now, *snapshot);
  if (snapshot->waiting.empty()) {
    planner.put_off(now, queue.blocked_jobs());
    return nullptr;
  }
  add_holding(now, *snapshot);
  snapshot->plan_id = planner.begin(now, queue.blocked_jobs(), *plan_cause);
  snapshot->seed = snapshot->plan_id;
  asked_for = {};
  asked_for.plan_id = snapshot->plan_id;
  asked_for.previous_plan = snapshot->previous_plan;
  asked_for.cause = snapshot->cause;
  asked_for.workers = static_cast<uint32_t>(snapshot->hosts.size());
  asked_for.running = static_cast<uint32_t>(snapshot->holding.size());
  asked_for.pending = snapshot->pending;
  counters.add(Counter::PlannerRuns);
  return snapshot;
}

/// Workers that somebody speaks for and that may be placed on. What is suspicious is left to
/// greedy.
void JobLedger::State::add_hosts(JobSnapshot& snapshot) {
  snapshot.hosts.reserve(workers.size());
  host_of.assign(workers.size(), kNoHost);
  SnapshotWorker seen;
  for (WorkerNumber number = 0; number < workers.size(); ++number) {
    const WorkerEntry& worker = workers.at(number);
    if (!worker.attached || !worker.row_known) continue;
    if (!snapshot_worker(tables.fleet, worker.row, seen)) continue;
    if (seen.suspicious || seen.generation != worker.generation) continue;
    host_of[number] = static_cast<uint32_t>(snapshot.hosts.size());
    SnapshotHost& host = snapshot.hosts.emplace_back();
    host.worker = number;
    host.row = seen.index;
    host.generation = seen.generation;
    host.node = seen.node;
    host.names_begin = static_cast<uint32_t>(snapshot.names.size());
    snapshot.names.insert(snapshot.names.end(), seen.names.begin(), seen.names.end());
    host.names_end = static_cast<uint32_t>(snapshot.names.size());
  }
}

void JobLedger::State::add_waiting(Now now, JobSnapshot& snapshot) {
  snapshot.waiting.reserve(std::min(queue.blocked_jobs(), kJobsMax));
  Queries queries;
  std::vector<std::pair<JobClass, JobTurn>> some;
  some.reserve(kAtOnce);
  size_t passed = 0;
  size_t looked_at = 0;
  const auto add_some = [&] {
    add_waiting(now, some, queries, snapshot);
    some.clear();
    return snapshot.waiting.size() < kJobsMax &&
           (looked_at < kLookedAtFirst || !snapshot.waiting.empty());
  };
  queue.each([&](JobClass like, const JobTurn& turn) {
    const bool more = ++passed < kLookedAtMax;
    if (!queue.is_blocked(like) || queries.leaves_out(like)) return more;
    ++looked_at;
    some.emplace_back(like, turn);
    return some.size() < kAtOnce ? more : add_some() && more;
  });
  if (!some.empty()) (void)add_some();
}

void JobLedger::State::add_waiting(
    Now now,
    std::span<const std::pair<JobClass, JobTurn>> some,
    Queries& queries,
    JobSnapshot& snapshot) {
  std::array<const Job*, kAtOnce> found{};
  for (size_t i = 0; i < some.size(); ++i) {
    found[i] = jobs.find(some[i].second.id);
    promises.expect(some[i].second.id);
  }
  for (size_t i = 0; i < some.size(); ++i)
    fetch(found[i], sizeof(Job));
  for (size_t i = 0; i < some.size(); ++i) {
    const Job& job = *found[i];
    const Duration length = length_to_plan(now, job);
    if (length.ns == 0) continue;
    const uint32_t query = query_for(now, job, queries, snapshot);
    if (query == Queries::kLeftOut) continue;
    for (uint32_t at = 0; at < job.count && snapshot.waiting.size() < kJobsMax; ++at)
      add_waiting(now, job, at, query, ticks(length), snapshot);
  }
}

/// A plan for those that no worker could run would be for nothing, and for as long as they wait.
uint32_t JobLedger::State::query_for(
    Now now, const Job& job, Queries& queries, JobSnapshot& snapshot) {
  const auto [found, fresh] = queries.of.try_emplace(job.like, Queries::kLeftOut);
  if (!fresh || classes.unsatisfiable(now, job.like, job, queries.looks)) return found->second;
  const Query& query = classes.query(job.like, job);
  if (query.spread) return found->second;
  found->second = static_cast<uint32_t>(snapshot.queries.size());
  add_query(query, snapshot);
  return found->second;
}

void JobLedger::State::add_query(const Query& query, JobSnapshot& snapshot) {
  SnapshotQuery& added = snapshot.queries.emplace_back();
  added.query = query;
  for (const std::string& name : query.exclude) {
    const WorkerNumber worker = workers.find(name);
    if (worker != kNoWorker && host_of[worker] != kNoHost)
      added.excluded.push_back(host_of[worker]);
  }
  std::sort(added.excluded.begin(), added.excluded.end());
}

/// The element of `job`, which may be the rest of an array, that is `at` behind its first.
void JobLedger::State::add_waiting(
    Now now, const Job& job, uint32_t at, uint32_t query, Ticks length, JobSnapshot& snapshot) {
  WaitingJob& added = snapshot.waiting.emplace_back();
  added.job = job.id.value + at;
  added.array = job.array.value;
  added.version = version_of(job);
  added.query = query;
  added.priority = job.priority;
  added.duration = length;
  added.waited = std::max<int64_t>(now.wall_ms - job.submitted_at_ms, 0) * 1'000;
  if (job.deadline_at_ms != 0) added.deadline = (job.deadline_at_ms - now.wall_ms) * 1'000;
  if (const Promise* promise = promises.find({added.job})) {
    added.previous_host = host_of[promise->worker];
    added.previous_start = ticks(promise->start - now.mono);
  }
  if (!job.run) return;
  const auto avoid = [&](WorkerNumber worker) {
    if (worker != kNoWorker && host_of[worker] != kNoHost) added.avoided.push_back(host_of[worker]);
  };
  for (const Attempt& one : job.run->attempts) {
    if (failed_there(one)) avoid(one.worker);
  }
  for (WorkerNumber worker : job.run->refused_by)
    avoid(worker);
  std::sort(added.avoided.begin(), added.avoided.end());
}

void JobLedger::State::add_holding(Now now, JobSnapshot& snapshot) {
  std::vector<std::pair<const Job*, uint32_t>> all;
  all.reserve(snapshot.hosts.size());
  for (uint32_t host = 0; host < snapshot.hosts.size(); ++host) {
    for (const auto& [id, job] : sorted_leases(snapshot.hosts[host].worker))
      all.emplace_back(job, host);
  }
  snapshot.holding.reserve(all.size());
  for (size_t from = 0; from < all.size(); from += kAtOnce)
    add_holding(now, std::span(all).subspan(from, std::min(kAtOnce, all.size() - from)), snapshot);
}

void JobLedger::State::add_holding(
    Now now, std::span<const std::pair<const Job*, uint32_t>> some, JobSnapshot& snapshot) {
  for (const auto& [job, host] : some)
    fetch(job, sizeof(Job));
  for (const auto& [job, host] : some)
    fetch(job->run.get(), sizeof(Run));
  std::array<const Holding*, kAtOnce> held_by{};
  for (size_t i = 0; i < some.size(); ++i) {
    const Run& run = *some[i].first->run;
    fetch(&run.attempts.back(), 64);
    held_by[i] = placement.held_by({run.reservation});
    if (held_by[i] != nullptr) fetch(held_by[i], sizeof(Holding));
  }
  for (size_t i = 0; i < some.size(); ++i) {
    if (held_by[i] == nullptr) continue;
    const auto& [job, host] = some[i];
    snapshot.holding.push_back(
        {job->id.value, host, ticks(expected_duration(now, *job)), *held_by[i]});
  }
}

/// By id; valid until the next call.
std::span<const std::pair<uint64_t, Job*>> JobLedger::State::sorted_leases(WorkerNumber worker) {
  const auto& leases = workers.at(worker).leases;
  leases_of_one.assign(leases.begin(), leases.end());
  if (leases_of_one.size() > 1) std::sort(leases_of_one.begin(), leases_of_one.end());
  return leases_of_one;
}

}  // namespace berth::core
