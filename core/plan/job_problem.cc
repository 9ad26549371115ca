#include "core/plan/job_problem.h"

#include <algorithm>
#include <bit>
#include <set>
#include <string>
#include <tuple>

#include "core/plan/engine/start_index.h"

namespace berth::core {

namespace {

/// What the waiting jobs ask for, in the order of the problem's resources. Nothing else is counted.
struct Resources {
  std::vector<size_t> amounts;  ///< of `Amounts`
  bool gpus = false;
  std::vector<NameId> custom;
};

Resources resources_of(const JobSnapshot& snapshot) {
  Resources all;
  std::array<bool, kResourceCount> asked{};
  for (const SnapshotQuery& one : snapshot.queries) {
    const NodeDemand& demand = one.query.demand;
    for (size_t r = 0; r < kResourceCount; ++r)
      asked[r] = asked[r] || demand.amounts[r] > 0;
    all.gpus = all.gpus || demand.gpu_count > 0;
    for (const CustomAmount& custom : demand.custom)
      all.custom.push_back(custom.name);
  }
  for (size_t r = 0; r < kResourceCount; ++r) {
    if (asked[r]) all.amounts.push_back(r);
  }
  std::sort(all.custom.begin(), all.custom.end());
  all.custom.erase(std::unique(all.custom.begin(), all.custom.end()), all.custom.end());
  return all;
}

std::vector<std::string> names_of(const Resources& resources) {
  constexpr const char* kNames[] = {"slots", "cpu", "memory", "disk", "network"};
  static_assert(std::size(kNames) == kResourceCount);
  std::vector<std::string> names;
  for (size_t r : resources.amounts)
    names.emplace_back(kNames[r]);
  if (resources.gpus) names.emplace_back("gpu");
  for (size_t i = 0; i < resources.custom.size(); ++i)
    names.push_back("custom " + std::to_string(i));
  return names;
}

template <typename Customs>
Amount custom_amount(const Customs& customs, size_t count, NameId name) {
  for (size_t i = 0; i < count; ++i) {
    if (customs[i].name == name) return customs[i].amount;
  }
  return 0;
}

std::vector<Amount> vector_of(const Resources& resources, const NodeDemand& demand) {
  std::vector<Amount> all;
  for (size_t r : resources.amounts)
    all.push_back(demand.amounts[r]);
  if (resources.gpus) all.push_back(Amount{demand.gpu_count} * demand.gpu_milli);
  for (NameId name : resources.custom)
    all.push_back(custom_amount(demand.custom, demand.custom.size(), name));
  return all;
}

std::vector<Amount> vector_of(const Resources& resources, const Holding& holding) {
  std::vector<Amount> all;
  for (size_t r : resources.amounts)
    all.push_back(holding.amounts[r]);
  if (resources.gpus) all.push_back(Amount{std::popcount(holding.gpus)} * holding.gpu_milli);
  for (NameId name : resources.custom)
    all.push_back(custom_amount(holding.custom, holding.custom_count, name));
  return all;
}

/// What is free now. A host that has shrunk below what runs on it has nothing to give.
std::vector<Amount> free_of(const Resources& resources, const NodeState& node) {
  std::vector<Amount> all;
  for (size_t r : resources.amounts)
    all.push_back(node.free[r]);
  if (resources.gpus) {
    Amount free = 0;
    for (size_t i = 0; i < node.gpu_count; ++i)
      free += node.gpu_free[i];
    all.push_back(free);
  }
  for (NameId name : resources.custom)
    all.push_back(custom_amount(node.custom_free, node.custom_count, name));
  for (Amount& amount : all)
    amount = std::max<Amount>(amount, 0);
  return all;
}

bool has_names(std::span<const NameId> names, const Query& query) {
  const auto has = [&](NameId name) {
    return std::binary_search(names.begin(), names.end(), name);
  };
  return std::all_of(query.all.begin(), query.all.end(), has) &&
         std::none_of(query.none.begin(), query.none.end(), has) &&
         std::all_of(query.any.begin(), query.any.end(), [&](const NameIds& group) {
           return std::any_of(group.begin(), group.end(), has);
         });
}

bool at_most(const std::vector<Amount>& demand, const std::vector<Amount>& capacity) {
  for (size_t r = 0; r < demand.size(); ++r) {
    if (demand[r] > capacity[r]) return false;
  }
  return true;
}

class Builder {
 public:
  explicit Builder(const JobSnapshot& snapshot)
      : snapshot_(snapshot), resources_(resources_of(snapshot)) {}

  JobProblem build() {
    Problem& problem = built_.problem;
    problem.resources = names_of(resources_);
    add_hosts();
    for (const SnapshotQuery& query : snapshot_.queries)
      demands_.push_back(vector_of(resources_, query.query.demand));
    allowed_.resize(snapshot_.queries.size());
    known_.resize(snapshot_.queries.size());
    problem.goal = goal();
    for (uint32_t i = 0; i < snapshot_.waiting.size(); ++i) {
      if (!add_task(i)) break;
    }
    built_.ranges = ranges_of(
        static_cast<uint32_t>(built_.tasks.size()),
        [this](uint32_t a, uint32_t b) {
          return one_range(place_of(a), place_of(b), built_.problem.goal);
        },
        [this](uint32_t a, uint32_t b) { return alike(a, b); });
    return std::move(built_);
  }

 private:
  void add_hosts() {
    Problem& problem = built_.problem;
    problem.workers.reserve(snapshot_.hosts.size());
    for (const SnapshotHost& host : snapshot_.hosts)
      problem.workers.push_back({std::to_string(host.worker), free_of(resources_, host.node)});
    problem.busy.reserve(snapshot_.holding.size() + 1);
    for (const HoldingJob& one : snapshot_.holding) {
      std::vector<Amount> held = vector_of(resources_, one.holding);
      for (size_t r = 0; r < held.size(); ++r)
        problem.workers[one.host].capacity[r] += held[r];
      problem.busy.push_back({one.host, std::max<Ticks>(one.until, 1), std::move(held)});
    }
    if (resources_.gpus) add_devices();
  }

  void add_devices() {
    for (const SnapshotHost& host : snapshot_.hosts)
      built_.devices.push_back(host.node.gpu_free);
    for (const HoldingJob& one : snapshot_.holding) {
      for (size_t i = 0; i < kGpusMax; ++i) {
        if ((one.holding.gpus >> i & 1) == 0) continue;
        uint16_t& milli = built_.devices[one.host][i];
        milli = static_cast<uint16_t>(milli + one.holding.gpu_milli);
      }
    }
  }

  /// Whether the host, had it none of these jobs to run, has enough of the devices that will do.
  bool has_devices(uint32_t host, const NodeDemand& demand) const {
    if (demand.gpu_count == 0) return true;
    const DeviceWish wish = wish_on(snapshot_.hosts[host].node, demand);
    int enough = 0;
    for (size_t i = 0; i < kGpusMax; ++i)
      enough += (wish.usable >> i & 1) != 0 && built_.devices[host][i] >= wish.milli ? 1 : 0;
    return enough >= wish.count;
  }

  Goal goal() const {
    switch (snapshot_.objective) {
      case wire::PlanObjective::Slowdown: return Goal::BoundedSlowdown;
      case wire::PlanObjective::Deadlines: return Goal::WeightedTardiness;
      case wire::PlanObjective::Makespan: return Goal::Makespan;
      case wire::PlanObjective::Workers: break;
    }
    return Goal::WorkersUsed;
  }

  const WorkerList& allowed_for(uint32_t query) {
    if (known_[query] != 0) return allowed_[query];
    known_[query] = 1;
    std::vector<uint32_t> hosts;
    const auto& [asked, excluded] = snapshot_.queries[query];
    for (uint32_t host = 0; host < snapshot_.hosts.size(); ++host) {
      const SnapshotHost& one = snapshot_.hosts[host];
      const std::span<const NameId> names(
          snapshot_.names.data() + one.names_begin, one.names_end - one.names_begin);
      if (!at_most(demands_[query], built_.problem.workers[host].capacity)) continue;
      if (!has_devices(host, asked.demand) || !has_names(names, asked)) continue;
      if (std::binary_search(excluded.begin(), excluded.end(), host)) continue;
      hosts.push_back(host);
    }
    lists_ += hosts.size();
    return allowed_[query] = WorkerList(std::move(hosts));
  }

  /// Where it may go; what it failed on is left alone while there is anything else.
  WorkerList allowed_for(const WaitingJob& job) {
    const WorkerList& all = allowed_for(job.query);
    if (job.avoided.empty()) return all;
    std::vector<uint32_t> rest;
    std::ranges::set_difference(all.all(), job.avoided, std::back_inserter(rest));
    if (rest.empty()) return all;
    lists_ += rest.size();
    return rest;
  }

  /// Jobs of few kinds are placed without asking every worker (`StartIndex`); those of more kinds
  /// would take the planner seconds.
  bool affordable(const WaitingJob& job) {
    const size_t hosts = snapshot_.hosts.size();
    const uint64_t alone = job.avoided.empty() ? 0 : job.job;
    kinds_.emplace(job.query, std::bit_width(static_cast<uint64_t>(job.duration)), alone);
    if (kinds_.size() * hosts > StartIndex::kPairsMax) asked_ += hosts;
    return asked_ <= JobProblem::kAskedMax;
  }

  /// False: no room for more of them in one problem.
  bool add_task(uint32_t waiting) {
    const WaitingJob& job = snapshot_.waiting[waiting];
    const WorkerList allowed = allowed_for(job);
    if (allowed.empty()) return true;
    if (lists_ > JobProblem::kListsMax || !affordable(job)) return false;
    if (!built_.first && built_.tasks.empty() && out_of_patience(job)) {
      place_first(waiting, allowed);
      return true;
    }
    Problem::Task task;
    task.id = std::to_string(job.job);
    task.demand = demands_[job.query];
    task.duration = std::max<Ticks>(job.duration, 1);
    if (allowed.all().size() < snapshot_.hosts.size()) task.workers = allowed;
    task.waited = job.waited;
    if (built_.problem.goal == Goal::WeightedTardiness) set_due(job, task);
    built_.problem.tasks.push_back(std::move(task));
    built_.tasks.push_back(waiting);
    return true;
  }

  /// One without a deadline is due, at a hundredth of the weight, when it has waited for ten times
  /// its length: else it would not matter at all when it runs.
  static void set_due(const WaitingJob& job, Problem::Task& task) {
    task.deadline = job.deadline;
    if (job.deadline < kNever) return;
    constexpr Ticks kAtLeast = 60 * kTicksPerSecond;
    task.deadline = std::max(10 * task.duration, kAtLeast) - job.waited;
    task.weight = 0.01;
  }

  const WaitingJob& job_of(uint32_t task) const { return snapshot_.waiting[built_.tasks[task]]; }

  QueuePlace place_of(uint32_t task) const {
    return {job_of(task).priority, job_of(task).deadline};
  }

  /// In whatever order these start, it comes to the same; few workers want more thought.
  bool alike(uint32_t a, uint32_t b) const {
    const WaitingJob& one = job_of(a);
    const WaitingJob& other = job_of(b);
    return built_.problem.goal != Goal::WorkersUsed && one.query == other.query &&
           one.duration == other.duration && one.deadline == other.deadline &&
           one.avoided.empty() && other.avoided.empty();
  }

  /// A short job's waiting is counted as that of one of ten seconds, as its slowdown is.
  bool out_of_patience(const WaitingJob& job) const {
    constexpr Ticks kAtLeast = 10 * kTicksPerSecond;
    const auto length = static_cast<double>(std::max(job.duration, kAtLeast));
    return static_cast<double>(job.waited) >= snapshot_.patience * length;
  }

  void place_first(uint32_t waiting, const WorkerList& allowed) {
    const WaitingJob& job = snapshot_.waiting[waiting];
    Problem& problem = built_.problem;
    const std::vector<std::vector<uint32_t>> busy = busy_of_hosts(problem);
    const std::vector<Amount>& demand = demands_[job.query];
    const NodeDemand& asked = snapshot_.queries[job.query].query.demand;
    const Ticks duration = std::max<Ticks>(job.duration, 1);
    JobProblem::First best{waiting, {0, kNever}, 0};
    for (uint32_t host : allowed.all()) {
      const auto [start, gpus] =
          timeline_of(snapshot_, built_, host, busy[host])
              .earliest(0, duration, demand, wish_on(snapshot_.hosts[host].node, asked));
      const bool same_as_before = start == best.at.start && host == job.previous_host;
      if (start < best.at.start || same_as_before) best = {waiting, {host, start}, gpus};
    }
    if (best.at.start >= kNever) return;
    built_.first = best;
    problem.busy.push_back({best.at.worker, best.at.start + duration, demand, best.at.start});
  }

  const JobSnapshot& snapshot_;
  const Resources resources_;
  JobProblem built_;
  std::vector<std::vector<Amount>> demands_;  ///< of each query
  std::vector<WorkerList> allowed_;
  std::vector<char> known_;
  size_t lists_ = 0;  ///< workers on all lists
  std::set<std::tuple<uint32_t, int, uint64_t>> kinds_;
  size_t asked_ = 0;  ///< workers, for jobs beyond the first kinds
};

}  // namespace

std::vector<std::vector<uint32_t>> busy_of_hosts(const Problem& problem) {
  std::vector<std::vector<uint32_t>> all(problem.workers.size());
  for (uint32_t i = 0; i < problem.busy.size(); ++i)
    all[problem.busy[i].worker].push_back(i);
  return all;
}

/// First what the snapshot's jobs hold, one by one, and behind it the first in the queue.
DeviceTimeline timeline_of(
    const JobSnapshot& snapshot,
    const JobProblem& built,
    uint32_t host,
    std::span<const uint32_t> busy) {
  std::span<const uint16_t> devices;
  if (!built.devices.empty()) {
    devices = std::span(built.devices[host]).first(snapshot.hosts[host].node.gpu_count);
  }
  DeviceTimeline timeline(built.problem.workers[host].capacity, devices);
  for (uint32_t i : busy) {
    const Problem::Busy& one = built.problem.busy[i];
    const Ticks length = one.until - one.from;
    if (i < snapshot.holding.size()) {
      const Holding& holding = snapshot.holding[i].holding;
      timeline.take(one.from, length, one.demand, holding.gpus, holding.gpu_milli);
    } else {
      const Query& query = snapshot.queries[snapshot.waiting[built.first->waiting].query].query;
      timeline.take(one.from, length, one.demand, built.first->gpus, query.demand.gpu_milli);
    }
  }
  return timeline;
}

JobProblem problem_of(const JobSnapshot& snapshot) {
  return Builder(snapshot).build();
}

}  // namespace berth::core
