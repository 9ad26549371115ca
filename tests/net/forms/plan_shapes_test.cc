#include "net/forms/plan_shapes.h"

#include <gtest/gtest.h>

namespace berth::forms {
namespace {

client::PlanSummary applied() {
  client::PlanSummary plan{.id = 8, .previous = 6, .made_at_ms = 1'769'846'400'000};
  plan.outcome = "applied";
  plan.engine = "order";
  plan.cost = 1.5;
  plan.gap = 0.2;
  plan.terms = {{"mean_slowdown", 1.5}};
  return plan;
}

client::PlanSummary late() {
  client::PlanSummary plan{.id = 7};
  plan.outcome = "late";
  plan.elapsed = client::Microseconds(4'250'000);
  plan.note = "a plan did not come in time";
  return plan;
}

TEST(PlanShapes, APlanSaysWhatItCosts) {
  const Json json = plan_json(applied());
  EXPECT_EQ(json["made_at"], "2026-01-31T08:00:00.000Z");
  EXPECT_EQ(json["cost"], 1.5);
  EXPECT_EQ(json["gap"], 0.2);
  EXPECT_EQ(json["terms"], (Json{{"mean_slowdown", 1.5}}));
}

// It read as one that costs nothing and is as good as can be.
TEST(PlanShapes, APlanThatNeverCameHasNoCost) {
  const Json json = plan_json(late());
  for (const char* key : {"made_at", "cost", "greedy_cost", "bound", "gap"})
    EXPECT_TRUE(json[key].is_null()) << key;
  EXPECT_EQ(json["elapsed_s"], 4.25);
  EXPECT_EQ(json["note"], "a plan did not come in time");
}

TEST(PlanShapes, APlanEndsWithItsJobs) {
  client::PlannedJob job{.job = 7, .worker = "w1"};
  job.duration = client::Milliseconds(1'500);
  job.gpus = {0, 3};
  Json json = plan_details_json({applied(), {job}});
  EXPECT_EQ(json.back(), Json::array({planned_job_json(job)}));
  EXPECT_EQ(json["jobs"][0]["duration_s"], 1.5);
  EXPECT_EQ(json["jobs"][0]["gpus"], Json({0, 3}));
  EXPECT_TRUE(json["jobs"][0]["start_at"].is_null());
  json.erase("jobs");
  EXPECT_EQ(json, plan_json(applied()));
}

TEST(PlanShapes, TheHistoryHasThePlannersHealth) {
  client::PlanPage page{.plans = {applied(), late()}};
  page.planner.state = "bypassed";
  page.planner.retry_in = client::Milliseconds(2'000);
  const Json json = plan_page_json(page);
  EXPECT_EQ(json["plans"], Json::array({plan_json(applied()), plan_json(late())}));
  EXPECT_EQ(json["planner"]["state"], "bypassed");
  EXPECT_EQ(json["planner"]["retry_in_s"], 2.0);
}

}  // namespace
}  // namespace berth::forms
