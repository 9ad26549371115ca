#include "tools/cli/plan_problem.h"

#include <gtest/gtest.h>

namespace berth::cli {
namespace {

/// One worker and one task, with `rest` in the task.
std::string with_task(const std::string& rest) {
  return R"({"objective": "makespan", "workers": [{"id": "a", "capacity": {"cpu": 2}}],)"
         R"("tasks": [{"id": "t", "duration_s": 1)" +
         rest + "}]}";
}

std::string fault_of(const std::string& text) {
  core::Problem problem;
  std::string fault;
  const bool read = read_problem(text, problem, fault);
  EXPECT_EQ(read, fault.empty()) << text;
  return fault;
}

TEST(PlanProblem, EveryBadValueIsNamedWithItsPlace) {
  struct Case {
    const char* rest;
    const char* fault;
  };
  const Case cases[] = {
      {"", ""},
      {R"(, "demand": [])", "tasks[0].demand is [], an object was expected"},
      {R"(, "demand": {"cpu": "2"})", "tasks[0].demand.cpu is \"2\", a number was expected"},
      {R"(, "demand": {"cpu": -1})",
       "tasks[0].demand.cpu is -1, it has to be from 0 to 1000000000.0"},
      {R"(, "demand": {"cpu": 1e10})",
       "tasks[0].demand.cpu is 10000000000.0, it has to be from 0 to 1000000000.0"},
      {R"(, "release_s": true)", "tasks[0].release_s is true, a number was expected"},
      {R"(, "deadline_s": {})", "tasks[0].deadline_s is {}, a number was expected"},
      {R"(, "after": "t")", "tasks[0].after is \"t\", a list was expected"},
      {R"(, "after": [7])", "tasks[0].after names 7, which is no task"},
      {R"(, "workers": ["b"])", "tasks[0].workers names \"b\", which is no worker"},
      {R"(, "durations": 1)",
       "tasks[0] has an unknown key 'durations'; did you mean 'duration_s'?"},
      {R"(, "weight": [[[[[[[[1]]]]]]]])",
       "the file is no JSON problem: at byte 129 it nests more than 8 deep; a problem has lists "
       "of workers and tasks"},
  };
  for (const Case& one : cases)
    EXPECT_EQ(fault_of(with_task(one.rest)), one.fault) << one.rest;
}

TEST(PlanProblem, ANumberBeyondADoubleIsRefused) {
  EXPECT_NE(fault_of(R"({"objective": 1e999})").find("the file is no JSON"), std::string::npos);
  EXPECT_NE(fault_of("9E1000 7").find("the file is no JSON"), std::string::npos);
}

TEST(PlanProblem, ATextMayHoldWhateverBracketsItLikes) {
  EXPECT_EQ(fault_of(R"({"objective": "[[[[[[[[[[\"{{{{{{{{{{"})").substr(0, 12), "objective is");
}

TEST(PlanProblem, TasksThatTakeLongerThanTimeIsKeptAreNoProblem) {
  std::string tasks;
  for (int i = 0; i < 3'000; ++i) {
    tasks += (i > 0 ? "," : "") + std::string(R"({"id": "t)") + std::to_string(i) +
             R"(", "duration_s": 1e9})";
  }
  const std::string fault = fault_of(
      R"({"objective": "makespan", "workers": [{"id": "a", "capacity": {}}], "tasks": [)" + tasks +
      "]}");
  EXPECT_NE(fault.find("one after the other"), std::string::npos) << fault;
}

}  // namespace
}  // namespace berth::cli
