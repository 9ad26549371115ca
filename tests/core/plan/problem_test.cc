#include "core/plan/problem.h"

#include <gtest/gtest.h>

#include "core/plan/bounds.h"

namespace berth::core {
namespace {

constexpr Ticks kS = kTicksPerSecond;

/// Two workers of four cores, tasks of two cores and 10 s.
Problem two_workers(size_t tasks) {
  Problem problem;
  problem.resources = {"cpu"};
  problem.workers = {{"a", {4 * kAmountUnit}}, {"b", {4 * kAmountUnit}}};
  for (size_t i = 0; i < tasks; ++i) {
    Problem::Task task;
    task.id = "t" + std::to_string(i);
    task.demand = {2 * kAmountUnit};
    task.duration = 10 * kS;
    problem.tasks.push_back(task);
  }
  return problem;
}

TEST(ScheduleFault, NamesTheRuleThatIsBroken) {
  Problem problem = two_workers(3);
  problem.tasks[1].after = {0};
  problem.tasks[2].release = 5 * kS;
  problem.tasks[2].workers = {1};
  problem.tasks[2].deadline = 40 * kS;
  struct Case {
    const char* name;
    std::vector<Assigned> tasks;
    const char* fault;
  };
  const Case cases[] = {
      {"all is well", {{0, 0}, {0, 10 * kS}, {1, 5 * kS}}, ""},
      {"one is missing", {{0, 0}, {0, 10 * kS}}, "2 of 3 tasks are assigned"},
      {"no such worker", {{0, 0}, {7, 10 * kS}, {1, 5 * kS}}, "task t1 is on no worker"},
      {"before its release", {{0, 0}, {0, 10 * kS}, {1, 0}}, "task t2 starts before its release"},
      {"not allowed there", {{0, 0}, {0, 10 * kS}, {0, 5 * kS}}, "task t2 may not run on a"},
      {"before what it follows",
       {{0, 0}, {1, 9 * kS}, {1, 5 * kS}},
       "task t1 starts before t0 has ended"},
      {"too late",
       {{0, 0}, {0, 10 * kS}, {1, 31 * kS}},
       "task t2 starts too late for its deadline"},
  };
  for (const Case& one : cases)
    EXPECT_EQ(schedule_fault(problem, one.tasks), one.fault) << one.name;
}

TEST(ScheduleFault, CountsWhatRunsAtTheSameTime) {
  const Problem problem = two_workers(3);
  EXPECT_EQ(schedule_fault(problem, {{0, 0}, {0, 0}, {0, 10 * kS}}), "")
      << "one ends as one begins";
  EXPECT_EQ(
      schedule_fault(problem, {{0, 0}, {0, 0}, {0, 9 * kS}}),
      "worker a has too little cpu when task t2 starts");
}

TEST(ProblemFault, FindsWhatMakesItNoProblem) {
  Problem cycle = two_workers(3);
  cycle.tasks[0].after = {2};
  cycle.tasks[2].after = {0};
  EXPECT_EQ(problem_fault(cycle), "task t0 comes after itself, by way of the tasks it is after");
  Problem negative = two_workers(1);
  negative.tasks[0].demand = {-1};
  EXPECT_EQ(problem_fault(negative), "task t0 has a negative demand");
  EXPECT_EQ(problem_fault(two_workers(3)), "");
}

TEST(Unschedulable, NamesATaskThatNobodyCanRunInTime) {
  Problem large = two_workers(2);
  large.tasks[1].demand = {5 * kAmountUnit};
  EXPECT_EQ(
      unschedulable(large),
      "no worker can run task t1: it asks for cpu 5, and the most that a worker has which may run "
      "it is 4");
  Problem late = two_workers(2);
  late.tasks[1].after = {0};
  late.tasks[1].deadline = 19 * kS;
  EXPECT_EQ(unschedulable(late), "task t1 cannot end before 20 s, its deadline is 19 s");
  late.goal = Goal::WeightedTardiness;
  EXPECT_EQ(unschedulable(late), "") << "being late only costs";
}

TEST(LowerBound, IsTheLargestOfChainVolumeAndTasksThatExcludeEachOther) {
  EXPECT_EQ(makespan_bound(two_workers(8)), 20 * kS) << "volume: 8 x 2 cores x 10 s on 8 cores";
  Problem chain = two_workers(3);
  chain.tasks[1].after = {0};
  chain.tasks[2].after = {1};
  EXPECT_EQ(makespan_bound(chain), 30 * kS);
  Problem large = two_workers(5);
  for (Problem::Task& task : large.tasks)
    task.demand = {2 * kAmountUnit + 1};
  EXPECT_EQ(makespan_bound(large), 30 * kS) << "no two fit together: 5 tasks, 2 at a time";
}

TEST(WorkersUsed, MeansThatNobodyWaits) {
  Problem problem = two_workers(2);
  problem.goal = Goal::WorkersUsed;
  EXPECT_EQ(problem.latest_start(0, 0), 0) << "no deadline: at its release";
  problem.tasks[0].deadline = 25 * kS;
  EXPECT_EQ(problem.latest_start(0, 0), 15 * kS);
}

}  // namespace
}  // namespace berth::core
