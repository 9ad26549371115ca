// A server that dies after every step of a life, and what the next one makes of it.

#include <algorithm>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/jobs/job_fixture.h"

namespace berth::core {
namespace {

class JobRestore : public JobFixture {};

TEST_F(JobRestore, EveryStateOfALifeIsReadBackAsItWas) {
  using Step = std::function<void(JobRestore&)>;
  struct Case {
    const char* name;
    std::vector<Step> steps;
    JobState before;
    JobState after;
    uint32_t attempts;
  };
  const Step submit = [](JobRestore& t) {
    t.one_worker();
    t.world.submit(kClient, {{.attempts_max = 2, .retry_base_ms = 5'000}});
  };
  const auto say = [](ReportKind kind, ErrorClass error = ErrorClass::None) {
    return [kind, error](JobRestore& t) {
      t.report(kind, t.j(1), error);
    };
  };
  const Step accept = say(ReportKind::Accepted);
  const Step start = say(ReportKind::Started);
  const Step fail = say(ReportKind::Failed, ErrorClass::Exit);
  const Step wait = [](JobRestore& t) {
    (void)t.after(20'000);
  };
  const Step moment = [](JobRestore& t) {
    (void)t.after(300);
  };
  const Step stop = [](JobRestore& t) {
    t.abort({1, 1}, "no more");
  };
  const Case cases[] = {
      {"pending",
       {[](JobRestore& t) {
         t.world.submit(kClient, {{}});
       }},
       JobState::Pending,
       JobState::Pending,
       0},
      {"assigned, not acked: as if it had never been",
       {submit},
       JobState::Assigned,
       JobState::Pending,
       0},
      {"accepted", {submit, accept}, JobState::Assigned, JobState::Assigned, 1},
      {"running, just now: its worker will say so again",
       {submit, accept, start},
       JobState::Running,
       JobState::Assigned,
       1},
      {"running for a while",
       {submit, accept, start, moment},
       JobState::Running,
       JobState::Running,
       1},
      {"completed",
       {submit, accept, say(ReportKind::Completed)},
       JobState::Completed,
       JobState::Completed,
       1},
      {"retrying", {submit, accept, fail}, JobState::Retrying, JobState::Retrying, 1},
      {"failed", {submit, accept, fail, wait, accept, fail}, JobState::Failed, JobState::Failed, 2},
      {"aborted", {submit, accept, stop}, JobState::Aborted, JobState::Aborted, 1},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    fresh();
    for (const Step& step : one.steps) {
      step(*this);
      (void)turn();
    }
    ASSERT_EQ(world.state_of(1), one.before);
    const wire::JobRow before = world.shown->row;
    world.restart();
    ASSERT_EQ(world.state_of(1), one.after);
    const wire::JobRow& row = world.shown->row;
    EXPECT_EQ(row.attempt_count, one.attempts);
    EXPECT_EQ(row.submitted_at_ms, before.submitted_at_ms);
    EXPECT_EQ(row.finished_at_ms, before.finished_at_ms);
    EXPECT_EQ(row.last_error.kind, before.last_error.kind);
    EXPECT_EQ(row.last_error.exit_code, before.last_error.exit_code);
    if (one.after != one.before) continue;
    EXPECT_EQ(row.queued_at_ms, before.queued_at_ms);
    EXPECT_EQ(row.started_at_ms, before.started_at_ms);
    EXPECT_EQ(row.assignment, before.assignment);
  }
}

TEST_F(JobRestore, AnAssignmentThatACrashForgotIsRefusedAtItsAck) {
  one_worker();
  world.submit(kClient, {{}});
  (void)turn();
  const wire::AssignmentId forgotten = j(1);
  world.restart();
  world.attach("w1", kWorker1, {forgotten});
  EXPECT_EQ(turn(), Lines({"c11: run j1.1", "c11: attached stale"}));
  EXPECT_GT(j(1).epoch, forgotten.epoch);
  report(ReportKind::Accepted, forgotten);
  EXPECT_EQ(turn(), Lines({"c11: reported stale"}));
}

TEST_F(JobRestore, ALeaseThatNobodyClaimsEndsAfterItsGrace) {
  one_worker();
  (void)running({.attempts_max = 2});
  world.restart();
  (void)after(29'000);
  EXPECT_EQ(world.state_of(1), JobState::Running);
  (void)after(2'000);
  EXPECT_EQ(world.state_of(1), JobState::Retrying);
  EXPECT_EQ(world.shown->row.last_error.kind, ErrorClass::Lost);
}

TEST_F(JobRestore, ABackOffGoesOnWhereItWas) {
  one_worker();
  report(
      ReportKind::Failed, running({.attempts_max = 2, .retry_base_ms = 10'000}), ErrorClass::Exit);
  (void)turn();
  (void)after(5'000);
  world.restart();
  world.attach("w1", kWorker1);
  (void)turn();
  (void)after(2'900);
  EXPECT_EQ(world.state_of(1), JobState::Retrying);
  (void)after(4'200);
  EXPECT_EQ(world.state_of(1), JobState::Assigned);
}

TEST_F(JobRestore, ATaskThatWasAbortedIsStoppedWhenItsWorkerComesBack) {
  one_worker();
  const wire::AssignmentId id = running({});
  abort({1, 1}, "no more");
  (void)turn();
  world.restart();
  world.attach("w1", kWorker1, {id});
  EXPECT_EQ(turn(), Lines({"c11: attached stale"}));
}

// A lease that was read back held everything but its slots, which the agent's heartbeats do not
// count either: after a restart every worker was given as many tasks again as it ran.
TEST_F(JobRestore, WhatRunsHoldsItsSlotsAgain) {
  one_worker(/*slots=*/1);
  const wire::AssignmentId id = running({});
  world.restart();
  world.attach("w1", kWorker1, {id});
  world.submit(kClient, {{}});
  (void)turn();
  EXPECT_EQ(world.state_of(2), JobState::Pending);
  report(ReportKind::Completed, id);
  (void)turn();
  EXPECT_EQ(world.state_of(2), JobState::Assigned);
}

TEST_F(JobRestore, AWorkerThatCooledDownStillDoes) {
  one_worker();
  report(ReportKind::Failed, running({}), ErrorClass::Exit);
  (void)turn();
  world.restart();
  world.attach("w1", kWorker1);
  (void)turn();
  world.submit(kClient, {{}});
  (void)turn();
  EXPECT_EQ(world.state_of(2), JobState::Pending);
  (void)after(5'100);
  EXPECT_EQ(world.state_of(2), JobState::Assigned);
}

TEST_F(JobRestore, IdsAreNotGivenAgain) {
  settings.finished_max = 0;
  fresh();
  world.submit(kClient, std::vector<TestJob>(3));
  (void)turn();
  abort({1, 3}, "no more");
  (void)turn();
  (void)after(100);
  EXPECT_EQ(world.store.jobs().size(), 1u);
  world.restart();
  world.submit(kClient, {{}});
  (void)turn();
  EXPECT_EQ(world.submitted.back().first.value, 4u);
}

// After a restart nobody had looked yet, and the job seemed to wait for room alone.
TEST_F(JobRestore, WhatNoWorkerCouldRunSaysSoAgain) {
  one_worker();
  world.submit(kClient, {{.tags = {"moon"}}, {}});
  (void)turn();
  world.restart();
  const auto says_so = [&](uint64_t job) {
    world.ask(kClient, wire::ShowJob{{job}});
    (void)turn();
    return world.shown->row.unsatisfiable;
  };
  world.ask(kClient, wire::ListJobs{});
  (void)turn();
  ASSERT_EQ(world.page.size(), 2u);
  EXPECT_TRUE(world.page[0].unsatisfiable);
  EXPECT_FALSE(world.page[1].unsatisfiable);
  EXPECT_TRUE(says_so(1));
  world.worker("w2", 4, {"moon"});
  world.changed("w2", wire::WorkerChange::Registered);
  EXPECT_FALSE(says_so(1));
}

// Of many classes a page looks at a few; those that were judged before keep their verdict.
TEST_F(JobRestore, APageOfManyClassesIsJudgedInParts) {
  one_worker();
  std::vector<std::string> tags;
  for (int i = 0; i < 40; ++i)
    tags.push_back("moon" + std::to_string(i));
  for (const std::string& tag : tags)
    world.submit(kClient, {{.tags = {tag}}});
  (void)turn();
  world.restart();
  const auto marked = [&] {
    world.ask(kClient, wire::ListJobs{});
    (void)turn();
    return std::count_if(world.page.begin(), world.page.end(), [](const wire::JobRow& row) {
      return row.unsatisfiable;
    });
  };
  EXPECT_EQ(marked(), 16);
  EXPECT_EQ(marked(), 32);
  EXPECT_EQ(marked(), 40);
}

TEST_F(JobRestore, WhatWasLearnedIsStoredALittleLaterAndOnce) {
  one_worker();
  report(ReportKind::Completed, running({}));
  (void)turn();
  const auto runs = [&] {
    double weight = 0;
    for (const auto& [slot, record] : world.store.experience())
      weight = std::max(weight, record.run.weight);
    return weight;
  };
  (void)after(2'000);
  EXPECT_EQ(runs(), 1);
  report(ReportKind::Completed, running({}));
  (void)turn();
  EXPECT_EQ(runs(), 1) << "the same groups, some moments later";
  (void)after(2'000);
  EXPECT_NEAR(runs(), 1.97, 1e-9);
  world.restart();
  world.attach("w1", kWorker1);
  report(ReportKind::Completed, running({}));
  (void)after(2'000);
  EXPECT_NEAR(runs(), 2.91, 0.01) << "it goes on from what was read back";
}

}  // namespace
}  // namespace berth::core
