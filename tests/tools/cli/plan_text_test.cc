#include "tools/cli/plan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t kNow = 1'769'846'400'000;

client::PlanSummary applied() {
  client::PlanSummary plan{.id = 8, .previous = 6, .made_at_ms = kNow - 2'000};
  plan.cause = "freed";
  plan.objective = "slowdown";
  plan.outcome = "applied";
  plan.engine = "order";
  plan.pending = 3;
  plan.planned = 3;
  plan.cost = 1.5;
  plan.greedy_cost = 2;
  plan.bound = 1.2;
  plan.gap = 0.2;
  plan.terms = {{"mean_slowdown", 1.5}};
  plan.steps = 7;
  return plan;
}

client::PlanSummary late() {
  client::PlanSummary plan{.id = 7, .previous = 6, .made_at_ms = kNow - 9'000};
  plan.cause = "period";
  plan.objective = "slowdown";
  plan.outcome = "late";
  plan.workers = 2;
  plan.pending = 3;
  plan.elapsed = client::Microseconds(4'250'000);
  plan.note = "a plan did not come in time";
  return plan;
}

// It read as one that costs nothing and is as good as can be.
TEST(PlanText, APlanThatNeverCameHasNoCost) {
  const std::string text = details_text({.plan = late()}, kNow);
  EXPECT_THAT(text, HasSubstr("plan 7, late, made 9s ago for period"));
  EXPECT_THAT(text, HasSubstr("waited     4s250ms\n"));
  EXPECT_THAT(text, HasSubstr("note       a plan did not come in time"));
  EXPECT_THAT(text, Not(HasSubstr("cost")));
}

TEST(PlanText, APlanThatCameSaysWhatItCosts) {
  const std::string text = details_text({.plan = applied()}, kNow);
  EXPECT_THAT(text, HasSubstr("cost       1.5 (slowdown), greedy 2, at best 1.2, gap 20%"));
  EXPECT_THAT(text, HasSubstr("mean_slowdown 1.5"));
}

TEST(PlanText, APlannedJobSaysWhichGpusItIsToHave) {
  client::PlannedJob job{.job = 7, .worker = "w1", .start_at_ms = kNow};
  job.state = "waiting";
  job.why = "w1 has room for it now";
  EXPECT_THAT(planned_job_text({applied(), {job}}), HasSubstr("waiting, on w1 from "));
  job.gpus = {0, 3};
  EXPECT_THAT(planned_job_text({applied(), {job}}), HasSubstr("waiting, on w1 (GPU 0, 3) from "));
}

TEST(PlanText, TheHistoryHasBothAndThePlannersHealth) {
  client::PlanPage page{.plans = {applied(), late()}};
  page.planner.state = "bypassed";
  page.planner.reason = "a plan did not come in time";
  const std::string text = history_text(page, kNow);
  EXPECT_THAT(text, testing::ContainsRegex("7 +9s +period +late +- +0 +0 +- +- +-"));
  EXPECT_THAT(text, testing::ContainsRegex("8 +2s +freed +applied +order +3 +0 +1.5 +2 +20%"));
  EXPECT_THAT(text, HasSubstr("the planner is bypassed: a plan did not come in time\n"));
}

}  // namespace
}  // namespace berth::cli
