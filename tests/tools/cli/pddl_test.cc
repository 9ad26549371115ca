#include "tools/cli/pddl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::cli {
namespace {

using core::kAmountUnit;
using core::kTicksPerSecond;
using testing::HasSubstr;
using testing::Not;

/// A worker on which something runs, and two tasks of which the second follows the first.
core::Problem small_problem() {
  core::Problem problem;
  problem.resources = {"cpu"};
  problem.workers = {{"gpu box", {4 * kAmountUnit}}};
  problem.busy = {{0, 7 * kTicksPerSecond, {kAmountUnit}}};
  core::Problem::Task first;
  first.id = "x";
  first.demand = {kAmountUnit / 2};
  first.duration = 10 * kTicksPerSecond;
  core::Problem::Task second = first;
  second.id = "y";
  second.after = {0};
  problem.tasks = {first, second};
  return problem;
}

/// Every parenthesis is closed, and none that was not open.
bool is_balanced(const std::string& text) {
  int depth = 0;
  for (char letter : text) {
    depth += letter == '(' ? 1 : letter == ')' ? -1 : 0;
    if (depth < 0) return false;
  }
  return depth == 0;
}

TEST(Pddl, HoldsWhatTheProblemHolds) {
  const Pddl pddl = to_pddl(small_problem());
  EXPECT_TRUE(is_balanced(pddl.domain)) << pddl.domain;
  EXPECT_TRUE(is_balanced(pddl.problem)) << pddl.problem;
  EXPECT_THAT(pddl.domain, HasSubstr("(:constants t0-x t1-y - task)"));
  EXPECT_THAT(pddl.domain, HasSubstr("(:durative-action run-t1-y"));
  EXPECT_THAT(pddl.domain, HasSubstr("(at start (done t0-x))"));
  EXPECT_THAT(pddl.domain, HasSubstr("(:durative-action end"));
  EXPECT_THAT(pddl.problem, HasSubstr("w0-gpu_box - worker"));
  EXPECT_THAT(pddl.problem, HasSubstr("(= (free-r0-cpu w0-gpu_box) 3.000000)"))
      << "without what runs there";
  EXPECT_THAT(pddl.problem, HasSubstr("(= (demand-r0-cpu t0-x) 0.500000)"));
  EXPECT_THAT(pddl.problem, HasSubstr("(= (takes t1-y w0-gpu_box) 10.000000)"));
  EXPECT_THAT(pddl.problem, HasSubstr("(= (left b0) 7.000000)"));
  EXPECT_THAT(pddl.problem, HasSubstr("(done t1-y)"));
  EXPECT_THAT(pddl.problem, HasSubstr("(:metric minimize (total-time))"));
}

TEST(Pddl, NamesTimesOnlyWhereThereAreSome) {
  core::Problem problem = small_problem();
  EXPECT_THAT(to_pddl(problem).domain, Not(HasSubstr("timed-initial-literals")));
  problem.tasks[0].release = 3 * kTicksPerSecond;
  problem.tasks[1].deadline = 60 * kTicksPerSecond;
  const Pddl pddl = to_pddl(problem);
  EXPECT_THAT(pddl.domain, HasSubstr("timed-initial-literals"));
  EXPECT_THAT(pddl.problem, HasSubstr("(at 3.000000 (released t0-x))"));
  EXPECT_THAT(pddl.problem, HasSubstr("(at 60.000000 (not (open t1-y)))"));
}

TEST(Pddl, ADeadlineThatOnlyCostsIsNoCondition) {
  core::Problem problem = small_problem();
  problem.goal = core::Goal::WeightedTardiness;
  problem.tasks[1].deadline = kTicksPerSecond;
  const Pddl pddl = to_pddl(problem);
  EXPECT_THAT(pddl.problem, Not(HasSubstr("(not (open")));
  EXPECT_THAT(pddl.problem, HasSubstr("; The objective was another"));
}

TEST(Pddl, APairThatMayNotRunIsNotThere) {
  core::Problem problem = small_problem();
  problem.workers.push_back({"small", {kAmountUnit / 4}});
  EXPECT_THAT(to_pddl(problem).problem, Not(HasSubstr("(may-run t0-x w1-small)")));
}

}  // namespace
}  // namespace berth::cli
