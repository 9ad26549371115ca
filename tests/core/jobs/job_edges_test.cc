#include <functional>

#include <gtest/gtest.h>

#include "tests/core/jobs/job_fixture.h"

namespace berth::core {
namespace {

class JobEdges : public JobFixture {};

TEST_F(JobEdges, AnAssignmentThatIsRefusedGoesElsewhereAtOnce) {
  two_workers();
  world.submit(kClient, {{}});
  EXPECT_EQ(turn(), Lines({"c11: run j1.1", "c1: submitted j1"}));
  const wire::AssignmentId first = j(1);
  report(ReportKind::Refused, first, ErrorClass::Refused);
  EXPECT_EQ(turn(), Lines({"c12: run j1.1", "c11: reported ok"}));
  EXPECT_GT(j(1).epoch, first.epoch);
  report(ReportKind::Accepted, first);
  EXPECT_EQ(turn(), Lines({"c11: reported stale"}));
  EXPECT_EQ(world.state_of(1), JobState::Assigned);
  EXPECT_EQ(world.shown->row.attempt_count, 0u);
}

TEST_F(JobEdges, AWorkerThatRefusesAgainAndAgainIsAskedSlowly) {
  one_worker();
  world.submit(kClient, {{}});
  (void)turn();
  size_t before = world.assigned.size();
  for (int i = 0; i < 5; ++i) {
    report(ReportKind::Refused, j(1), ErrorClass::Refused);
    (void)turn();
  }
  EXPECT_LE(world.assigned.size() - before, 1u);
  (void)after(2'000);
  EXPECT_EQ(world.assigned.size() - before, 2u);
}

TEST_F(JobEdges, AnAssignmentThatIsNotAckedInTimeIsGivenAgain) {
  one_worker();
  world.submit(kClient, {{}});
  (void)turn();
  const wire::AssignmentId first = j(1);
  EXPECT_EQ(after(9'900), Lines({}));
  EXPECT_EQ(after(200), Lines({"c11: run j1.1"}));
  report(ReportKind::Accepted, first);
  EXPECT_EQ(turn(), Lines({"c11: reported stale"}));
  EXPECT_EQ(world.state_of(1), JobState::Assigned);
}

// How a worker can go away, each while it runs a job with attempts left.
TEST_F(JobEdges, AJobWhoseWorkerGoesAwayIsLostAndRetried) {
  struct Case {
    const char* name;
    std::function<void(JobWorld&)> go;
  };
  const Case cases[] = {
      {"it is forgotten",
       [](JobWorld& world) {
         world.changed("w1", wire::WorkerChange::Forgotten);
       }},
      {"it is silent until it is offline",
       [](JobWorld& world) {
         world.silent.insert("w1");
         for (int i = 0; i < 21; ++i)
           world.advance(1'000);
       }},
      {"it comes back without the job",
       [](JobWorld& world) {
         world.attach("w1", kWorker1, {});
       }},
      {"it beats, but says nothing of the job for the length of a lease",
       [](JobWorld& world) {
         for (int i = 0; i < 31; ++i)
           world.advance(1'000);
       }},
      {"another life takes over and does not attach",
       [](JobWorld& world) {
         world.changed("w1", wire::WorkerChange::Replaced);
         for (int i = 0; i < 21; ++i)
           world.advance(1'000);
       }},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    fresh();
    one_worker();
    const wire::AssignmentId id =
        running({.attempts_max = 2, .retry_base_ms = 600'000, .retry_cap_ms = 600'000});
    world.ask(kClient, wire::WatchJobs{true, 0, {}});
    (void)turn();
    world.watched.clear();
    one.go(world);
    (void)turn();
    EXPECT_EQ(world.events(), Lines({"j1 LOST", "j1 RETRYING"}));
    EXPECT_EQ(world.tables->reservations.size(), 0u);
    report(ReportKind::Completed, id);
    EXPECT_EQ(turn().front(), "c11: reported stale");
    EXPECT_EQ(world.state_of(1), JobState::Retrying);
    EXPECT_EQ(world.shown->row.attempt_count, 1u);
    EXPECT_EQ(world.shown->row.last_error.kind, ErrorClass::Lost);
  }
}

// A worker that beats once a minute lost its jobs every half a minute.
TEST_F(JobEdges, AWorkerWithItsOwnTimeKeepsItsJobsAsLong) {
  world.worker("w1");
  world.ask(kWorker1, wire::AttachWorker{"w1", 1, 0, false, {}, 60'000});
  (void)turn();
  (void)running({.attempts_max = 2, .retry_base_ms = 600'000, .retry_cap_ms = 600'000});
  for (int i = 0; i < 59; ++i)
    world.advance(1'000);
  EXPECT_EQ(world.state_of(1), JobState::Running);
  for (int i = 0; i < 2; ++i)
    world.advance(1'000);
  EXPECT_EQ(world.state_of(1), JobState::Retrying);
}

TEST_F(JobEdges, TheLastAttemptThatIsLostIsTheEnd) {
  one_worker();
  (void)running({});
  world.ask(kClient, wire::WatchJobs{true, 0, {}});
  world.attach("w1", kWorker1, {});
  (void)turn();
  EXPECT_EQ(world.events(), Lines({"j1 LOST", "j1 FAILED"}));
}

TEST_F(JobEdges, AWorkerThatComesBackInTimeKeepsItsJobs) {
  one_worker();
  const wire::AssignmentId id = running({});
  world.close(kWorker1);
  (void)after(15'000);
  world.attach("w1", 21, {id});
  EXPECT_EQ(turn(), Lines({"c21: attached ok"}));
  (void)after(25'000);
  EXPECT_EQ(world.state_of(1), JobState::Running);
  world.report(21, "w1", ReportKind::Alive, id);
  EXPECT_EQ(turn(), Lines({"c21: reported ok"}));
  (void)after(25'000);
  EXPECT_EQ(world.state_of(1), JobState::Running);
}

TEST_F(JobEdges, ATaskThatRunsTooLongIsStoppedAndThenRetried) {
  one_worker();
  const wire::AssignmentId id = running({.attempts_max = 2, .timeout_ms = 1'000});
  EXPECT_EQ(after(1'100), Lines({"c11: stop j1.1 (it ran longer than 1000 ms)"}));
  EXPECT_EQ(world.state_of(1), JobState::Running);
  report(ReportKind::Failed, id, ErrorClass::Signal);
  (void)turn();
  EXPECT_EQ(world.state_of(1), JobState::Retrying);
  EXPECT_EQ(world.shown->row.last_error.kind, ErrorClass::Timeout);
}

TEST_F(JobEdges, ATaskThatCannotBeStoppedEndsWithItsLease) {
  one_worker();
  const wire::AssignmentId id = running({.timeout_ms = 1'000});
  for (int i = 0; i < 40; ++i) {
    (void)after(1'000);
    report(ReportKind::Alive, id);  // no longer renews anything
  }
  (void)turn();
  EXPECT_EQ(world.state_of(1), JobState::Failed);
  EXPECT_EQ(world.shown->row.last_error.kind, ErrorClass::Timeout);
}

TEST_F(JobEdges, ACheckpointedTaskIsRunAgainAndNotCounted) {
  one_worker();
  const wire::AssignmentId id = running({});
  report(ReportKind::Checkpointed, id);
  EXPECT_EQ(turn(), Lines({"c11: run j1.2", "c11: reported ok"}));
  EXPECT_EQ(world.state_of(1), JobState::Assigned);
  EXPECT_EQ(world.shown->row.attempt_count, 0u);
}

TEST_F(JobEdges, AbortEndsAJobInEveryLiveState) {
  struct Case {
    const char* name;
    std::function<void(JobEdges&)> begin;
    Lines said;
  };
  const Case cases[] = {
      {"pending",
       [](JobEdges& t) { t.world.submit(kClient, {{}}); },
       {"c1: 1 changed, 0 unchanged, 0 unknown"}},
      {"assigned",
       [](JobEdges& t) {
         t.one_worker();
         t.world.submit(kClient, {{}});
       },
       {"c11: stop j1.1 (no more)", "c1: 1 changed, 0 unchanged, 0 unknown"}},
      {"running",
       [](JobEdges& t) {
         t.one_worker();
         (void)t.running({});
       },
       {"c11: stop j1.1 (no more)", "c1: 1 changed, 0 unchanged, 0 unknown"}},
      {"retrying",
       [](JobEdges& t) {
         t.one_worker();
         t.report(ReportKind::Failed, t.running({.attempts_max = 2}), ErrorClass::Exit);
       },
       {"c1: 1 changed, 0 unchanged, 0 unknown"}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    fresh();
    one.begin(*this);
    (void)turn();
    abort({1, 1}, "no more");
    EXPECT_EQ(turn(), one.said);
    EXPECT_EQ(world.state_of(1), JobState::Aborted);
    EXPECT_EQ(world.shown->row.last_error.kind, ErrorClass::Aborted);
    abort({1, 2}, "again");
    EXPECT_EQ(turn(), Lines({"c1: 0 changed, 1 unchanged, 1 unknown"}));
  }
}

TEST_F(JobEdges, AnAbortedTaskHoldsItsPlaceUntilItHasStopped) {
  one_worker(1);
  const wire::AssignmentId id = running({});
  world.submit(kClient, {{}});
  (void)turn();
  abort({1, 1}, "no more");
  (void)turn();
  EXPECT_EQ(world.state_of(2), JobState::Pending);
  report(ReportKind::Alive, id);
  EXPECT_EQ(turn(), Lines({"c11: reported ok"}));
  report(ReportKind::Failed, id, ErrorClass::Signal);
  EXPECT_EQ(turn(), Lines({"c11: run j2.1", "c11: reported ok"}));
  EXPECT_EQ(world.state_of(1), JobState::Aborted);
}

TEST_F(JobEdges, ARetriedJobWaitsUntilItsAbortedTaskHasStopped) {
  one_worker();
  const wire::AssignmentId id = running({});
  abort({1, 1}, "no more");
  (void)turn();
  retry({1, 1});
  EXPECT_EQ(turn(), Lines({"c1: 1 changed, 0 unchanged, 0 unknown"}));
  EXPECT_EQ(world.state_of(1), JobState::Pending);
  report(ReportKind::Failed, id, ErrorClass::Signal);
  EXPECT_EQ(turn(), Lines({"c11: run j1.2", "c11: reported ok"}));
}

TEST_F(JobEdges, AllOnAWorkerCanBeAborted) {
  two_workers();
  world.submit(kClient, std::vector<TestJob>(4));
  (void)turn();
  world.ask(kClient, wire::ChangeJobs{wire::JobAction::Abort, {}, "w2", "maintenance"});
  (void)turn();
  uint64_t aborted = 0;
  for (uint64_t job = 1; job <= 4; ++job)
    aborted += world.state_of(job) == JobState::Aborted ? 1 : 0;
  EXPECT_EQ(aborted, 2u);
}

TEST_F(JobEdges, AJobAvoidsTheWorkerItFailedOnWhileOthersFit) {
  settings.cooldown_base = {0};
  fresh();
  two_workers();
  for (int i = 0; i < 3; ++i) {
    const wire::AssignmentId id = running({.attempts_max = 2, .retry_base_ms = 0});
    const std::string there = worker_of(id);
    report(ReportKind::Failed, id, ErrorClass::Exit);
    (void)turn();
    (void)after(100);
    EXPECT_NE(worker_of(j(id.job.value)), there);
    report(ReportKind::Completed, j(id.job.value));
    (void)turn();
  }
}

TEST_F(JobEdges, AWorkerThatFailsDifferentJobsCoolsDownLongerEachTime) {
  one_worker();
  struct Case {
    const char* fails;
    int64_t seconds;
  };
  for (const Case& one : {Case{"a", 1}, {"b", 2}, {"c", 4}, {"c", 1}, {"d", 8}}) {
    SCOPED_TRACE(one.fails);
    report(ReportKind::Failed, running({.name = one.fails}), ErrorClass::Exit);
    (void)turn();
    world.submit(kClient, {{}});
    (void)turn();
    const uint64_t next = world.submitted.back().first.value;
    (void)after(one.seconds * 1'000 - 200);
    EXPECT_EQ(world.state_of(next), JobState::Pending);
    (void)after(400);
    EXPECT_EQ(world.state_of(next), JobState::Assigned);
    abort({next, next}, "done");
    report(ReportKind::Refused, j(next));
    (void)turn();
  }
}

// An array of tasks that fail cooled down every worker, for minutes, and nobody else's jobs ran.
TEST_F(JobEdges, AJobThatFailsEverywhereCoolsDownOneWorkerOnly) {
  two_workers();
  for (int i = 0; i < 4; ++i) {
    const wire::AssignmentId id = running({.name = "bad"});
    world.report(
        worker_of(id) == "w1" ? kWorker1 : kWorker2,
        worker_of(id),
        ReportKind::Failed,
        id,
        ErrorClass::Exit);
    (void)turn();
  }
  const std::string first = worker_of(j(1));
  const std::string other = first == "w1" ? "w2" : "w1";
  for (uint64_t job = 2; job <= 4; ++job)
    EXPECT_EQ(worker_of(j(job)), other) << job;
  EXPECT_EQ(worker_of(running({.name = "good"})), other);
}

}  // namespace
}  // namespace berth::core
