// What clients are told of run times, of memory and of when their jobs will start.

#include <gtest/gtest.h>

#include "tests/core/jobs/job_fixture.h"

namespace berth::core {
namespace {

constexpr uint64_t kMib = 1024 * 1024;

class JobForecasts : public JobFixture {
 public:
  void SetUp() override {
    settings.offline_after = Duration::seconds(100'000);
    settings.lease = Duration::seconds(100'000);
    fresh();
  }
  wire::JobRow show(uint64_t job) {
    world.ask(kClient, wire::ShowJob{{job}});
    (void)turn();
    return world.shown->row;
  }
  void end(wire::AssignmentId id, uint64_t wall_ms, uint64_t peak_mib = 0) {
    wire::ReportItem item;
    item.kind = ReportKind::Completed;
    item.assignment = id;
    item.usage.wall_ms = wall_ms;
    item.usage.memory_peak_bytes = peak_mib * kMib;
    world.ask(kWorker1, wire::Report{"w1", {&item, 1}});
    (void)turn();
  }
  void teach(const TestJob& job, uint64_t wall_ms, uint64_t peak_mib, int times) {
    for (int i = 0; i < times; ++i)
      end(running(job), wall_ms, peak_mib);
  }
  double starts_in_s(const wire::JobRow& row) {
    return static_cast<double>(row.forecast.start_at_ms - world.now.wall_ms) / 1e3;
  }
};

TEST_F(JobForecasts, NothingIsSaidOfWhatNobodyKnows) {
  one_worker(1);
  world.submit(kClient, {{.name = "train"}});
  (void)turn();
  const wire::JobForecast forecast = show(1).forecast;
  EXPECT_EQ(forecast.run_ms, 0u);
  EXPECT_EQ(forecast.memory_top_bytes, 0u);
}

TEST_F(JobForecasts, JobsTakeWhatThoseBeforeThemTook) {
  one_worker(1);
  teach({.name = "train"}, 20'000, 0, 10);
  (void)running({.name = "train"});
  world.submit(
      kClient, {{.name = "train"}, {.name = "other"}, {.name = "said", .estimated_ms = 500}});
  (void)turn();
  const wire::JobRow row = show(12);
  EXPECT_NEAR(static_cast<double>(row.forecast.run_ms), 20'000, 500);
  EXPECT_LE(row.forecast.run_short_ms, row.forecast.run_ms);
  EXPECT_GE(row.forecast.run_long_ms, row.forecast.run_ms);
  EXPECT_NEAR(row.forecast.runs_seen, 9, 1);
  EXPECT_NEAR(static_cast<double>(show(13).forecast.run_ms), 20'000, 500) << "like all others";
  EXPECT_EQ(show(13).forecast.runs_seen, 0u);
  EXPECT_NEAR(static_cast<double>(show(14).forecast.run_ms), 500, 1) << "as its client says";
  EXPECT_EQ(show(1).forecast, wire::JobForecast{}) << "it has ended";
}

TEST_F(JobForecasts, WhatWaitsStartsWhenWhatRunsHasEnded) {
  one_worker(1);
  teach({.name = "train"}, 100'000, 0, 10);
  (void)running({.name = "train"});
  world.submit(kClient, {{.name = "train"}, {.name = "train"}, {.name = "train", .priority = 1}});
  (void)turn();
  EXPECT_NEAR(starts_in_s(show(14)), 100, 5);
  EXPECT_NEAR(starts_in_s(show(12)), 200, 10);
  EXPECT_NEAR(starts_in_s(show(13)), 300, 15);
  (void)after(60'000);
  EXPECT_NEAR(starts_in_s(show(14)), 40, 5);
  EXPECT_EQ(show(11).forecast.start_at_ms, 0) << "it runs";
}

// What runs longer than expected will hardly end this moment; the others wait with it.
TEST_F(JobForecasts, WhatOutlivesItsEstimateIsExpectedToGoOn) {
  one_worker(1);
  for (uint64_t seconds : {60, 90, 100, 110, 150, 80, 120})
    teach({.name = "train"}, seconds * 1'000, 0, 2);
  const uint64_t job = running({.name = "train"}).job.value;
  world.submit(kClient, {{.name = "train"}});
  (void)turn();
  const uint64_t before_ms = show(job).forecast.run_ms;
  EXPECT_NEAR(static_cast<double>(before_ms), 100'000, 15'000);
  (void)after(200'000);
  EXPECT_GT(show(job).forecast.run_ms, 200'000u);
  const double wait = starts_in_s(show(job + 1));
  EXPECT_GT(wait, 0.5);
  EXPECT_LT(wait, 120);
}

TEST_F(JobForecasts, AnElementOfAnArrayStartsAfterThoseBeforeIt) {
  one_worker(1);
  teach({.name = "sweep"}, 10'000, 0, 10);
  (void)running({.name = "sweep"});
  world.submit(kClient, {{.name = "sweep", .array = 1'000}});
  (void)turn();
  EXPECT_NEAR(starts_in_s(show(12)), 10, 1);
  EXPECT_NEAR(starts_in_s(show(511)), 5'000, 100);
}

// The queue alone would say 60 s: a place is free then. The plan knows that four are wanted.
TEST_F(JobForecasts, AStartThatAPlanHasPromisedIsToldAsPlanned) {
  one_worker(4);
  (void)running({.slots = 2, .estimated_ms = 60'000});
  (void)running({.slots = 2, .estimated_ms = 100'000});
  world.submit(kClient, {{.slots = 4, .estimated_ms = 30'000}, {.slots = 4, .estimated_ms = 200}});
  (void)turn();
  EXPECT_FALSE(show(3).forecast.planned) << "there is no plan yet";
  const std::optional<JobPlan> plan = world.make_plan();
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(world.ledger->on_plan(world.now, *plan), wire::PlanOutcome::Applied);
  (void)turn();
  const wire::JobForecast planned = show(3).forecast;
  EXPECT_TRUE(planned.planned);
  EXPECT_NEAR(starts_in_s(show(3)), 100, 1);
  EXPECT_LE(planned.start_early_ms, planned.start_at_ms);
  EXPECT_GE(planned.start_late_ms, planned.start_at_ms);
  EXPECT_FALSE(show(4).forecast.planned) << "too short to be planned";
  EXPECT_FALSE(show(1).forecast.planned) << "it runs";
  (void)after(5'000);
  EXPECT_NEAR(starts_in_s(show(3)), 95, 1) << "a moment, not a distance";
}

TEST_F(JobForecasts, NoStartIsToldOfWhatNobodyCanForesee) {
  one_worker(1);
  (void)running({});
  world.submit(kClient, {{.slots = 2}, {.depends_on = {1}}, {.scheduled_in_ms = 60'000}, {}});
  (void)turn();
  EXPECT_EQ(show(2).forecast.start_at_ms, 0) << "no worker could run it";
  EXPECT_EQ(show(3).forecast.start_at_ms, 0) << "it waits for another job";
  EXPECT_GE(starts_in_s(show(4)), 60) << "not before its schedule";
  EXPECT_NEAR(starts_in_s(show(5)), 60, 5) << "nothing is known: the usual minute";
}

TEST_F(JobForecasts, MemoryThatIsFarOffIsSaidAndAlsoAtSubmit) {
  struct Case {
    const char* name;
    int64_t asked_mib;
    uint64_t used_mib;
    wire::MemoryAdvice advice;
  };
  for (const Case& one :
       {Case{"far too much", 65'536, 2'048, wire::MemoryAdvice::AskLess},
        Case{"a trifle too much", 128, 4, wire::MemoryAdvice::None},
        Case{"about right", 4'096, 2'048, wire::MemoryAdvice::None},
        Case{"nearly all of it", 2'100, 2'048, wire::MemoryAdvice::AskMore},
        Case{"none is asked for", 0, 2'048, wire::MemoryAdvice::None}}) {
    SCOPED_TRACE(one.name);
    fresh();
    world.workers["w1"].memory_mib = 100'000;
    one_worker(4);
    const TestJob job = {.name = "train", .memory_mib = one.asked_mib};
    teach(job, 1'000, one.used_mib, 2);
    world.submitted.clear();
    const wire::AssignmentId third = running(job);
    EXPECT_EQ(world.submitted.back().forecast.memory_advice, wire::MemoryAdvice::None)
        << "two are too few to tell";
    end(third, 1'000, one.used_mib);
    const wire::AssignmentId id = running(job);
    EXPECT_EQ(show(id.job.value).forecast.memory_advice, one.advice);
    EXPECT_EQ(world.submitted.back().forecast.memory_advice, one.advice);
    EXPECT_NEAR(
        static_cast<double>(show(id.job.value).forecast.memory_top_bytes),
        static_cast<double>(one.used_mib * kMib),
        static_cast<double>(kMib));
  }
}

TEST_F(JobForecasts, ARestartedServerKnowsWhatTheOneBeforeHadLearned) {
  one_worker(1);
  teach({.name = "train"}, 50'000, 0, 5);
  (void)after(2'100);
  world.restart();
  world.attach("w1", kWorker1);
  world.submit(kClient, {{.name = "train"}});
  (void)turn();
  EXPECT_NEAR(static_cast<double>(show(6).forecast.run_ms), 50'000, 1'000);
  EXPECT_NEAR(show(6).forecast.runs_seen, 5, 1);
}

TEST_F(JobForecasts, AListSaysTheSameAsEachJob) {
  one_worker(1);
  teach({.name = "train"}, 100'000, 0, 10);
  (void)running({.name = "train"});
  world.submit(kClient, std::vector<TestJob>(20, {.name = "train"}));
  (void)turn();
  world.ask(kClient, wire::ListJobs{});
  (void)turn();
  const std::vector<wire::JobRow> page = world.page;
  ASSERT_EQ(page.size(), 31u);
  for (const wire::JobRow& row : page)
    EXPECT_EQ(row.forecast, show(row.id.value).forecast) << row.id.value;
}

}  // namespace
}  // namespace berth::core
