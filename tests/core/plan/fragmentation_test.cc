// What a plan leaves that nobody can use.

#include "core/plan/fragmentation.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/plan/engine/decoder.h"
#include "core/plan/engine/solver.h"

namespace berth::core {
namespace {

constexpr Ticks kS = kTicksPerSecond;

/// A worker of 8 cores and 4 GPUs, one of 8 cores alone; half of the tasks want a core and two
/// GPUs, half want four cores.
Problem two_kinds() {
  Problem problem;
  problem.resources = {"cpu", "gpu"};
  problem.workers = {{"gpus", {8, 4}}, {"cores", {8, 0}}};
  problem.leftovers.typical = {{{1, 2}, 0.5}, {{4, 0}, 0.5}};
  problem.leftovers.window = 10 * kS;
  problem.leftovers.price = 1;
  return problem;
}

TEST(Fragmentation, IsWhatTypicalTasksCannotUse) {
  const Problem problem = two_kinds();
  const Fragmentation fragmentation(problem);
  ASSERT_TRUE(fragmentation.counts());
  struct Case {
    const char* name;
    uint32_t worker;
    std::vector<Amount> free;
    int64_t millionths;
  };
  const Case cases[] = {
      {"both kinds fit on an empty one", 0, {8, 4}, 0},
      {"nothing is left", 0, {0, 0}, 0},
      {"one GPU is not two: all that is left is lost to half of them", 0, {8, 1}, 312'500},
      {"no core is left for the GPUs", 0, {0, 4}, 500'000},
      {"too few cores for one half, enough for the other", 0, {2, 2}, 187'500},
      {"one without GPUs is of use to the other half alone", 1, {8, 0}, 500'000},
      {"a bit less is lost once some of it is taken", 1, {4, 0}, 250'000},
      {"and all of it if nobody fits any more", 1, {3, 0}, 375'000},
  };
  for (const Case& c : cases)
    EXPECT_EQ(fragmentation.of(c.worker, c.free), c.millionths) << c.name;
}

TEST(Fragmentation, IsNotCountedWhereNothingIsTypical) {
  Problem problem = two_kinds();
  problem.leftovers = {};
  EXPECT_FALSE(Fragmentation(problem).counts());
  EXPECT_EQ(fragmentation_of(problem, {}), 0);
}

TEST(Fragmentation, RanksWorkersByWhatATaskTakesFromTheOthers) {
  const Problem problem = two_kinds();
  const Fragmentation fragmentation(problem);
  struct Case {
    const char* name;
    std::vector<Amount> demand;
    std::pair<uint32_t, std::vector<Amount>> better;
    std::pair<uint32_t, std::vector<Amount>> worse;
  };
  const Case cases[] = {
      {"one GPU from where only one is left", {1, 1}, {0, {8, 1}}, {0, {8, 2}}},
      {"from three rather than from two", {1, 1}, {0, {8, 3}}, {0, {8, 2}}},
      {"cores from a worker without GPUs", {4, 0}, {1, {8, 0}}, {0, {4, 4}}},
      {"of equals the fuller one", {1, 0}, {0, {6, 4}}, {0, {8, 4}}},
  };
  for (const Case& c : cases) {
    EXPECT_LT(
        fragmentation.rank(c.better.first, c.better.second, c.demand),
        fragmentation.rank(c.worse.first, c.worse.second, c.demand))
        << c.name;
  }
}

/// Whole seconds, so that it can be counted second by second.
Problem random_problem(Rng& rng) {
  Problem problem;
  problem.goal = static_cast<Goal>(rng.below(4));
  problem.resources = {"a", "b"};
  const uint64_t workers = 1 + rng.below(80);
  for (uint32_t i = 0; i < workers; ++i) {
    const auto b = static_cast<Amount>(rng.below(4));
    problem.workers.push_back({"w", {static_cast<Amount>(2 + rng.below(6)), b}});
    if (rng.below(2) == 0) continue;
    const auto from = static_cast<Ticks>(rng.below(5)) * kS;
    problem.busy.push_back({i, from + static_cast<Ticks>(1 + rng.below(30)) * kS, {1, 0}, from});
  }
  const uint64_t tasks = 1 + rng.below(20);
  for (uint64_t i = 0; i < tasks; ++i) {
    Problem::Task task;
    task.demand = {static_cast<Amount>(rng.below(2)), 0};
    if (problem.workers[0].capacity[1] > 0) task.demand[1] = static_cast<Amount>(rng.below(2));
    task.duration = static_cast<Ticks>(1 + rng.below(20)) * kS;
    if (problem.goal == Goal::WorkersUsed) task.deadline = 10'000 * kS;
    problem.tasks.push_back(std::move(task));
  }
  problem.leftovers = leftovers_of(problem, 0.5);
  problem.leftovers.window = static_cast<Ticks>(1 + rng.below(60)) * kS;
  return problem;
}

/// Of a worker, by what is free in each second.
int64_t counted(const Problem& problem, const Schedule& schedule, uint32_t worker) {
  const Fragmentation fragmentation(problem);
  int64_t sum = 0;
  for (Ticks at = 0; at < problem.leftovers.window; at += kS) {
    std::vector<Amount> free = problem.workers[worker].capacity;
    const auto take = [&](uint32_t where, Ticks from, Ticks until, const auto& demand) {
      for (size_t r = 0; where == worker && from <= at && at < until && r < free.size(); ++r)
        free[r] -= demand[r];
    };
    for (const Problem::Busy& one : problem.busy)
      take(one.worker, one.from, one.until, one.demand);
    for (size_t i = 0; i < problem.tasks.size(); ++i) {
      const auto [where, start] = schedule.tasks[i];
      take(where, start, start + problem.tasks[i].duration, problem.tasks[i].demand);
    }
    sum += fragmentation.of(worker, free);
  }
  return sum * kS / problem.leftovers.window;
}

TEST(Fragmentation, OfAScheduleIsWhatCountingSecondsSays) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const Problem problem = random_problem(rng);
    std::vector<uint32_t> order(problem.tasks.size());
    std::iota(order.begin(), order.end(), 0);
    Schedule schedule;
    Decoder decoder(problem);
    // What the first left behind must not be in the second.
    for (int again = 0; again < 2; ++again)
      (void)decoder.decode(order, {}, schedule);
    int64_t all = 0;
    for (uint32_t worker = 0; worker < problem.workers.size(); ++worker)
      all += counted(problem, schedule, worker);
    EXPECT_EQ(fragmentation_of(problem, schedule.tasks), all);
    EXPECT_EQ(schedule.cost, cost_of(problem, schedule.tasks));
    const double share =
        static_cast<double>(all) / 1e6 / static_cast<double>(problem.workers.size());
    EXPECT_NEAR(schedule.cost - goal_cost(problem, schedule.tasks), 0.5 * share, 1e-6);
    EXPECT_LE(share, 1);
  }
}

// A part's cost is not the whole's: what is left of the other workers has to stay in the sum.
TEST(Fragmentation, IsInTheCostThatEverySearchAnswersWith) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    Problem problem = random_problem(rng);
    const Problem::Task task = problem.tasks.front();
    if (seed % 2 == 0) {
      while (problem.tasks.size() < 450) {
        problem.tasks.push_back(task);
        problem.tasks.back().duration = static_cast<Ticks>(1 + rng.below(20)) * kS;
      }
    }
    const auto engine = make_engine(problem, EngineChoice::Auto, Rng(seed));
    ASSERT_NE(engine->best(), nullptr);
    const double first = engine->best()->cost;
    (void)engine->advance(2'000'000);
    EXPECT_LE(engine->best()->cost, first);
    EXPECT_LE(engine->bound(), engine->best()->cost);
    EXPECT_EQ(schedule_fault(problem, engine->best()->tasks), "");
    EXPECT_EQ(engine->best()->cost, cost_of(problem, engine->best()->tasks));
  }
}

}  // namespace
}  // namespace berth::core
