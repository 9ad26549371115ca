// When a plan of durable jobs is asked for, for whom, and who is told.

#include <utility>

#include "tests/core/jobs/job_fixture.h"
#include "wire/tokens.h"

namespace berth::core {
namespace {

using PlanReasons = JobFixture;

constexpr TestJob job(int64_t slots, uint32_t seconds) {
  return {.slots = slots, .estimated_ms = seconds * 1'000};
}

// After half a minute of one short job that nobody could run, the first plan took 14 s to come and
// a deadline was missed.
TEST_F(PlanReasons, AJobThatCannotBePlannedKeepsNoOtherFromBeingPlanned) {
  TestJob hurried = job(2, 2);
  hurried.deadline_in_ms = 9'000;
  struct Case {
    const char* name;
    TestJob next;
  };
  const Case cases[] = {
      {"one that is worth it", job(2, 2)},
      {"one with a deadline", hurried},
      {"an array of them", {.slots = 2, .estimated_ms = 3'000, .array = 1'000}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    fresh();
    one_worker(2);
    world.submit(kClient, {{.estimated_ms = 100, .tags = {"nobodyhasit"}}});
    for (int ms = 0; ms < 33'000; ms += 50) {
      (void)after(50);
      EXPECT_FALSE(world.make_plan().has_value());
    }
    (void)running(job(2, 2));
    world.submit(kClient, {c.next});
    (void)after(50);
    const std::optional<JobPlan> plan = world.make_plan();
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->starts.front().job, 3u);
  }
}

// Each of them had a plan made every second, for as long as it waited.
TEST_F(PlanReasons, AJobThatNoWorkerCouldRunIsNotPlanned) {
  struct Case {
    const char* name;
    TestJob never;
  };
  const Case cases[] = {
      {"too many slots", {.slots = 5, .estimated_ms = 4'000}},
      {"too many GPUs", {.estimated_ms = 4'000, .gpus = 1}},
      {"a tag that nobody has", {.estimated_ms = 4'000, .tags = {"nobodyhasit"}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    fresh();
    one_worker(4);
    world.submit(kClient, {c.never});
    for (int i = 0; i < 10; ++i) {
      EXPECT_FALSE(world.make_plan().has_value());
      (void)after(1'000);
    }
    // Nor are those behind however many of them.
    world.submit(kClient, std::vector<TestJob>(3'000, c.never));
    (void)running(job(4, 60));
    world.submit(kClient, {job(4, 60)});
    (void)after(1'000);
    const std::optional<JobPlan> plan = world.make_plan();
    ASSERT_TRUE(plan.has_value());
    ASSERT_EQ(plan->starts.size(), 1u);
    EXPECT_EQ(plan->starts.front().job, 3'003u);
    world.ledger->on_plan(world.now, *plan);
    // A worker that could run it comes.
    world.workers["w2"].gpus.assign(1, "a100");
    world.worker("w2", 8, {"nobodyhasit"});
    world.attach("w2", kWorker2);
    (void)turn();
    EXPECT_NE(world.state_of(1), JobState::Pending);
  }
}

// An array of a million was one more that waited, and the next plan came after a period.
TEST_F(PlanReasons, ElementsOfAnArrayThatWaitAreCountedOneByOne) {
  one_worker(2);
  (void)running(job(2, 10));
  TestJob array = job(1, 10);
  array.array = 6;  // 2 to 7
  world.submit(kClient, {array});
  (void)turn();
  const auto pending = [&] {
    (void)after(1'100);
    std::unique_ptr<JobSnapshot> snapshot = world.ledger->take_snapshot(world.now);
    EXPECT_NE(snapshot, nullptr);
    if (snapshot == nullptr) return 0u;
    EXPECT_EQ(snapshot->waiting.size(), snapshot->pending);
    world.ledger->on_plan(world.now, plan_jobs(std::move(snapshot), 100));
    world.ask(kClient, wire::ListPlans{.limit = 1});
    (void)turn();
    return world.last_plan.pending;
  };
  EXPECT_EQ(pending(), 6u);
  abort({4, 5}, "test");
  (void)turn();
  EXPECT_EQ(pending(), 4u) << "in two parts";
  report(ReportKind::Completed, j(1));
  (void)turn();
  EXPECT_EQ(pending(), 2u) << "two of them run";
  retry({4, 5});
  (void)turn();
  EXPECT_EQ(pending(), 4u);
  array.array = settings.plan.pending;
  world.submit(kClient, {array});
  (void)after(100);
  const std::unique_ptr<JobSnapshot> next = world.ledger->take_snapshot(world.now);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->cause, wire::PlanCause::Pending);
}

// Plans of jobs were no events: only those for requests that wait were.
TEST_F(PlanReasons, WatchersOfPlansAreToldWhatBecameOfEach) {
  const auto told = [&] {
    Lines lines;
    for (const wire::JobEvent& event : std::exchange(world.watched, {})) {
      lines.push_back(
          std::string(wire::plan_of_token(event.plan_of)) + " p" + std::to_string(event.plan) +
          " " + std::string(wire::plan_outcome_token(event.plan_outcome)) + " " +
          std::string(wire::plan_cause_token(event.plan_cause)) + " " +
          std::to_string(event.count) + " moved " + std::to_string(event.moved));
    }
    return lines;
  };
  const auto planned = [&](void (*spoil)(JobPlan&) = nullptr) {
    (void)after(1'100);
    std::optional<JobPlan> plan = world.make_plan();
    ASSERT_TRUE(plan.has_value());
    if (spoil != nullptr) spoil(*plan);
    world.ledger->on_plan(world.now, *plan);
    (void)turn();
  };
  wire::WatchJobs watch;
  watch.kinds = wire::bit_of(wire::EventKind::Plan);
  world.ask(kClient, watch);
  one_worker(2);
  (void)running(job(2, 60));
  world.submit(kClient, {job(2, 60), job(1, 60)});
  (void)turn();
  EXPECT_EQ(told(), Lines({}));
  planned();
  EXPECT_EQ(told(), Lines({"jobs p1 applied freed 2 moved 0"}));
  world.ledger->on_planned(world.now, 1, 7);
  (void)turn();
  EXPECT_EQ(told(), Lines({"requests p1 applied pending 7 moved 0"})) << "for those without a job";
  for (int i = 0; i < 5; ++i)
    planned([](JobPlan& plan) { plan.starts.clear(); });
  EXPECT_EQ(told(), Lines({"jobs p2 applied period 0 moved 0"})) << "the first of those for nobody";
  planned([](JobPlan& plan) { plan.diff.moved = 1; });
  EXPECT_EQ(told(), Lines({"jobs p7 applied period 2 moved 1"}));
  planned([](JobPlan& plan) { plan.fault = "task 2 is on no worker"; });
  EXPECT_EQ(told(), Lines({"jobs p8 failed period 2 moved 0"}));
  (void)after(1'100);
  ASSERT_TRUE(world.make_plan().has_value());
  (void)after(5'000);
  EXPECT_EQ(told(), Lines({"jobs p9 late period 0 moved 0"}));
}

}  // namespace
}  // namespace berth::core
