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
  snapshot->fragmentation_price = 0.01 * static_cast<double>(rng.below(2));
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
  snapshot->previous_plan = 1;
  if (rng.below(2) == 0) snapshot->cause = wire::PlanCause::WorkerLost;
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

// Where waiting counts, one that is wide and long costs less by waiting than all those it would
// hold up; but not for ever.
TEST(JobPlan, TheFirstInTheQueueIsPassedOverUntilItIsOutOfPatience) {
  struct Case {
    const char* name;
    uint32_t patience;
    int64_t length_s;
    int64_t others_s;
    int64_t waited_s;
    bool kept;
  };
  const Case cases[] = {
      {"nobody is ever passed over", 0, 3'600, 20, 0, true},
      {"it has waited for less than ten times its length", 10, 3'600, 20, 35'999, false},
      {"for ten times", 10, 3'600, 20, 36'000, true},
      {"a short one's length is taken for ten seconds", 10, 9, 5, 99, false},
      {"and no longer", 10, 9, 5, 100, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    JobSnapshot world;
    world.hosts.resize(1);
    world.hosts[0].node.capacity[kSlots] = 4;
    world.hosts[0].node.free[kSlots] = 2;
    HoldingJob& runs = world.holding.emplace_back();
    runs.until = 30 * kS;
    runs.holding.amounts[kSlots] = 2;
    world.queries = {{asks_for(4), {}}, {asks_for(2), {}}};
    world.patience = c.patience;
    for (uint64_t id = 1; id <= 20; ++id) {
      WaitingJob& job = world.waiting.emplace_back();
      job.job = id;
      job.query = id == 1 ? 0 : 1;
      job.duration = (id == 1 ? c.length_s : c.others_s) * kS;
      job.waited = (id == 1 ? c.waited_s : 0) * kS;
    }
    const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 50'000);
    EXPECT_EQ(plan.fault, "");
    const auto first = std::find_if(
        plan.starts.begin(), plan.starts.end(), [](const PlannedStart& s) { return s.job == 1; });
    ASSERT_NE(first, plan.starts.end());
    EXPECT_EQ(first->start == 30 * kS, c.kept) << first->start / kS;
  }
}

/// Two hosts of one slot that are free after 3 and 4 s.
JobSnapshot two_slots() {
  JobSnapshot world;
  world.hosts.resize(2);
  world.queries = {{asks_for(1), {}}};
  for (uint32_t host = 0; host < 2; ++host) {
    world.hosts[host].worker = host;
    world.hosts[host].node.capacity[kSlots] = 1;
    HoldingJob& runs = world.holding.emplace_back();
    runs.job = 90 + host;
    runs.host = host;
    runs.until = (3 + host) * kS;
    runs.holding.amounts[kSlots] = 1;
  }
  return world;
}

WaitingJob& add_job(JobSnapshot& world, uint64_t id, int64_t seconds) {
  WaitingJob& job = world.waiting.emplace_back();
  job.job = id;
  job.duration = seconds * kS;
  return job;
}

std::map<uint64_t, Ticks> starts_of(const JobSnapshot& world) {
  const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 50'000);
  EXPECT_EQ(plan.fault, "");
  std::map<uint64_t, Ticks> starts;
  for (const PlannedStart& start : plan.starts)
    starts[start.job] = start.start;
  return starts;
}

// The sixth of six alike jobs started before the fourth: which of them goes first costs the same.
TEST(JobPlan, JobsThatAreAlikeStartInTheOrderOfTheQueue) {
  for (int objective = 0; objective < wire::kPlanObjectiveCount; ++objective) {
    for (bool others : {false, true}) {
      JobSnapshot world = two_slots();
      world.objective = static_cast<wire::PlanObjective>(objective);
      for (uint64_t id = 1; id <= 9; ++id) {
        add_job(world, id, 5).waited = static_cast<Ticks>(10 - id) * kS;
        if (others) add_job(world, 20 + id, static_cast<int64_t>(id * 7 % 10 + 1));
      }
      std::map<uint64_t, Ticks> starts = starts_of(world);
      for (uint64_t id = 2; id <= 9; ++id)
        EXPECT_GE(starts[id], starts[id - 1]) << "objective " << objective << ", job " << id;
    }
  }
}

TEST(JobPlan, OneThatFailedSomewhereIsNotLikeTheOthers) {
  JobSnapshot world = two_slots();
  add_job(world, 1, 5);
  add_job(world, 2, 5).avoided = {0};
  add_job(world, 3, 5);
  const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 50'000);
  ASSERT_EQ(plan.starts.size(), 3u);
  for (const PlannedStart& start : plan.starts) {
    if (start.job == 2) {
      EXPECT_EQ(start.worker, 1u);
    }
  }
}

// Priorities were weights: enough of the short ones outweighed a long one that mattered more.
TEST(JobPlan, NobodyWaitsForAJobOfLowerPriorityOrALaterDeadline) {
  struct Case {
    const char* name;
    void (*prefer)(WaitingJob&);
    bool by_deadlines;  // holds where lateness is the objective, too
  };
  const Case cases[] = {
      {"a higher priority", [](WaitingJob& job) { job.priority = 1; }, true},
      {"a deadline", [](WaitingJob& job) { job.deadline = 3'600 * kS; }, false},
  };
  for (const Case& c : cases) {
    for (int objective = 0; objective < wire::kPlanObjectiveCount; ++objective) {
      SCOPED_TRACE(std::string(c.name) + ", objective " + std::to_string(objective));
      JobSnapshot world = two_slots();
      world.objective = static_cast<wire::PlanObjective>(objective);
      if (world.objective == wire::PlanObjective::Deadlines && !c.by_deadlines) continue;
      for (uint64_t id = 1; id <= 3; ++id)
        c.prefer(add_job(world, id, 100));
      for (uint64_t id = 4; id <= 20; ++id)
        add_job(world, id, 1 + static_cast<int64_t>(id % 5));
      std::map<uint64_t, Ticks> starts = starts_of(world);
      EXPECT_EQ(starts[1], 3 * kS);
      EXPECT_EQ(starts[2], 4 * kS);
      EXPECT_EQ(starts[3], 103 * kS);
      for (uint64_t id = 4; id <= 20; ++id)
        EXPECT_GE(starts[id], 104 * kS) << id;
    }
  }
}

/// 40 hosts of 4 slots for a while, and 200 jobs of all lengths.
JobSnapshot large_world(uint64_t seed) {
  Rng rng(seed);
  JobSnapshot world;
  world.seed = seed;
  world.move_price = 0.05;
  world.hosts.resize(40);
  for (uint32_t host = 0; host < 40; ++host) {
    world.hosts[host].worker = host;
    world.hosts[host].node.capacity[kSlots] = 4;
    for (int slot = 0; slot < 4; ++slot) {
      HoldingJob& runs = world.holding.emplace_back();
      runs.host = host;
      runs.until = static_cast<Ticks>(1 + rng.below(300)) * kS;
      runs.holding.amounts[kSlots] = 1;
    }
  }
  for (int32_t slots = 1; slots <= 4; ++slots)
    world.queries.push_back({asks_for(slots), {}});
  for (uint64_t id = 1; id <= 200; ++id) {
    WaitingJob& job = world.waiting.emplace_back();
    job.job = id;
    job.query = static_cast<uint32_t>(rng.below(4));
    job.duration = static_cast<Ticks>(5 + rng.below(600)) * kS + static_cast<Ticks>(id);
    job.waited = static_cast<Ticks>(200 - id) * kS;
  }
  return world;
}

// The search began anywhere, from rules that moved everything, and its moves were paid for all at
// once or not at all: what had lost its place stood at the end of the queue.
TEST(JobPlan, ARepairBeginsWithThoseThatLostTheirPlaces) {
  int better = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    JobSnapshot world = large_world(seed);
    std::map<uint64_t, PlannedStart> before;
    for (const PlannedStart& at : plan_jobs(std::make_unique<JobSnapshot>(world), 200'000).starts)
      before[at.job] = at;
    world.hosts.resize(36);
    std::erase_if(world.holding, [](const HoldingJob& one) { return one.host >= 36; });
    for (WaitingJob& job : world.waiting) {
      job.previous_start = before[job.job].start;
      if (before[job.job].worker < 36) job.previous_host = before[job.job].worker;
    }
    world.previous_plan = 1;
    world.cause = wire::PlanCause::WorkerLost;
    const auto planned = [&world](uint64_t steps) {
      return plan_jobs(std::make_unique<JobSnapshot>(world), steps);
    };
    const JobPlan at_once = planned(0);
    const JobPlan soon = planned(20'000);
    const JobPlan later = planned(2'000'000);
    EXPECT_EQ(soon.engine, "repair");
    EXPECT_EQ(soon.diff.moved, 0u);
    EXPECT_GE(soon.diff.added, 10u);
    for (const PlannedStart& at : soon.starts) {
      if (at.change == wire::PlanChange::Added) continue;
      EXPECT_EQ(at.start, before[at.job].start) << "what stands stays, job " << at.job;
    }
    EXPECT_LE(soon.cost, at_once.cost);
    better += soon.cost < at_once.cost ? 1 : 0;
    EXPECT_LT(later.cost, soon.cost);
    world.cause = wire::PlanCause::Period;
    EXPECT_LT(later.cost, planned(2'000'000).cost) << "of a search that begins anywhere";
  }
  EXPECT_GE(better, 4);
}

// By counting slots second by second: take the less urgent ones away, and nobody could start
// earlier where it is.
TEST(JobPlan, WhatIsPlannedBehindTakesNothingFromThoseBefore) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    std::unique_ptr<JobSnapshot> world = random_snapshot(seed);
    std::stable_sort(
        world->waiting.begin(), world->waiting.end(), [](const WaitingJob& a, const WaitingJob& b) {
          return a.priority > b.priority;
        });
    std::map<uint64_t, const WaitingJob*> jobs;
    for (const WaitingJob& job : world->waiting)
      jobs[job.job] = &job;
    const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(*world), 100'000);
    for (const PlannedStart& at : plan.starts) {
      std::vector<int64_t> used(4'000);
      for (const HoldingJob& one : world->holding) {
        if (world->hosts[one.host].worker != at.worker) continue;
        for (Ticks t = 0; t < std::max<Ticks>(one.until / kS, 1); ++t)
          ++used[static_cast<size_t>(t)];
      }
      for (const PlannedStart& one : plan.starts) {
        const bool first = one.job == world->waiting[0].job;
        if (one.worker != at.worker || one.job == at.job) continue;
        if (!first && jobs[one.job]->priority < jobs[at.job]->priority) continue;
        for (Ticks t = one.start / kS; t < (one.start + one.duration) / kS; ++t)
          used[static_cast<size_t>(t)] += jobs[one.job]->query + 1;
      }
      const int64_t wanted = jobs[at.job]->query + 1;
      const Ticks length = at.duration / kS;
      Ticks earliest = 0;
      for (Ticks t = 0; t < earliest + length; ++t) {
        if (used[static_cast<size_t>(t)] + wanted > 4) earliest = t + 1;
      }
      EXPECT_LE(at.start / kS, earliest) << "seed " << seed << ", job " << at.job;
    }
  }
}

// Each wanted something of its own, and every worker was asked for each: seconds and gigabytes.
TEST(JobPlan, WhatWouldTakeTooLongIsLeftToLaterPlans) {
  constexpr uint32_t kHosts = 10'000;
  constexpr uint32_t kJobs = 1'000;
  JobSnapshot world;
  world.hosts.resize(kHosts);
  for (uint32_t host = 0; host < kHosts; ++host) {
    world.hosts[host].worker = host;
    world.hosts[host].node.capacity[kSlots] = kJobs;
    world.hosts[host].node.free[kSlots] = kJobs;
  }
  for (uint32_t i = 0; i < kJobs; ++i) {
    world.queries.push_back({asks_for(1 + i), {}});
    WaitingJob& job = world.waiting.emplace_back();
    job.job = 1 + i;
    job.query = i;
    job.duration = kS;
  }
  const JobPlan plan = plan_jobs(std::make_unique<JobSnapshot>(world), 0);
  EXPECT_EQ(plan.fault, "");
  EXPECT_LT(plan.starts.size(), kJobs);
  EXPECT_GT(plan.starts.size(), kJobs / 2);
  EXPECT_TRUE(std::ranges::all_of(plan.starts, [&](const PlannedStart& start) {
    return start.job <= plan.starts.size();  // the front of the queue
  }));
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
