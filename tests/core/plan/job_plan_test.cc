#include "core/plan/job_plan.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "core/base/rng.h"

namespace berth::core {
namespace {

constexpr Ticks kS = kTicksPerSecond;
constexpr size_t kSlots = static_cast<size_t>(Resource::Slots);

Query asks_for(int32_t slots) {
  Query query;
  query.demand.amounts[kSlots] = slots;
  return query;
}

/// Hosts of 4 slots, some of which are held; jobs of 1 to 4.
std::unique_ptr<JobSnapshot> random_snapshot(uint64_t seed) {
  Rng rng(seed);
  auto snapshot = std::make_unique<JobSnapshot>();
  snapshot->plan_id = seed;
  snapshot->objective = static_cast<wire::PlanObjective>(rng.below(wire::kPlanObjectiveCount));
  snapshot->move_price = 0.05;
  snapshot->seed = seed;
  const auto hosts = static_cast<uint32_t>(1 + rng.below(5));
  for (uint32_t host = 0; host < hosts; ++host) {
    const auto held = static_cast<int32_t>(rng.below(5));
    SnapshotHost& one = snapshot->hosts.emplace_back();
    one.worker = 100 + host;
    one.node.capacity[kSlots] = 4;
    one.node.free[kSlots] = 4 - held;
    for (int32_t slot = 0; slot < held; ++slot) {
      HoldingJob& job = snapshot->holding.emplace_back();
      job.job = 1'000 + snapshot->holding.size();
      job.host = host;
      job.until = static_cast<Ticks>(rng.below(60)) * kS;
      job.holding.amounts[kSlots] = 1;
    }
  }
  for (int32_t slots = 1; slots <= 4; ++slots)
    snapshot->queries.push_back({asks_for(slots), {}});
  const uint64_t jobs = 1 + rng.below(20);
  for (uint64_t id = 1; id <= jobs; ++id) {
    WaitingJob& job = snapshot->waiting.emplace_back();
    job.job = id;
    job.query = static_cast<uint32_t>(rng.below(4));
    job.priority = static_cast<int32_t>(rng.below(2));
    job.duration = static_cast<Ticks>(1 + rng.below(100)) * kS;
    if (rng.below(3) == 0) job.deadline = static_cast<Ticks>(rng.below(200)) * kS;
    if (rng.below(3) == 0) {
      job.previous_host = static_cast<uint32_t>(rng.below(hosts));
      job.previous_start = static_cast<Ticks>(rng.below(100)) * kS - 10 * kS;
    }
  }
  snapshot->previous_jobs = static_cast<uint32_t>(jobs);
  return snapshot;
}

/// By counting slots at every start, on the snapshot itself.
bool fits(const JobSnapshot& snapshot, const JobPlan& plan) {
  std::map<uint64_t, int32_t> slots;
  for (const WaitingJob& job : snapshot.waiting)
    slots[job.job] = static_cast<int32_t>(job.query) + 1;
  for (const PlannedStart& at : plan.starts) {
    int32_t used = 0;
    for (const HoldingJob& one : snapshot.holding) {
      const bool same = snapshot.hosts[one.host].worker == at.worker;
      used += same && std::max<Ticks>(one.until, 1) > at.start ? 1 : 0;
    }
    for (const PlannedStart& one : plan.starts) {
      const bool runs = one.start <= at.start && at.start < one.start + one.duration;
      used += one.worker == at.worker && runs ? slots[one.job] : 0;
    }
    if (used > 4) return false;
  }
  return true;
}

TEST(JobPlan, KeepsToEveryRuleAndIsNoWorseThanGreedy) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const auto snapshot = random_snapshot(seed);
    const JobPlan plan = plan_jobs(random_snapshot(seed), 20'000);
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_EQ(plan.fault, "");
    ASSERT_EQ(plan.starts.size(), snapshot->waiting.size());
    ASSERT_TRUE(fits(*snapshot, plan));
    const double moves = plan.terms.size() > 1 ? plan.terms[1].second : 0;
    EXPECT_LE(plan.cost - moves, plan.greedy * (1 + 1e-9));
    EXPECT_LE(plan.bound, plan.cost);
    EXPECT_EQ(plan.diff.added + plan.diff.kept + plan.diff.moved, plan.starts.size());
    EXPECT_TRUE(std::is_sorted(
        plan.starts.begin(), plan.starts.end(), [](const PlannedStart& a, const PlannedStart& b) {
          return a.start < b.start;
        }));
  }
}

TEST(JobPlan, IsTheSameForTheSameSeedAndSteps) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const JobPlan one = plan_jobs(random_snapshot(seed), 20'000);
    const JobPlan other = plan_jobs(random_snapshot(seed), 20'000);
    ASSERT_EQ(one.starts.size(), other.starts.size());
    for (size_t i = 0; i < one.starts.size(); ++i) {
      EXPECT_EQ(one.starts[i].job, other.starts[i].job);
      EXPECT_EQ(one.starts[i].worker, other.starts[i].worker);
      EXPECT_EQ(one.starts[i].start, other.starts[i].start);
    }
  }
}

// An objective that likes short jobs would put off a long one for ever, while short ones come.
TEST(JobPlan, TheFirstInTheQueueIsNotDelayedByThoseBehindIt) {
  JobSnapshot world;
  SnapshotHost host;
  host.node.capacity[kSlots] = 4;
  host.node.free[kSlots] = 2;
  world.hosts = {host};
  HoldingJob runs;
  runs.job = 99;
  runs.until = 30 * kS;
  runs.holding.amounts[kSlots] = 2;
  world.holding = {runs};
  world.queries = {{asks_for(4), {}}, {asks_for(2), {}}};
  world.waiting.resize(4);
  for (uint64_t i = 0; i < 4; ++i) {
    world.waiting[i].job = i + 1;
    world.waiting[i].query = i == 0 ? 0 : 1;
    world.waiting[i].duration = (i == 0 ? 3'600 : 20) * kS;
  }
  for (int objective = 0; objective < wire::kPlanObjectiveCount; ++objective) {
    world.objective = static_cast<wire::PlanObjective>(objective);
    const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 50'000);
    SCOPED_TRACE(plan.engine);
    ASSERT_EQ(plan.starts.size(), 4u);
    EXPECT_EQ(plan.starts[0].start, 0) << "one that is over before";
    const auto first = std::find_if(
        plan.starts.begin(), plan.starts.end(), [](const PlannedStart& s) { return s.job == 1; });
    EXPECT_EQ(first->start, 30 * kS);
    EXPECT_EQ(first->after_job, 99u);
  }
}

TEST(JobPlan, ElementsOfAnArrayStartInTheirOrder) {
  JobSnapshot world;
  SnapshotHost host;
  host.node.capacity[kSlots] = 1;
  host.node.free[kSlots] = 1;
  world.hosts = {host, host};
  world.hosts[1].worker = 1;
  world.queries = {{asks_for(1), {}}};
  for (uint64_t i = 0; i < 9; ++i) {
    WaitingJob& job = world.waiting.emplace_back();
    job.job = 10 + i;
    job.array = 10;
    job.duration = 5 * kS;
  }
  const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 50'000);
  Ticks last = 0;
  std::map<uint64_t, Ticks> starts;
  for (const PlannedStart& start : plan.starts)
    starts[start.job] = start.start;
  for (const auto& [job, start] : starts) {
    if (job == 10) continue;  // the first in the queue, wherever it starts the earliest
    EXPECT_GE(start, last) << job;
    last = start;
  }
}

TEST(JobPlan, WhatCanRunNowhereIsLeftOut) {
  JobSnapshot world;
  SnapshotHost host;
  host.node.capacity[kSlots] = 2;
  host.node.free[kSlots] = 2;
  world.hosts = {host};
  Query tagged = asks_for(1);
  tagged.all = {NameId{7}};
  world.queries = {{asks_for(3), {}}, {tagged, {}}, {asks_for(1), {0}}, {asks_for(2), {}}};
  for (uint32_t i = 0; i < 4; ++i) {
    WaitingJob& job = world.waiting.emplace_back();
    job.job = i + 1;
    job.query = i;
    job.duration = kS;
  }
  const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 1'000);
  ASSERT_EQ(plan.starts.size(), 1u);
  EXPECT_EQ(plan.starts[0].job, 4u);
}

}  // namespace
}  // namespace berth::core
