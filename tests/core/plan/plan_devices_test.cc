// GPUs of a plan, device by device.

#include "core/plan/plan_devices.h"

#include <algorithm>
#include <bit>
#include <memory>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/plan/job_plan.h"

namespace berth::core {
namespace {

constexpr Ticks kS = kTicksPerSecond;
constexpr uint16_t kWhole = 1'000;

GpuSet devices(std::initializer_list<int> all) {
  unsigned set = 0;
  for (int device : all)
    set |= 1u << device;
  return static_cast<GpuSet>(set);
}

TEST(DeviceTimeline, FindsTheFirstMomentAtWhichTheDevicesAreThere) {
  const Amount sum = 4 * kWhole;
  const uint16_t each[] = {kWhole, kWhole, kWhole, kWhole};
  DeviceTimeline timeline({&sum, 1}, each);
  const auto hold = [&](std::initializer_list<int> set, Amount milli, int64_t until) {
    const Amount taken = milli * static_cast<Amount>(set.size());
    timeline.take(0, until * kS, {&taken, 1}, devices(set), milli);
  };
  hold({0}, 500, 10);
  hold({1}, 500, 20);
  hold({2}, 500, 30);
  hold({3}, 750, 40);
  struct Case {
    const char* name;
    uint16_t count;
    uint16_t milli;
    GpuSet usable;
    int64_t from_s, start_s;
    GpuSet gpus;
  };
  const GpuSet any = devices({0, 1, 2, 3});
  const Case cases[] = {
      {"a fraction, where least is left", 1, 250, any, 0, 0, devices({3})},
      {"a fraction that fits on few", 1, 500, any, 0, 0, devices({0})},
      {"a whole one waits for the first that is free", 1, kWhole, any, 0, 10, devices({0})},
      {"four halves are not two whole ones", 2, kWhole, any, 0, 20, devices({0, 1})},
      {"all of them", 4, kWhole, any, 0, 40, any},
      {"of those that will do", 2, kWhole, devices({1, 3}), 0, 40, devices({1, 3})},
      {"from then on", 1, kWhole, any, 25, 25, devices({0})},
      {"more than there are", 5, kWhole, any, 0, -1, 0},
  };
  for (const Case& c : cases) {
    const Amount wanted = Amount{c.count} * c.milli;
    const auto [start, gpus] =
        timeline.earliest(c.from_s * kS, 5 * kS, {&wanted, 1}, {c.count, c.milli, c.usable});
    EXPECT_EQ(start, c.start_s < 0 ? kNever : c.start_s * kS) << c.name;
    EXPECT_EQ(gpus, c.gpus) << c.name;
  }
}

Query asks_for(uint16_t count, uint16_t milli, std::initializer_list<NameId> models = {}) {
  Query query;
  query.demand.amounts = {};
  query.demand.gpu_count = count;
  query.demand.gpu_milli = milli;
  query.demand.gpu_models.assign(models.begin(), models.end());
  return query;
}

void add_host(JobSnapshot& world, uint16_t gpus) {
  SnapshotHost& host = world.hosts.emplace_back();
  host.worker = 100 + static_cast<uint32_t>(world.hosts.size());
  host.node.gpu_count = gpus;
  for (uint16_t i = 0; i < gpus; ++i) {
    host.node.gpu_free[i] = kWhole;
    host.node.gpu_model[i] = NameId{1};
  }
}

void hold(JobSnapshot& world, uint32_t host, GpuSet gpus, uint16_t milli, int64_t until_s) {
  HoldingJob& job = world.holding.emplace_back();
  job.job = 1'000 + world.holding.size();
  job.host = host;
  job.until = until_s * kS;
  job.holding.gpus = gpus;
  job.holding.gpu_milli = milli;
  for (size_t i = 0; i < kGpusMax; ++i) {
    uint16_t& free = world.hosts[host].node.gpu_free[i];
    if ((gpus >> i & 1) != 0) free = static_cast<uint16_t>(free - milli);
  }
}

void add_job(JobSnapshot& world, uint32_t query, int64_t seconds) {
  WaitingJob& job = world.waiting.emplace_back();
  job.job = world.waiting.size();
  job.query = query;
  job.duration = seconds * kS;
}

/// A worker with four halves left, until 10, 20, 30 and 40 s.
JobSnapshot four_halves() {
  JobSnapshot world;
  add_host(world, 4);
  for (int i = 0; i < 4; ++i)
    hold(world, 0, devices({i}), 500, 10 * (i + 1));
  world.queries = {{asks_for(2, kWhole), {}}, {asks_for(1, 500), {}}};
  return world;
}

PlannedStart only_start(const JobSnapshot& world) {
  const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 20'000);
  EXPECT_EQ(plan.fault, "");
  EXPECT_EQ(plan.starts.size(), 1u);
  return plan.starts.empty() ? PlannedStart() : plan.starts[0];
}

// It was planned at once, where it could not start, and the worker kept for it until it could.
TEST(PlanDevices, TwoWholeGpusAreNotPlannedOnFourHalves) {
  for (double patience : {0.0, 100.0}) {
    SCOPED_TRACE(patience == 0 ? "the first in the queue" : "one of those behind");
    JobSnapshot world = four_halves();
    world.patience = patience;
    add_job(world, 0, 60);
    PlannedStart start = only_start(world);
    EXPECT_EQ(start.start, 20 * kS);
    EXPECT_EQ(start.gpus, devices({0, 1}));
    // Another worker has them earlier.
    add_host(world, 2);
    hold(world, 1, devices({0, 1}), kWhole, 15);
    start = only_start(world);
    EXPECT_EQ(start.worker, world.hosts[1].worker);
    EXPECT_EQ(start.start, 15 * kS);
  }
}

TEST(PlanDevices, WhatIsHeldByOthersThanJobsIsNeverPlannedOn) {
  JobSnapshot world;
  add_host(world, 2);
  world.hosts[0].node.gpu_free = {500, 500};
  world.queries = {{asks_for(1, kWhole), {}}, {asks_for(1, 500), {}}};
  add_job(world, 0, 60);
  add_job(world, 1, 60);
  const PlannedStart start = only_start(world);
  EXPECT_EQ(start.job, 2u);
  EXPECT_EQ(start.start, 0);
}

JobSnapshot random_world(uint64_t seed) {
  Rng rng(seed);
  JobSnapshot world;
  world.seed = seed;
  world.objective = static_cast<wire::PlanObjective>(rng.below(wire::kPlanObjectiveCount));
  world.patience = rng.below(2) == 0 ? 0 : 100;
  const auto hosts = static_cast<uint32_t>(1 + rng.below(3));
  for (uint32_t host = 0; host < hosts; ++host) {
    const auto gpus = static_cast<uint16_t>(1 + rng.below(4));
    add_host(world, gpus);
    for (int i = 0; i < gpus; ++i) {
      if (rng.below(2) == 0) world.hosts[host].node.gpu_model[static_cast<size_t>(i)] = NameId{2};
      const auto milli = static_cast<uint16_t>(250 * rng.below(5));
      if (milli > 0) hold(world, host, devices({i}), milli, static_cast<int64_t>(rng.below(60)));
    }
  }
  for (const uint16_t milli : {250, 500, 750})
    world.queries.push_back({asks_for(1, milli), {}});
  world.queries.push_back({asks_for(1, kWhole), {}});
  world.queries.push_back({asks_for(2, kWhole), {}});
  world.queries.push_back({asks_for(1, 500, {NameId{2}}), {}});
  const uint64_t jobs = 1 + rng.below(15);
  for (uint64_t i = 0; i < jobs; ++i) {
    add_job(world, static_cast<uint32_t>(rng.below(6)), static_cast<int64_t>(1 + rng.below(60)));
    if (rng.below(2) == 0) world.waiting.back().priority = -1;
  }
  std::stable_sort(
      world.waiting.begin(), world.waiting.end(), [](const WaitingJob& a, const WaitingJob& b) {
        return a.priority > b.priority;
      });
  if (rng.below(2) == 0) return world;
  world.cause = wire::PlanCause::WorkerLost;  // of one more that there was
  world.previous_plan = 1;
  for (WaitingJob& job : world.waiting) {
    const auto host = static_cast<uint32_t>(rng.below(hosts + 1));
    if (host < hosts) job.previous_host = host;
    job.previous_start = static_cast<Ticks>(rng.below(100)) * kS;
  }
  return world;
}

uint32_t host_of(const PlannedStart& start) {
  return start.worker - 101;
}

const NodeDemand& demand_of(const JobSnapshot& world, const PlannedStart& start) {
  const auto job = std::find_if(world.waiting.begin(), world.waiting.end(), [&](const auto& w) {
    return w.job == start.job;
  });
  return world.queries[job->query].query.demand;
}

/// What the device has left at that moment, by counting.
int left_of(const JobSnapshot& world, const JobPlan& plan, uint32_t host, size_t device, Ticks at) {
  int left = kWhole;
  const auto takes = [&](GpuSet gpus) {
    return (gpus >> device & 1) != 0;
  };
  for (const HoldingJob& one : world.holding) {
    const bool runs = one.host == host && std::max<Ticks>(one.until, 1) > at;
    if (runs && takes(one.holding.gpus)) left -= one.holding.gpu_milli;
  }
  for (const PlannedStart& one : plan.starts) {
    const bool runs = one.start <= at && at < one.start + one.duration;
    if (host_of(one) == host && runs && takes(one.gpus)) {
      left -= demand_of(world, one).gpu_milli;
    }
  }
  return left;
}

TEST(PlanDevices, NoDeviceIsGivenMoreThanItHas) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const JobSnapshot world = random_world(seed);
    const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 20'000);
    ASSERT_EQ(plan.fault, "");
    const double moves = plan.terms.size() > 1 ? plan.terms[1].second : 0;
    EXPECT_LE(plan.cost - moves, plan.greedy * (1 + 1e-9));
    EXPECT_LE(plan.bound, plan.cost);
    for (const PlannedStart& start : plan.starts) {
      const NodeDemand& demand = demand_of(world, start);
      const NodeState& node = world.hosts[host_of(start)].node;
      ASSERT_EQ(std::popcount(start.gpus), demand.gpu_count);
      for (size_t device = 0; device < kGpusMax; ++device) {
        if ((start.gpus >> device & 1) == 0) continue;
        ASSERT_LT(device, node.gpu_count);
        ASSERT_TRUE(allows_model(demand, node.gpu_model[device]));
        ASSERT_GE(left_of(world, plan, host_of(start), device, start.start), 0);
      }
    }
  }
}

// It was so for each range of the queue, of which there may be thousands.
TEST(PlanDevices, SoManyOtherWorkersAreLookedAtForOnePlanAndNoMore) {
  JobSnapshot world = four_halves();
  add_host(world, 2);
  hold(world, 1, devices({0, 1}), kWhole, 15);
  world.patience = 100;
  add_job(world, 0, 60);
  const JobProblem built = problem_of(world);
  const PlanDevices plan = devices_of(world, built);
  struct Case {
    size_t tries;
    uint32_t worker;
    int64_t start_s;
    size_t left;
  };
  const Assigned by_sum[] = {{0, 0}};
  for (const Case& c :
       {Case{0, 0, 20, 0}, Case{1, 0, 20, 0}, Case{2, 1, 15, 0}, Case{9, 1, 15, 7}}) {
    SCOPED_TRACE(std::to_string(c.tries) + " tries");
    size_t tries = c.tries;
    const auto fitted = plan.fit({0, 1, true}, by_sum, PlanDevices::Order::OfStarts, tries);
    EXPECT_EQ(fitted.tasks[0].worker, c.worker);
    EXPECT_EQ(fitted.tasks[0].start, c.start_s * kS);
    EXPECT_EQ(tries, c.left);
  }
}

TEST(PlanDevices, WhatIsAfterAnotherStartsWhenThatHasItsDevices) {
  JobSnapshot world = four_halves();
  world.patience = 100;
  add_job(world, 0, 60);
  add_job(world, 1, 5);
  JobProblem built = problem_of(world);
  built.problem.tasks[1].after = {0};
  const Assigned by_sum[] = {{0, 0}, {0, 60 * kS}};
  size_t tries = 100;
  const auto fitted =
      devices_of(world, built).fit({0, 2, true}, by_sum, PlanDevices::Order::OfStarts, tries);
  EXPECT_EQ(fitted.tasks[0].start, 20 * kS);
  EXPECT_EQ(fitted.tasks[1].start, 80 * kS);
}

TEST(PlanDevices, APlanThatGivesADeviceTwiceIsFoundOut) {
  JobSnapshot world = four_halves();
  world.patience = 100;
  add_job(world, 1, 5);
  add_job(world, 1, 5);
  const JobProblem built = problem_of(world);
  ASSERT_EQ(built.tasks.size(), 2u);
  struct Case {
    const char* name;
    Assigned second;
    GpuSet gpus;
    const char* fault;
  };
  const Case cases[] = {
      {"one each", {0, 0}, devices({1}), ""},
      {"the same for both", {0, 0}, devices({0}), "worker 101 has too little left of GPU 0"},
      {"the same, one after the other", {0, 5 * kS}, devices({0}), ""},
      {"none", {0, 0}, 0, "task 2 has too few devices"},
      {"one that is not there", {0, 0}, devices({9}), "task 2 has devices that it may not use"},
  };
  for (const Case& c : cases) {
    const Assigned tasks[] = {{0, 0}, c.second};
    const GpuSet gpus[] = {devices({0}), c.gpus};
    EXPECT_EQ(devices_fault(world, built, tasks, gpus), c.fault) << c.name;
  }
}

}  // namespace
}  // namespace berth::core
