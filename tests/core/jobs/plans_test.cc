// Plans of durable jobs: what is asked, and how the answer is enacted while the world goes on.

#include <bit>
#include <utility>

#include "tests/core/jobs/job_fixture.h"

namespace berth::core {
namespace {

class Plans : public JobFixture {
 public:
  /// A plan, and the turn in which it is enacted.
  Lines planned() {
    const std::optional<JobPlan> plan = world.make_plan();
    EXPECT_TRUE(plan.has_value());
    if (plan) world.ledger->on_plan(world.now, *plan);
    return turn();
  }
  void complete(uint64_t job) { report(ReportKind::Completed, j(job)); }
  wire::PlannerHealth health() { return world.ledger->planner_health(world.now); }
};

constexpr TestJob job(int64_t slots, uint32_t seconds) {
  return {.slots = slots, .estimated_ms = seconds * 1'000};
}

// Greedy alone gave every slot that came free to the next small job, and the big one never ran.
TEST_F(Plans, ABigJobIsReservedForAndSmallOnesDoNotDelayIt) {
  one_worker(4);
  (void)running(job(2, 60));            // 1
  world.submit(kClient, {job(4, 30)});  // 2: at 60 s
  EXPECT_EQ(turn(), Lines({"c1: submitted j2"}));
  EXPECT_EQ(planned(), Lines({}));
  world.submit(kClient, {job(2, 300)});  // 3: would delay it
  EXPECT_EQ(turn(), Lines({"c1: submitted j3"}));
  (void)after(1'100);
  EXPECT_EQ(planned(), Lines({}));
  world.submit(kClient, {{.slots = 1, .estimated_ms = 20'000}});  // 4: of another class, and short
  EXPECT_EQ(turn(), Lines({"c11: run j4.1", "c1: submitted j4"}));
  report(ReportKind::Accepted, j(4));
  report(ReportKind::Started, j(4));
  (void)after(20'000);
  complete(4);
  (void)turn();
  EXPECT_EQ(world.state_of(3), JobState::Pending);
  complete(1);
  EXPECT_EQ(turn(), Lines({"c11: run j2.1", "c11: reported ok"}));
}

TEST_F(Plans, WithoutThePlannerGreedyGoesOnAsEver) {
  settings.plan.on = false;
  fresh();
  one_worker(4);
  (void)running(job(2, 60));
  world.submit(kClient, {job(4, 30), job(2, 300)});
  (void)turn();
  EXPECT_EQ(world.state_of(3), JobState::Assigned);
  EXPECT_FALSE(world.make_plan().has_value());
  EXPECT_EQ(health().state, wire::PlannerState::Off);
}

TEST_F(Plans, WhatIsShortOrUnknownIsNotPlanned) {
  one_worker(1);
  (void)running(job(1, 60));
  world.submit(kClient, {{.slots = 1}, {.slots = 1, .estimated_ms = 200}});
  (void)turn();
  EXPECT_FALSE(world.make_plan().has_value());
}

// A plan is a wish about a world that was: what changed since is left out, the rest is kept to.
TEST_F(Plans, AStalePlanStartsNothingTwice) {
  one_worker(2);
  (void)running(job(2, 10));
  world.submit(kClient, {job(2, 10), job(2, 20), job(2, 30)});  // 2, 3, 4
  (void)turn();
  const std::optional<JobPlan> plan = world.make_plan();
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->starts.size(), 3u);
  abort({2, 2}, "test");
  complete(1);
  (void)turn();  // greedy does not wait for the plan
  EXPECT_EQ(world.state_of(3), JobState::Assigned);
  world.ledger->on_plan(world.now, *plan);
  world.ledger->on_plan(world.now, *plan);  // twice
  (void)turn();
  report(ReportKind::Accepted, j(3));
  report(ReportKind::Started, j(3));
  complete(3);
  (void)turn();
  EXPECT_EQ(world.state_of(4), JobState::Assigned);
  EXPECT_EQ(world.state_of(2), JobState::Aborted);
  EXPECT_EQ(j(3).attempt, 1u);
  EXPECT_EQ(j(4).attempt, 1u);
}

// Of all of these it was said that they had been started without one.
TEST_F(Plans, WhoAsksWhyAJobHasNoPlanIsToldWhatItWaitsFor) {
  one_worker(2);
  (void)running(job(2, 60));
  world.submit(kClient, {job(2, 10)});
  world.submit(kClient, {job(2, 0)});
  world.submit(kClient, {job(3, 10)});
  world.submit(kClient, {{.slots = 2, .estimated_ms = 10'000, .depends_on = {1}}});
  (void)turn();
  const auto told = [this](uint64_t id) {
    world.ask(kClient, wire::GetPlan{.job = {id}});
    return turn();
  };
  const std::string waits = ", it waits: ";
  EXPECT_EQ(
      told(1),
      Lines({"c1: refused not_found: no plan has job 1: it was started without one, or the "
             "plan is not kept any more"}));
  EXPECT_EQ(
      told(2),
      Lines({"c1: refused not_found: no plan has job 2" + waits + "it is not planned yet"}));
  EXPECT_EQ(
      told(3),
      Lines(
          {"c1: refused not_found: no plan has job 3" + waits +
           "planned are jobs that are expected to take a second or more; say how long with "
           "--estimate"}));
  EXPECT_EQ(
      told(4),
      Lines({"c1: refused not_found: no plan has job 4" + waits + "no worker could run it"}));
  EXPECT_EQ(
      told(5),
      Lines(
          {"c1: refused not_found: no plan has job 5" + waits +
           "jobs that it is after have not completed"}));
  EXPECT_EQ(
      told(99),
      Lines({"c1: refused not_found: no job 99: it was never given, or ended too long ago"}));
}

// The plan said so for a job that waited; it has run and failed since, and waits again.
TEST_F(Plans, AnotherVersionOfAJobIsNotTheOneThatWasPlanned) {
  one_worker(2);
  (void)running(job(2, 10));
  world.submit(kClient, {{.attempts_max = 3, .slots = 2, .estimated_ms = 10'000}});
  (void)turn();
  std::optional<JobPlan> plan = world.make_plan();
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->starts.size(), 1u);
  plan->starts[0].version = 99;
  world.ledger->on_plan(world.now, *plan);
  world.ask(kClient, wire::GetPlan{});
  (void)turn();
  complete(1);
  (void)turn();
  EXPECT_EQ(world.state_of(2), JobState::Assigned) << "greedy";
}

TEST_F(Plans, ALostWorkersJobsArePlannedAnewAndTheOthersStay) {
  two_workers();
  for (int i = 0; i < 2; ++i) {
    world.submit(kClient, {job(4, 60)});
    (void)turn();
  }
  for (uint64_t id : {1, 2}) {
    const uint64_t connection = id == 1 ? kWorker1 : kWorker2;
    world.report(connection, id == 1 ? "w1" : "w2", ReportKind::Accepted, j(id));
    world.report(connection, id == 1 ? "w1" : "w2", ReportKind::Started, j(id));
  }
  (void)turn();
  world.submit(kClient, std::vector<TestJob>(100, job(4, 60)));
  (void)turn();
  std::optional<JobPlan> before = world.make_plan();
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(before->starts.size(), 100u);
  world.ledger->on_plan(world.now, *before);
  (void)turn();
  world.close(kWorker2);
  (void)after(200);
  std::unique_ptr<JobSnapshot> snapshot = world.ledger->take_snapshot(world.now);
  ASSERT_NE(snapshot, nullptr);
  EXPECT_LT(snapshot->budget, settings.plan.budget) << "they wait for it";
  const JobPlan repaired = plan_jobs(std::move(snapshot), 20'000);
  EXPECT_EQ(repaired.cause, wire::PlanCause::WorkerLost);
  EXPECT_EQ(repaired.starts.size(), 100u);
  EXPECT_EQ(repaired.diff.kept, 50u);
  EXPECT_EQ(repaired.diff.moved, 0u);
  EXPECT_EQ(repaired.diff.added, 50u);
  EXPECT_EQ(repaired.fault, "");
}

TEST_F(Plans, ABadPlanIsNotFollowedAndThePlannerLeftAlone) {
  struct Case {
    const char* name;
    void (*spoil)(JobPlan&);
    const char* reason;
  };
  const Case cases[] = {
      {"it breaks a rule",
       [](JobPlan& plan) { plan.fault = "task 2 is on no worker"; },
       "a plan broke a rule: task 2 is on no worker"},
      {"greedy is better",
       [](JobPlan& plan) { plan.cost = plan.greedy * 2 + 1; },
       "a plan cost more than greedy's own"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    fresh();
    one_worker(4);
    (void)running(job(2, 60));
    world.submit(kClient, {job(4, 30)});
    (void)turn();
    std::optional<JobPlan> plan = world.make_plan();
    ASSERT_TRUE(plan.has_value());
    c.spoil(*plan);
    world.ledger->on_plan(world.now, *plan);
    EXPECT_EQ(health().state, wire::PlannerState::Bypassed);
    EXPECT_EQ(health().reason, c.reason);
    EXPECT_EQ(health().fallbacks, 1u);
    world.submit(kClient, {job(2, 300)});
    (void)turn();
    EXPECT_EQ(world.state_of(3), JobState::Assigned) << "greedy again";
  }
}

TEST_F(Plans, APlanThatDoesNotComeIsNotWaitedFor) {
  one_worker(4);
  (void)running(job(2, 60));
  world.submit(kClient, {job(4, 30)});
  (void)turn();
  const std::optional<JobPlan> plan = world.make_plan();
  ASSERT_TRUE(plan.has_value());
  (void)after(5'000);
  EXPECT_EQ(health().state, wire::PlannerState::Bypassed);
  EXPECT_EQ(world.ledger->on_plan(world.now, *plan), std::nullopt) << "too late";
  world.submit(kClient, {job(2, 300)});
  (void)turn();
  EXPECT_EQ(world.state_of(3), JobState::Assigned);
}

// A plan that never came left no trace: its id was missing between those before and after it.
TEST_F(Plans, EveryPlanThatWasAskedForIsInTheHistoryWithWhatBecameOfIt) {
  one_worker(4);
  (void)running(job(2, 60));
  world.submit(kClient, {job(4, 30)});
  (void)turn();
  const auto history = [&] {
    world.ask(kClient, wire::ListPlans{});
    return turn();
  };
  std::optional<JobPlan> plan = world.make_plan();
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(history(), Lines({"c1: plans"})) << "it may still come";
  (void)after(5'000);
  EXPECT_EQ(history(), Lines({"c1: plans p1 late (a plan did not come in time)"}));
  EXPECT_EQ(world.last_plan.workers, 1u);
  EXPECT_EQ(world.last_plan.running, 1u);
  EXPECT_EQ(world.last_plan.pending, 1u);
  EXPECT_EQ(world.last_plan.planned, 0u);
  EXPECT_EQ(world.last_plan.elapsed_us, 5'000'000u);
  EXPECT_EQ(world.last_plan.made_at_ms, world.now.wall_ms - 5'000);
  EXPECT_EQ(world.ledger->on_plan(world.now, *plan), std::nullopt);
  (void)after(2'000);
  plan = world.make_plan();
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(world.ledger->on_plan(world.now, *plan), wire::PlanOutcome::Applied);
  EXPECT_EQ(history(), Lines({"c1: plans p2 applied p1 late (a plan did not come in time)"}));
}

// What was looked through were the ids of before: one of them had changed places, and was gone.
TEST_F(Plans, ElementsThatChangePlacesAreStartedOnce) {
  two_workers();
  for (uint64_t id : {1, 2}) {
    world.submit(kClient, {job(4, 10)});
    (void)turn();
    const bool first = id == 1;
    world.report(first ? kWorker1 : kWorker2, first ? "w1" : "w2", ReportKind::Accepted, j(id));
    world.report(first ? kWorker1 : kWorker2, first ? "w1" : "w2", ReportKind::Started, j(id));
  }
  world.submit(kClient, {{.slots = 1, .estimated_ms = 10'000, .array = 8}});
  (void)turn();
  std::optional<JobPlan> plan = world.make_plan();
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->starts.size(), 8u);
  // The later ids first, so that every start finds another element in front of the rest.
  for (size_t i = 0; i < plan->starts.size(); ++i)
    plan->starts[i].job = 10 - i;
  world.ledger->on_plan(world.now, *plan);
  world.report(kWorker1, "w1", ReportKind::Completed, j(1));
  world.report(kWorker2, "w2", ReportKind::Completed, j(2));
  (void)turn();
  for (uint64_t id = 3; id <= 10; ++id) {
    EXPECT_EQ(world.state_of(id), JobState::Assigned) << id;
    EXPECT_EQ(j(id).attempt, 1u) << id;
  }
}

// Of six alike jobs the sixth was started before the fourth.
TEST_F(Plans, JobsThatAreAlikeStartInTheOrderOfTheQueueWhateverThePlanSays) {
  one_worker(2);
  (void)running(job(2, 10));
  world.submit(kClient, std::vector<TestJob>(6, job(1, 10)));  // 2 to 7
  (void)turn();
  std::optional<JobPlan> plan = world.make_plan();
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->starts.size(), 6u);
  for (size_t i = 0; i < 6; ++i)
    plan->starts[i].job = 7 - i;
  world.ledger->on_plan(world.now, *plan);
  (void)after(10'000);
  complete(1);
  EXPECT_EQ(turn(), Lines({"c11: run j2.1 j3.1", "c11: reported ok"}));
  EXPECT_EQ(world.state_of(7), JobState::Pending);
}

// What was freed early went to the oldest, whatever was planned.
TEST_F(Plans, AmongThoseThatArePlannedThePlansOrderHolds) {
  one_worker(1);
  (void)running(job(1, 100));
  world.submit(kClient, {job(1, 30), job(1, 20)});  // 2, 3
  (void)turn();
  (void)planned();
  (void)after(5'000);
  complete(1);
  EXPECT_EQ(turn(), Lines({"c11: run j3.1", "c11: reported ok"}));
}

// What a plan did not know had to wait until all was started that it had promised.
TEST_F(Plans, WhatIsPromisedKeepsNobodyWaitingWhoStandsBefore) {
  struct Case {
    const char* name;
    TestJob before;  // the planned ones
    TestJob after;
    uint64_t next;
  };
  const TestJob nowhere = {.slots = 100};
  const TestJob unknown = {.slots = 1};
  TestJob urgent = unknown;
  urgent.priority = 1;
  TestJob due = unknown;
  due.deadline_in_ms = 3'600'000;
  const Case cases[] = {
      {"older, and nobody knows how long it takes", unknown, nowhere, 2},
      {"a higher priority", nowhere, urgent, 6},
      {"a deadline", nowhere, due, 6},
      {"younger", nowhere, unknown, 3},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    fresh();
    one_worker(1);
    (void)running(job(1, 10));
    world.submit(kClient, {c.before});  // 2
    world.submit(kClient, {job(1, 20), job(1, 30), job(1, 40)});
    (void)turn();
    (void)planned();
    world.submit(kClient, {c.after});  // 6
    (void)turn();
    (void)after(10'000);
    complete(1);
    (void)turn();
    for (uint64_t id = 2; id <= 6; ++id)
      EXPECT_EQ(world.state_of(id) == JobState::Assigned, id == c.next) << id;
  }
}

TEST_F(Plans, AnArrayIsPlannedElementByElement) {
  one_worker(2);
  (void)running(job(2, 10));
  world.submit(kClient, {{.slots = 1, .estimated_ms = 10'000, .array = 6}});
  (void)turn();
  EXPECT_EQ(planned(), Lines({}));
  complete(1);
  EXPECT_EQ(turn(), Lines({"c11: run j2.1 j3.1", "c11: reported ok"}));
  EXPECT_EQ(world.state_of(4), JobState::Pending);
}

// The promises of all but the first element stood until the next plan, and nobody was told of what
// they had held.
TEST_F(Plans, WhatWasPromisedToAnAbortedJobIsFreeAtOnce) {
  struct Case {
    const char* name;
    uint32_t elements;
    std::pair<uint64_t, uint64_t> aborted;
    JobState becomes;  // of the one that waited for them
  };
  const Case cases[] = {
      {"a job", 0, {2, 2}, JobState::Assigned},
      {"an array", 3, {2, 4}, JobState::Assigned},
      {"of which one is left", 3, {2, 3}, JobState::Pending},
      {"another", 3, {3, 4}, JobState::Pending},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    fresh();
    one_worker(4);
    (void)running(job(2, 60));
    TestJob big = job(4, 30);
    big.array = c.elements;
    world.submit(kClient, {big});  // from 2 on: at 60 s
    (void)turn();
    (void)planned();
    world.submit(kClient, {job(2, 300)});  // would delay them
    (void)turn();
    const uint64_t last = c.elements == 0 ? 3 : 2 + c.elements;
    ASSERT_EQ(world.state_of(last), JobState::Pending);
    abort(c.aborted, "test");
    (void)turn();
    EXPECT_EQ(world.state_of(last), c.becomes);
  }
}

// Job after job was planned on it, and sent there to be refused.
TEST_F(Plans, NothingIsPlannedOnAWorkerThatRefusesWhateverItIsGiven) {
  two_workers();
  for (uint64_t id : {1, 2}) {
    world.submit(kClient, {job(4, 10)});
    (void)turn();
    const bool first = id == 1;
    world.report(first ? kWorker1 : kWorker2, first ? "w1" : "w2", ReportKind::Accepted, j(id));
    world.report(first ? kWorker1 : kWorker2, first ? "w1" : "w2", ReportKind::Started, j(id));
  }
  (void)turn();
  world.submit(kClient, std::vector<TestJob>(20, job(4, 10)));
  (void)after(10'000);
  (void)planned();
  world.report(kWorker2, "w2", ReportKind::Completed, j(2));
  (void)turn();
  // Each is sent there once more, as the other worker has no room.
  for (int refusals = 0; refusals < 6; ++refusals) {
    world.report(kWorker2, "w2", ReportKind::Refused, world.assigned.back(), ErrorClass::Refused);
    (void)turn();
  }
  const size_t asked = world.assigned.size();
  (void)after(100);
  const std::unique_ptr<JobSnapshot> snapshot = world.ledger->take_snapshot(world.now);
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->cause, wire::PlanCause::Refused);
  EXPECT_EQ(snapshot->hosts.size(), 1u);
  EXPECT_EQ(snapshot->waiting.size(), 17u) << "three come again";
  EXPECT_EQ(world.assigned.size(), asked) << "it rests";
  (void)after(1'500);
  EXPECT_EQ(world.assigned.size(), asked + 1) << "and is asked again";
}

// In sum there was room for the third fraction: the four whole GPUs would have been three and a
// half.
TEST_F(Plans, FractionsDoNotBreakUpTheGpusThatAreReserved) {
  world.workers["w1"].gpus.assign(6, "a100");
  one_worker(20);
  (void)running({.estimated_ms = 60'000, .gpus = 3});
  world.submit(kClient, {{.estimated_ms = 30'000, .gpus = 4}});  // 2: at 60 s
  (void)turn();
  std::optional<JobPlan> plan = world.make_plan();
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->starts.size(), 1u);
  EXPECT_EQ(std::popcount(plan->starts[0].gpus), 4);
  EXPECT_EQ(world.ledger->on_plan(world.now, *plan), wire::PlanOutcome::Applied);
  world.ask(kClient, wire::GetPlan{});
  EXPECT_EQ(turn(), Lines({"c1: plan j2 w1 gpu0 gpu1 gpu2 gpu3"}));
  for (uint64_t id : {3, 4, 5}) {
    world.submit(kClient, {{.estimated_ms = 300'000, .gpus = 1, .gpu_milli = 510}});
    (void)turn();
    EXPECT_EQ(world.state_of(id), id < 5 ? JobState::Assigned : JobState::Pending) << id;
  }
  complete(1);
  (void)turn();
  EXPECT_EQ(world.state_of(2), JobState::Assigned);
}

}  // namespace
}  // namespace berth::core
