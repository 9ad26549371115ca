#include "core/plan/plan.h"

#include <map>

#include <gtest/gtest.h>

#include "tests/core/placement/naive.h"
#include "tests/core/placement/samples.h"

namespace berth::core {
namespace {

constexpr NameId kGpuTag{11};
constexpr NameId kSsdTag{12};
constexpr NameId kZoneA{13};
constexpr NameId kZoneB{14};

SnapshotWorker worker(uint32_t index, int32_t slots, int32_t free, std::vector<NameId> names = {}) {
  SnapshotWorker w;
  w.index = {index};
  w.generation = index + 100;
  w.node.capacity[0] = slots;
  w.node.free[0] = free;
  w.names = std::move(names);
  return w;
}

SnapshotTask task(uint64_t ticket, Query query = {}) {
  return {.ticket = ticket, .query = std::move(query)};
}

Query with_policy(wire::Policy policy) {
  Query query;
  query.policy = policy;
  return query;
}

Plan plan(const Snapshot& snapshot, Budget budget = {}, uint64_t seed = 1) {
  Rng rng(seed);
  return make_plan(snapshot, budget, rng);
}

/// Ticket to worker, for tasks that were placed.
std::map<uint64_t, uint32_t> places(const Plan& plan) {
  std::map<uint64_t, uint32_t> places;
  for (const PlannedTask& planned : plan.assignments)
    places[planned.ticket] = planned.worker.value;
  return places;
}

using Places = std::map<uint64_t, uint32_t>;

TEST(Plan, EachPolicyChoosesItsOwnWorker) {
  struct Case {
    wire::Policy policy;
    uint32_t expected;
  };
  const Case cases[] = {
      {wire::Policy::LeastLoaded, 2},  // 2 of 10 used
      {wire::Policy::Pack, 1},         // 3 of 4 used
      {wire::Policy::BestFit, 1},      // 1 slot left
      {wire::Policy::Spread, 3},       // 1 task
  };
  for (const Case& c : cases) {
    Snapshot snapshot;
    snapshot.workers = {worker(1, 4, 1), worker(2, 10, 8), worker(3, 3, 2)};
    snapshot.tasks = {task(7, with_policy(c.policy))};
    EXPECT_EQ(places(plan(snapshot)), (Places{{7, c.expected}}))
        << "policy " << static_cast<int>(c.policy);
  }
}

TEST(Plan, TasksSeeWhatTheTasksBeforeThemHaveLeft) {
  Snapshot snapshot;
  snapshot.plan_id = 5;
  snapshot.workers = {worker(1, 2, 2), worker(2, 1, 1)};
  for (uint64_t ticket = 1; ticket <= 4; ++ticket)
    snapshot.tasks.push_back(task(ticket));
  Plan made = plan(snapshot);
  EXPECT_EQ(made.plan_id, 5u);
  EXPECT_TRUE(made.complete);
  EXPECT_EQ(made.tried, 4u);
  Places placed = places(made);
  EXPECT_EQ(placed.size(), 3u);
  EXPECT_FALSE(placed.contains(4)) << "the last in the queue goes without";
  for (const PlannedTask& planned : made.assignments) {
    EXPECT_EQ(planned.generation, planned.worker.value + 100);
  }
}

TEST(Plan, NamesMustBeAsTheQueryAsks) {
  Snapshot snapshot;
  snapshot.workers = {
      worker(1, 9, 9), worker(2, 9, 9, {kGpuTag}), worker(3, 9, 9, {kGpuTag, kSsdTag})};
  Query both;
  both.all = {kGpuTag, kSsdTag};
  Query not_ssd;
  not_ssd.all = {kGpuTag};
  not_ssd.none = {kSsdTag};
  Query neither;
  neither.none = {kSsdTag, kGpuTag};
  Query ssd_or_unknown;
  ssd_or_unknown.any = {{NameId{}, kSsdTag}};
  Query unknown;
  unknown.all = {NameId{}};
  snapshot.tasks = {
      task(1, both), task(2, not_ssd), task(3, neither), task(4, ssd_or_unknown), task(5, unknown)};
  EXPECT_EQ(places(plan(snapshot)), (Places{{1, 3}, {2, 2}, {3, 1}, {4, 3}}));
}

TEST(Plan, ASuspiciousWorkerIsTheLastResort) {
  Snapshot snapshot;
  snapshot.workers = {worker(1, 10, 10), worker(2, 10, 1)};
  snapshot.workers[0].suspicious = true;
  snapshot.tasks = {task(1), task(2)};
  EXPECT_EQ(places(plan(snapshot)), (Places{{1, 2}, {2, 1}}));
}

TEST(Plan, ExcludedWorkersAreNotUsed) {
  Snapshot snapshot;
  snapshot.workers = {worker(1, 10, 10), worker(2, 10, 1)};
  snapshot.tasks = {task(1)};
  snapshot.tasks[0].excluded = {WorkerIndex{1}};
  EXPECT_EQ(places(plan(snapshot)), (Places{{1, 2}}));
}

TEST(Plan, SpreadingByALabelTakesItsLeastLoadedValueFirst) {
  Snapshot snapshot;
  // Zone A has 8 of 20 slots used, zone B 3 of 4; the emptiest worker has no zone.
  snapshot.workers = {
      worker(1, 10, 2, {kZoneA}),
      worker(2, 10, 10, {kZoneA}),
      worker(3, 4, 1, {kZoneB}),
      worker(4, 50, 50)};
  Query query;
  query.spread = true;
  query.spread_by = {20};
  snapshot.tasks = {task(1, query)};
  EXPECT_TRUE(plan(snapshot).assignments.empty()) << "no worker has a label with this key";
  snapshot.tasks[0].spread_labels = {kZoneA, kZoneB};
  EXPECT_EQ(places(plan(snapshot)), (Places{{1, 2}}));
  snapshot.workers[0].node.free[0] = 0;
  snapshot.workers[1].node.free[0] = 0;
  EXPECT_EQ(places(plan(snapshot)), (Places{{1, 3}})) << "a value without room is passed over";
}

TEST(Plan, FgdPutsAFractionWhereItHurtsTheTypicalTasksLeast) {
  Snapshot snapshot;
  snapshot.workers = {worker(1, 10, 10), worker(2, 10, 10)};
  snapshot.workers[0].node = samples::node_with_gpus({1000, 1000});
  snapshot.workers[1].node = samples::node_with_gpus({1000, 400});
  snapshot.typical = {{samples::gpu_task(2, 1000), 1}};
  Query query = with_policy(wire::Policy::Fgd);
  query.demand = samples::gpu_task(1, 300);
  snapshot.tasks = {task(1, query)};
  Plan made = plan(snapshot);
  ASSERT_EQ(places(made), (Places{{1, 2}}));
  EXPECT_EQ(made.assignments[0].gpus, 0b10);
}

TEST(Plan, AnExhaustedBudgetSaysHowFarItCame) {
  Snapshot snapshot;
  snapshot.workers = {worker(1, 10, 10), worker(2, 10, 10)};
  for (uint64_t ticket = 1; ticket <= 5; ++ticket)
    snapshot.tasks.push_back(task(ticket));
  Plan made = plan(snapshot, {.steps = 7});
  EXPECT_FALSE(made.complete);
  EXPECT_EQ(made.tried, 3u);
  EXPECT_EQ(made.assignments.size(), 3u);
  EXPECT_LE(made.steps, 7u);
  EXPECT_EQ(plan(snapshot, {.steps = 0}).tried, 0u);
}

TEST(Plan, TheLikeOfAHopelessTaskCostsNothing) {
  Snapshot snapshot;
  snapshot.workers = {worker(1, 1, 0)};
  for (uint64_t ticket = 1; ticket <= 1'000; ++ticket)
    snapshot.tasks.push_back(task(ticket));
  Plan made = plan(snapshot);
  EXPECT_TRUE(made.assignments.empty());
  EXPECT_TRUE(made.complete);
  EXPECT_EQ(made.steps, 1u);
}

TEST(Plan, IsTheSameForTheSameSeed) {
  Snapshot snapshot;
  for (uint32_t i = 0; i < 50; ++i)
    snapshot.workers.push_back(worker(i, 4, 4));
  for (uint64_t ticket = 1; ticket <= 30; ++ticket)
    snapshot.tasks.push_back(task(ticket));
  EXPECT_EQ(places(plan(snapshot, {}, 3)), places(plan(snapshot, {}, 3)));
  EXPECT_NE(places(plan(snapshot, {}, 3)), places(plan(snapshot, {}, 4))) << "equals are shuffled";
}

Snapshot random_snapshot(Rng& rng) {
  Snapshot snapshot;
  uint32_t count = static_cast<uint32_t>(rng.below(20));
  for (uint32_t i = 0; i < count; ++i) {
    SnapshotWorker w = worker(i, 0, 0);
    w.node = naive::random_node(rng, 2);
    w.suspicious = rng.below(5) == 0;
    for (uint32_t name = 50; name < 54; ++name) {
      if (rng.below(2) == 0) w.names.push_back({name});
    }
    snapshot.workers.push_back(std::move(w));
  }
  std::vector<Query> queries;
  for (int i = 0; i < 6; ++i) {
    Query query = with_policy(static_cast<wire::Policy>(rng.below(wire::kPolicyCount)));
    query.demand = naive::random_demand(rng, 2);
    for (uint32_t name = 50; name < 54; ++name) {
      uint64_t kind = rng.below(12);
      if (kind == 0) query.all.push_back({name});
      if (kind == 1) query.none.push_back({name});
      if (kind == 2) query.any.push_back({{name}, {50}});
    }
    query.spread = rng.below(6) == 0;
    queries.push_back(query);
    snapshot.typical.push_back({naive::random_demand(rng, 2), 1});
  }
  for (uint64_t ticket = 1; ticket <= 60; ++ticket) {
    snapshot.tasks.push_back(task(ticket, queries[rng.below(queries.size())]));
    if (snapshot.tasks.back().query.spread) snapshot.tasks.back().spread_labels = {{52}, {53}};
  }
  return snapshot;
}

bool may_run(const SnapshotWorker& worker, const NodeState& node, const SnapshotTask& task) {
  auto has = [&](NameId name) {
    return std::find(worker.names.begin(), worker.names.end(), name) != worker.names.end();
  };
  if (task.query.spread && !has({52}) && !has({53})) return false;
  for (NameId name : task.query.all) {
    if (!has(name)) return false;
  }
  for (NameId name : task.query.none) {
    if (has(name)) return false;
  }
  for (const NameIds& group : task.query.any) {
    if (std::none_of(group.begin(), group.end(), has)) return false;
  }
  return naive::fits(node, task.query.demand);
}

/// Whether some worker has room for the task, and whether one that is not suspicious has.
struct Room {
  bool any = false;
  bool online = false;
};

Room room_for(
    const SnapshotTask& task, const Snapshot& snapshot, const std::vector<NodeState>& nodes) {
  Room room;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!may_run(snapshot.workers[i], nodes[i], task)) continue;
    room.any = true;
    room.online = room.online || !snapshot.workers[i].suspicious;
  }
  return room;
}

// Replays the plan in its own order: each task must fit where it goes, and one that was left out
// must fit nowhere.
TEST(Plan, NeverOverbooksAndLeavesOutOnlyWhatFitsNowhere) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Rng rng(seed);
    Snapshot snapshot = random_snapshot(rng);
    Plan made = plan(snapshot, {}, seed);
    ASSERT_TRUE(made.complete);
    std::vector<NodeState> nodes;
    for (const SnapshotWorker& w : snapshot.workers)
      nodes.push_back(w.node);
    std::map<uint64_t, const SnapshotTask*> left_out;
    for (const SnapshotTask& t : snapshot.tasks)
      left_out[t.ticket] = &t;
    for (const PlannedTask& to : made.assignments) {
      ASSERT_TRUE(left_out.contains(to.ticket)) << "once; seed " << seed;
      const SnapshotTask& t = *left_out[to.ticket];
      left_out.erase(to.ticket);
      size_t at = to.worker.value;
      ASSERT_TRUE(may_run(snapshot.workers[at], nodes[at], t)) << "seed " << seed;
      // With a label to spread by, the value is chosen first and may have suspicious workers only.
      if (!t.query.spread) {
        ASSERT_EQ(snapshot.workers[at].suspicious, !room_for(t, snapshot, nodes).online) << seed;
      }
      ASSERT_EQ(__builtin_popcount(to.gpus), t.query.demand.gpu_count) << "seed " << seed;
      take(nodes[at], t.query.demand, to.gpus);
    }
    for (const auto& [ticket, t] : left_out) {
      ASSERT_FALSE(room_for(*t, snapshot, nodes).any) << "seed " << seed << " task " << ticket;
    }
  }
}

TEST(Plan, OnlyNeighboursOfOnePriorityThatAskForFgdChangeTheirOrder) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    Snapshot snapshot = random_snapshot(rng);
    std::map<uint64_t, uint64_t> batch_of;
    for (SnapshotTask& t : snapshot.tasks) {
      t.priority = 6 - static_cast<int32_t>(t.ticket / 10);
      bool together = t.query.policy == wire::Policy::Fgd && !t.query.spread && !batch_of.empty() &&
                      &t != &snapshot.tasks.front();
      const SnapshotTask& before = *(&t - (together ? 1 : 0));
      together = together && before.query.policy == wire::Policy::Fgd && !before.query.spread &&
                 before.priority == t.priority;
      batch_of[t.ticket] = together ? batch_of[t.ticket - 1] : t.ticket;
    }
    uint64_t last = 0;
    for (const PlannedTask& to : plan(snapshot, {}, seed).assignments) {
      ASSERT_GE(batch_of[to.ticket], last) << "seed " << seed << " task " << to.ticket;
      last = batch_of[to.ticket];
    }
  }
}

/// Two devices on each of two nodes; halves first would leave no whole node for the pair.
Snapshot pair_behind_halves() {
  Snapshot snapshot;
  snapshot.workers = {worker(1, 10, 10), worker(2, 10, 10)};
  for (SnapshotWorker& w : snapshot.workers)
    w.node = samples::node_with_gpus({1000, 1000});
  snapshot.typical = {{samples::gpu_task(1, 1000), 1}};
  for (uint64_t ticket = 1; ticket <= 4; ++ticket) {
    Query query = with_policy(wire::Policy::Fgd);
    query.demand = ticket == 4 ? samples::gpu_task(2, 1000) : samples::gpu_task(1, 1000);
    snapshot.tasks.push_back(task(ticket, query));
  }
  return snapshot;
}

TEST(Plan, OfABatchThatDoesNotFitWholeWhatUsesMostDevicesIsPlaced) {
  Snapshot snapshot = pair_behind_halves();
  const Places placed = places(plan(snapshot));
  EXPECT_TRUE(placed.contains(1)) << "who stands first is never passed over";
  EXPECT_EQ(placed.size(), 3u) << "four devices: one of the single ones has to wait";
  EXPECT_TRUE(placed.contains(4)) << "the pair goes before a single one";
}

TEST(Plan, TasksOfHigherPriorityAreNotPassedOverByABatch) {
  Snapshot snapshot = pair_behind_halves();
  for (size_t i = 0; i < 3; ++i)
    snapshot.tasks[i].priority = 1;
  const Places placed = places(plan(snapshot));
  EXPECT_TRUE(placed.contains(1) && placed.contains(2) && placed.contains(3));
}

TEST(Plan, WithoutTheStepsToLookAheadTasksAreTriedOneByOne) {
  Snapshot snapshot = pair_behind_halves();
  Plan made = plan(snapshot, {.steps = 7});
  EXPECT_FALSE(made.complete);
  EXPECT_EQ(made.tried, 3u);
  EXPECT_LE(made.steps, 7u);
}

}  // namespace
}  // namespace berth::core
