#include "core/plan/engine/engine.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "core/plan/bounds.h"
#include "core/plan/engine/decoder.h"
#include "core/plan/engine/solver.h"

namespace berth::core {
namespace {

constexpr Ticks kS = kTicksPerSecond;

/// What a random problem has, beside tasks that need something of two resources.
struct Shape {
  const char* name;
  Goal goal = Goal::Makespan;
  uint32_t tasks = 5;
  uint32_t workers = 2;
  bool chains = false;
  bool releases = false;
  bool deadlines = false;
  bool by_worker = false;  ///< durations
  bool exclusive = false;  ///< one task at a time
  bool fixed = false;      ///< one worker each
  bool at_once = false;    ///< equal durations
};

constexpr Shape kShapes[] = {
    {.name = "two resources"},
    {.name = "chains", .chains = true},
    {.name = "releases and chains", .chains = true, .releases = true},
    {.name = "unrelated machines", .workers = 3, .by_worker = true, .exclusive = true},
    {.name = "durations by worker", .chains = true, .by_worker = true},
    {.name = "job shop", .workers = 3, .chains = true, .exclusive = true, .fixed = true},
    {.name = "bins", .goal = Goal::WorkersUsed, .workers = 3, .at_once = true},
    {.name = "few workers, deadlines",
     .goal = Goal::WorkersUsed,
     .releases = true,
     .deadlines = true},
    {.name = "tardiness", .goal = Goal::WeightedTardiness, .releases = true, .deadlines = true},
    {.name = "tardiness, chains",
     .goal = Goal::WeightedTardiness,
     .chains = true,
     .deadlines = true},
    {.name = "hard deadlines", .deadlines = true},
    {.name = "one at a time, releases", .releases = true, .exclusive = true},
    {.name = "unrelated machines, releases",
     .workers = 3,
     .releases = true,
     .by_worker = true,
     .exclusive = true},
    {.name = "one at a time, tardiness",
     .goal = Goal::WeightedTardiness,
     .deadlines = true,
     .exclusive = true},
    {.name = "unrelated machines, tardiness",
     .goal = Goal::WeightedTardiness,
     .releases = true,
     .deadlines = true,
     .by_worker = true,
     .exclusive = true},
};

Problem random_problem(const Shape& shape, uint64_t seed) {
  Rng rng(seed);
  Problem problem;
  problem.goal = shape.goal;
  problem.resources = {"cpu", "mem"};
  const bool alike = rng.below(2) == 0;
  for (uint32_t i = 0; i < shape.workers; ++i) {
    const Amount cpu = alike ? 4 : 3 + static_cast<Amount>(rng.below(3));
    problem.workers.push_back({"w" + std::to_string(i), {cpu * kAmountUnit, 4 * kAmountUnit}});
  }
  for (uint32_t i = 0; i < shape.tasks; ++i) {
    Problem::Task task;
    task.id = "t" + std::to_string(i);
    const auto cpu = static_cast<Amount>(1 + rng.below(3));
    const auto mem = static_cast<Amount>(rng.below(4));
    task.demand = {cpu * kAmountUnit, mem * kAmountUnit};
    if (shape.exclusive) task.demand = {3 * kAmountUnit, 0};
    task.duration = static_cast<Ticks>(1 + rng.below(9)) * kS;
    if (shape.at_once) task.duration = kS;
    if (shape.releases) task.release = static_cast<Ticks>(rng.below(6)) * kS;
    if (shape.deadlines) {
      task.deadline = task.release + task.duration + static_cast<Ticks>(rng.below(8)) * kS;
    }
    task.weight = 1 + static_cast<double>(rng.below(3));
    for (uint32_t before = 0; before < i && shape.chains; ++before) {
      if (rng.below(4) == 0) task.after.push_back(before);
    }
    for (uint32_t worker = 0; worker < shape.workers && shape.by_worker; ++worker) {
      const bool able = worker == 0 || rng.below(5) != 0;
      task.durations.push_back(able ? static_cast<Ticks>(1 + rng.below(9)) * kS : kNever);
    }
    if (shape.fixed) task.workers = {static_cast<uint32_t>(rng.below(shape.workers))};
    problem.tasks.push_back(task);
  }
  return problem;
}

/// Every order on every choice of workers, decoded: among them is a best schedule. Null: there is
/// none at all.
std::unique_ptr<Schedule> brute_force(const Problem& problem) {
  Decoder decoder(problem);
  std::unique_ptr<Schedule> best;
  Schedule schedule;
  const size_t tasks = problem.tasks.size();
  std::vector<uint32_t> order(tasks);
  std::iota(order.begin(), order.end(), 0);
  do {
    std::vector<uint32_t> at(tasks);
    for (size_t i = 0; i < tasks; ++i)
      at[order[i]] = static_cast<uint32_t>(i);
    bool allowed = true;
    for (uint32_t task = 0; task < tasks; ++task) {
      for (uint32_t before : problem.tasks[task].after)
        allowed = allowed && at[before] < at[task];
    }
    std::vector<uint32_t> where(tasks);
    for (bool more = allowed; more;) {
      bool able = true;
      for (uint32_t task = 0; task < tasks; ++task)
        able = able && problem.duration_on(task, where[task]) < kNever;
      if (able && decoder.decode(order, where, schedule) &&
          (best == nullptr || schedule.cost < best->cost)) {
        best = std::make_unique<Schedule>(schedule);
      }
      size_t i = 0;
      while (i < tasks && ++where[i] == problem.workers.size())
        where[i++] = 0;
      more = i < tasks;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

constexpr EngineChoice kChoices[] = {
    EngineChoice::Auto, EngineChoice::Greedy, EngineChoice::Exact, EngineChoice::Anytime};

/// Until it is done, or for so many steps.
void run(Engine& engine, uint64_t steps) {
  for (uint64_t done = 0; done < steps && engine.advance(10'000); done += 10'000) {}
}

TEST(Engines, TheExactOneFindsWhatTryingEverythingFinds) {
  for (const Shape& shape : kShapes) {
    for (uint64_t seed = 1; seed <= 25; ++seed) {
      SCOPED_TRACE(std::string(shape.name) + ", seed " + std::to_string(seed));
      const Problem problem = random_problem(shape, seed);
      if (!unschedulable(problem).empty()) continue;
      const std::unique_ptr<Schedule> best = brute_force(problem);
      const auto engine = make_engine(problem, EngineChoice::Exact, Rng(seed));
      run(*engine, 50'000'000);
      if (best == nullptr) {
        EXPECT_EQ(engine->best(), nullptr);
        EXPECT_EQ(engine->bound(), std::numeric_limits<double>::infinity());
        continue;
      }
      EXPECT_LE(lower_bound(problem), best->cost) << "a bound above the optimum";
      ASSERT_NE(engine->best(), nullptr);
      EXPECT_TRUE(engine->proved());
      EXPECT_EQ(engine->best()->cost, best->cost);
    }
  }
}

TEST(Engines, MakeSchedulesThatKeepEveryRuleAndCostWhatTheySay) {
  for (Shape shape : kShapes) {
    for (uint32_t tasks : {1u, 2u, 12u, 18u}) {
      shape.tasks = tasks;
      for (EngineChoice choice : kChoices) {
        const Problem problem = random_problem(shape, tasks);
        if (!unschedulable(problem).empty()) continue;
        const auto engine = make_engine(problem, choice, Rng(1));
        run(*engine, 300'000);
        if (engine->best() == nullptr) continue;  // hard deadlines may allow none
        SCOPED_TRACE(std::string(shape.name) + ", " + std::to_string(tasks) + " tasks");
        EXPECT_EQ(schedule_fault(problem, engine->best()->tasks), "");
        EXPECT_EQ(engine->best()->cost, cost_of(problem, engine->best()->tasks));
        EXPECT_GE(engine->best()->cost, lower_bound(problem));
        EXPECT_LE(engine->bound(), engine->best()->cost);
      }
    }
  }
}

TEST(Engines, GiveTheSameHoweverTheirStepsAreCutUp) {
  for (Shape shape : kShapes) {
    shape.tasks = 14;
    const Problem problem = random_problem(shape, 3);
    if (!unschedulable(problem).empty()) continue;
    const auto whole = make_engine(problem, EngineChoice::Anytime, Rng(5));
    const auto pieces = make_engine(problem, EngineChoice::Anytime, Rng(5));
    (void)whole->advance(200'000);
    for (int i = 0; i < 200; ++i)
      (void)pieces->advance(1'000);
    ASSERT_EQ(whole->best() == nullptr, pieces->best() == nullptr) << shape.name;
    if (whole->best() == nullptr) continue;
    EXPECT_EQ(whole->best()->cost, pieces->best()->cost) << shape.name;
    for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
      EXPECT_EQ(whole->best()->tasks[task].worker, pieces->best()->tasks[task].worker)
          << shape.name;
      EXPECT_EQ(whole->best()->tasks[task].start, pieces->best()->tasks[task].start) << shape.name;
    }
  }
}

TEST(Engines, OnlyGetBetterAndAreNeverWorseThanWhatTheyWereGiven) {
  for (Shape shape : kShapes) {
    shape.tasks = 16;
    const Problem problem = random_problem(shape, 9);
    if (!unschedulable(problem).empty()) continue;
    const auto first = make_engine(problem, EngineChoice::Anytime, Rng(1));
    double cost = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 30; ++i) {
      (void)first->advance(10'000);
      if (first->best() == nullptr) continue;
      EXPECT_LE(first->best()->cost, cost) << shape.name;
      cost = first->best()->cost;
    }
    if (first->best() == nullptr) continue;
    const Schedule seed = *first->best();
    for (EngineChoice choice : kChoices) {
      const auto next = make_engine(problem, choice, Rng(2), &seed);
      ASSERT_NE(next->best(), nullptr) << shape.name;
      EXPECT_LE(next->best()->cost, seed.cost) << shape.name;
    }
  }
}

TEST(Engines, AreChosenByWhatTheProblemHas) {
  const std::pair<const char*, const char*> cases[] = {
      {"unrelated machines", "loads"},
      {"bins", "bins"},
      {"job shop", "machines"},
      {"chains", "order"},
      {"tardiness", "order"},
  };
  for (const auto& [name, search] : cases) {
    for (const Shape& shape : kShapes) {
      if (std::string_view(shape.name) == name) {
        EXPECT_EQ(search_name(random_problem(shape, 1)), search) << name;
      }
    }
  }
  Shape large = kShapes[0];
  large.tasks = 1'000;
  EXPECT_EQ(search_name(random_problem(large, 1)), "parts");
}

TEST(PartitionSearch, KeepsTheRulesAcrossParts) {
  Shape shape = kShapes[1];
  shape.tasks = 600;
  shape.workers = 12;
  Problem problem = random_problem(shape, 4);
  // Chains of a few tasks each, across all parts.
  for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
    problem.tasks[task].after.clear();
    if (task % 3 != 0) problem.tasks[task].after = {task - 1};
  }
  ASSERT_EQ(search_name(problem), "parts");
  const auto engine = make_search(problem, Rng(1));
  const double first = engine->best()->cost;
  run(*engine, 3'000'000);
  EXPECT_EQ(schedule_fault(problem, engine->best()->tasks), "");
  EXPECT_EQ(engine->best()->cost, cost_of(problem, engine->best()->tasks));
  EXPECT_LE(engine->best()->cost, first);
}

TEST(Decoder, JustifyingKeepsTheRulesAndIsNeverLonger) {
  Shape shape = kShapes[1];
  shape.tasks = 12;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Problem problem = random_problem(shape, seed);
    Decoder decoder(problem);
    Schedule before;
    ASSERT_TRUE(decoder.decode(topological_order(problem), {}, before));
    const auto justified = decoder.justified(before);
    const std::vector<uint32_t> order(justified.begin(), justified.end());
    std::vector<uint32_t> where;
    for (const Assigned& at : before.tasks)
      where.push_back(at.worker);
    Schedule after;
    ASSERT_TRUE(decoder.decode(order, where, after));
    EXPECT_EQ(schedule_fault(problem, after.tasks), "") << "seed " << seed;
    EXPECT_LE(after.cost, before.cost) << "seed " << seed;
  }
}

}  // namespace
}  // namespace berth::core
