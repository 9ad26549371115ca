// What the plans of durable jobs leave that nobody can use.

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/plan/job_plan.h"

namespace berth::core {
namespace {

constexpr Ticks kS = kTicksPerSecond;
constexpr size_t kCpu = static_cast<size_t>(Resource::Cpu);
constexpr size_t kMemory = static_cast<size_t>(Resource::Memory);

struct Demand {
  int32_t cores = 0;
  int32_t memory_mib = 0;
  uint16_t gpus = 0;
  uint16_t milli = 0;
};

void add_host(JobSnapshot& world, Demand capacity) {
  SnapshotHost& host = world.hosts.emplace_back();
  host.worker = 100 + static_cast<uint32_t>(world.hosts.size());
  host.node.capacity[kCpu] = host.node.free[kCpu] = capacity.cores;
  host.node.capacity[kMemory] = host.node.free[kMemory] = capacity.memory_mib;
  host.node.gpu_count = capacity.gpus;
  for (uint16_t i = 0; i < capacity.gpus; ++i)
    host.node.gpu_free[i] = kWholeGpu;
}

/// Until `until_s` something runs there, on the first GPU.
void hold(JobSnapshot& world, uint32_t host, Demand held, int64_t until_s) {
  HoldingJob& job = world.holding.emplace_back();
  job.job = 1'000 + world.holding.size();
  job.host = host;
  job.until = until_s * kS;
  job.holding.amounts[kCpu] = held.cores;
  job.holding.amounts[kMemory] = held.memory_mib;
  job.holding.gpus = held.gpus > 0 ? 1 : 0;
  job.holding.gpu_milli = held.milli;
  NodeState& node = world.hosts[host].node;
  node.free[kCpu] -= held.cores;
  node.free[kMemory] -= held.memory_mib;
  node.gpu_free[0] = static_cast<uint16_t>(node.gpu_free[0] - held.milli);
}

void add_job(JobSnapshot& world, Demand demand, int64_t seconds, int32_t priority = 0) {
  SnapshotQuery& query = world.queries.emplace_back();
  query.query.demand.amounts = {};
  query.query.demand.amounts[kCpu] = demand.cores;
  query.query.demand.amounts[kMemory] = demand.memory_mib;
  query.query.demand.gpu_count = demand.gpus;
  query.query.demand.gpu_milli = demand.milli;
  WaitingJob& job = world.waiting.emplace_back();
  job.job = world.waiting.size();
  job.query = static_cast<uint32_t>(world.queries.size()) - 1;
  job.duration = seconds * kS;
  job.priority = priority;
}

JobPlan plan_of(const JobSnapshot& world) {
  JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 20'000);
  EXPECT_EQ(plan.fault, "");
  return plan;
}

Ticks start_of(const JobPlan& plan, uint64_t job) {
  const auto found = std::find_if(
      plan.starts.begin(), plan.starts.end(), [&](const PlannedStart& s) { return s.job == job; });
  return found == plan.starts.end() ? -1 : found->start;
}

/// The jobs of a higher priority come first, and go wherever they fit; the last is what needs room.
struct World {
  const char* name;
  std::vector<Demand> hosts;
  std::vector<std::pair<uint32_t, Demand>> held;
  std::vector<Demand> before;
  Demand last;
};

TEST(FragmentationOfPlans, WhatIsPlannedLaterStillFitsWhereSmallOnesArePacked) {
  const World worlds[] = {
      {"two GPUs",
       {{0, 0, 2, 0}, {0, 0, 2, 0}},
       {{1, {0, 0, 1, 500}}},
       {{0, 0, 1, 500}, {0, 0, 1, 1'000}},
       {0, 0, 2, 1'000}},
      {"all cores of a worker",
       {{8, 0, 0, 0}, {8, 0, 0, 0}},
       {{1, {4, 0, 0, 0}}},
       {{2, 0, 0, 0}, {2, 0, 0, 0}},
       {8, 0, 0, 0}},
      {"GPUs that a job without any would leave without cores",
       {{4, 0, 1, 0}, {4, 0, 0, 0}},
       {},
       {{2, 0, 0, 0}, {2, 0, 0, 0}},
       {4, 0, 1, 1'000}},
      {"memory",
       {{8, 64, 0, 0}, {8, 64, 0, 0}, {8, 64, 0, 0}},
       {{2, {1, 40, 0, 0}}},
       {{1, 20, 0, 0}},
       {1, 64, 0, 0}},
  };
  for (const World& one : worlds) {
    SCOPED_TRACE(one.name);
    JobSnapshot world;
    world.patience = 100;
    for (const Demand& host : one.hosts)
      add_host(world, host);
    for (const auto& [host, held] : one.held)
      hold(world, host, held, 600);
    for (const Demand& demand : one.before)
      add_job(world, demand, 600, 1);
    add_job(world, one.last, 600);
    if (one.hosts.size() > 2) add_job(world, one.last, 600);
    const uint64_t last = world.waiting.size();
    const JobPlan scattered = plan_of(world);
    EXPECT_EQ(start_of(scattered, last), 600 * kS) << "the first worker that it fits on";
    world.fragmentation_price = 0.01;
    const JobPlan packed = plan_of(world);
    EXPECT_EQ(start_of(packed, last), 0);
    EXPECT_LT(packed.cost, scattered.cost);
  }
}

/// Workers of both kinds, some of which hold something; jobs of all kinds.
JobSnapshot random_world(uint64_t seed) {
  Rng rng(seed);
  JobSnapshot world;
  world.seed = seed;
  world.objective = static_cast<wire::PlanObjective>(rng.below(wire::kPlanObjectiveCount));
  world.patience = 100;
  world.move_price = 0.05;
  world.fragmentation_price = 0.01;
  const auto hosts = static_cast<uint32_t>(1 + rng.below(6));
  for (uint32_t host = 0; host < hosts; ++host) {
    const auto gpus = static_cast<uint16_t>(host % 2 == 0 ? 1 + rng.below(4) : 0);
    add_host(world, {8, 64, gpus, 0});
    const auto milli = static_cast<uint16_t>(gpus > 0 ? 250 * rng.below(5) : 0);
    const Demand held{
        static_cast<int32_t>(rng.below(8)), 16, milli > 0 ? uint16_t{1} : uint16_t{0}, milli};
    hold(world, host, held, static_cast<int64_t>(1 + rng.below(60)));
  }
  const uint64_t jobs = 1 + rng.below(15);
  for (uint64_t i = 0; i < jobs; ++i) {
    const Demand kinds[] = {
        {1, 8, 0, 0}, {4, 16, 0, 0}, {8, 64, 0, 0}, {1, 8, 1, 250}, {2, 8, 1, 1'000}};
    add_job(world, kinds[rng.below(5)], static_cast<int64_t>(1 + rng.below(60)));
    world.waiting.back().priority = -static_cast<int32_t>(2 * i / jobs);
    world.waiting.back().waited = static_cast<Ticks>(rng.below(100)) * kS;
    if (rng.below(4) == 0)
      world.waiting.back().previous_host = static_cast<uint32_t>(rng.below(hosts));
  }
  return world;
}

// ---- The same from the starts alone: whole seconds are counted one by one ---------------------

using Vector = std::array<double, 3>;  // cores, memory, GPU milli

const WaitingJob& job_of(const JobSnapshot& world, const PlannedStart& start) {
  return world.waiting[start.job - 1];
}

Vector demand_of(const JobSnapshot& world, const WaitingJob& job) {
  const NodeDemand& demand = world.queries[job.query].query.demand;
  const auto gpus = static_cast<double>(demand.gpu_count * demand.gpu_milli);
  return {
      static_cast<double>(demand.amounts[kCpu]),
      static_cast<double>(demand.amounts[kMemory]),
      gpus};
}

/// Of what anybody waits for; the rest does not count.
Vector capacity_of(const JobSnapshot& world, const SnapshotHost& host) {
  Vector all{
      static_cast<double>(host.node.capacity[kCpu]),
      static_cast<double>(host.node.capacity[kMemory]),
      1'000.0 * host.node.gpu_count};
  for (size_t r = 0; r < 3; ++r) {
    const bool wanted = std::ranges::any_of(
        world.waiting, [&](const WaitingJob& job) { return demand_of(world, job)[r] > 0; });
    if (!wanted) all[r] = 0;
  }
  return all;
}

double seconds(Ticks ticks) {
  return static_cast<double>(ticks / kS);
}

Vector free_at(const JobSnapshot& world, const JobPlan& plan, uint32_t host, double at) {
  Vector free = capacity_of(world, world.hosts[host]);
  for (const HoldingJob& one : world.holding) {
    if (one.host != host || seconds(one.until) <= at) continue;
    free[0] -= one.holding.amounts[kCpu];
    free[1] -= one.holding.amounts[kMemory];
    free[2] -= one.holding.gpus != 0 ? one.holding.gpu_milli : 0;
  }
  for (const PlannedStart& one : plan.starts) {
    const double from = seconds(one.start);
    if (one.worker != world.hosts[host].worker || from > at) continue;
    if (from + seconds(one.duration) <= at) continue;
    for (size_t r = 0; r < 3; ++r)
      free[r] -= demand_of(world, job_of(world, one))[r];
  }
  return free;
}

/// As a share of the worker.
double lost_of(const Vector& free, const Vector& capacity, const std::vector<Vector>& typical) {
  double share = 0;
  double resources = 0;
  for (size_t r = 0; r < 3; ++r) {
    share += capacity[r] > 0 ? free[r] / capacity[r] : 0;
    resources += capacity[r] > 0 ? 1 : 0;
  }
  const auto useless = std::ranges::count_if(typical, [&](const Vector& one) {
    for (size_t r = 0; r < 3; ++r) {
      if (one[r] > (capacity[r] > 0 ? free[r] : 0)) return true;
    }
    return false;
  });
  return share / std::max(1.0, resources) * static_cast<double>(useless) /
         static_cast<double>(typical.size());
}

double window_of(const JobSnapshot& world, const JobPlan& plan) {
  double window = 0;
  for (size_t r = 0; r < 3; ++r) {
    double work = 0;
    double capacity = 0;
    for (const PlannedStart& one : plan.starts) {
      window = std::max(window, seconds(one.duration));
      work += demand_of(world, job_of(world, one))[r] * seconds(one.duration);
    }
    for (const SnapshotHost& host : world.hosts)
      capacity += capacity_of(world, host)[r];
    if (capacity > 0) window = std::max(window, work / capacity);
  }
  return window;
}

double fragmentation_counted(const JobSnapshot& world, const JobPlan& plan) {
  std::vector<Vector> typical;
  for (const PlannedStart& one : plan.starts)
    typical.push_back(demand_of(world, job_of(world, one)));
  const double window = window_of(world, plan);
  double lost = 0;
  for (uint32_t host = 0; host < world.hosts.size(); ++host) {
    const Vector capacity = capacity_of(world, world.hosts[host]);
    for (double at = 0; at < window; at += 1) {
      const double part = std::min(1.0, window - at) / window;
      lost += part * lost_of(free_at(world, plan, host, at), capacity, typical);
    }
  }
  return world.fragmentation_price * lost / static_cast<double>(world.hosts.size());
}

double goal_counted(const JobSnapshot& world, const JobPlan& plan) {
  double sum = 0;
  double last = 0;
  std::set<uint32_t> used;
  for (const PlannedStart& start : plan.starts) {
    const double length = seconds(start.duration);
    const double end = seconds(start.start) + length;
    const double waited = seconds(job_of(world, start).waited);
    last = std::max(last, end);
    used.insert(start.worker);
    if (world.objective == wire::PlanObjective::Slowdown) {
      sum += std::max(1.0, (waited + end) / std::max(length, 10.0));
    } else {
      // Without a deadline: due, at a hundredth, after ten times its length.
      sum += 0.01 * std::max(0.0, end - std::max(10 * length, 60.0) + waited);
    }
  }
  switch (world.objective) {
    case wire::PlanObjective::Slowdown: return sum / static_cast<double>(plan.starts.size());
    case wire::PlanObjective::Deadlines: return sum;
    case wire::PlanObjective::Makespan: return last;
    case wire::PlanObjective::Workers: break;
  }
  return static_cast<double>(used.size());
}

TEST(FragmentationOfPlans, APlansCostByTermIsWhatItsStartsSay) {
  int with_some = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const JobSnapshot world = random_world(seed);
    const JobPlan plan = plan_of(world);
    if (plan.starts.empty()) continue;
    ASSERT_EQ(plan.terms.size(), 3u);
    EXPECT_NEAR(plan.terms[0].second, goal_counted(world, plan), 1e-6);
    EXPECT_EQ(plan.terms[2].first, "fragmentation");
    EXPECT_NEAR(plan.terms[2].second, fragmentation_counted(world, plan), 1e-6);
    EXPECT_LE(plan.terms[2].second, world.fragmentation_price);
    double sum = 0;
    for (const auto& [name, cost] : plan.terms)
      sum += cost;
    EXPECT_NEAR(plan.cost, sum, 1e-9);
    EXPECT_LE(plan.bound, plan.cost);
    EXPECT_LE(plan.cost - plan.terms[1].second, plan.greedy * (1 + 1e-9));
    with_some += plan.terms[2].second > 0 ? 1 : 0;
  }
  EXPECT_GT(with_some, 200);
}

// A fleet with room to spare always has some: every plan took the whole of its budget.
TEST(FragmentationOfPlans, KeepsNoSearchGoingOnceTheGoalCannotBeBetter) {
  JobSnapshot world;
  world.patience = 100;
  world.fragmentation_price = 0.01;
  for (int i = 0; i < 3; ++i) {
    add_host(world, {8, 0, 0, 0});
    add_job(world, {5, 0, 0, 0}, 600);
  }
  const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 1'000'000);
  EXPECT_EQ(plan.fault, "");
  EXPECT_GT(plan.terms[2].second, 0) << "three slots of each are of no use to jobs of five";
  EXPECT_TRUE(plan.proved);
  EXPECT_LT(plan.steps, 1'000'000u);
}

TEST(FragmentationOfPlans, IsPlannedTheSameForTheSameSeedAndSteps) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    const JobPlan one = plan_of(random_world(seed));
    const JobPlan other = plan_of(random_world(seed));
    EXPECT_EQ(one.cost, other.cost);
    ASSERT_EQ(one.starts.size(), other.starts.size());
    for (size_t i = 0; i < one.starts.size(); ++i) {
      EXPECT_EQ(one.starts[i].job, other.starts[i].job);
      EXPECT_EQ(one.starts[i].worker, other.starts[i].worker);
      EXPECT_EQ(one.starts[i].gpus, other.starts[i].gpus);
    }
  }
}

}  // namespace
}  // namespace berth::core
