#include <gtest/gtest.h>

#include "tests/core/jobs/job_fixture.h"

namespace berth::core {
namespace {

class JobStory : public JobFixture {};

TEST_F(JobStory, AJobIsSubmittedRunAndCompleted) {
  one_worker();
  world.ask(kClient, wire::WatchJobs{true, 0, {}});
  EXPECT_EQ(turn(), Lines({"c1: done"}));
  world.submit(kClient, {{.name = "hello"}});
  EXPECT_EQ(
      turn(), Lines({"c11: run j1.1", "c1: submitted j1", "c1: events j1 PENDING j1 ASSIGNED"}));
  report(ReportKind::Accepted, j(1));
  EXPECT_EQ(turn(), Lines({"c11: reported ok"}));
  report(ReportKind::Started, j(1));
  EXPECT_EQ(turn(), Lines({"c11: reported ok", "c1: events j1 RUNNING"}));
  world.ask(kClient, wire::WaitJobs{std::vector<wire::JobRange>{{{1}, {1}}}, 1'000});
  EXPECT_EQ(turn(), Lines({}));
  report(ReportKind::Completed, j(1));
  EXPECT_EQ(turn(), Lines({"c11: reported ok", "c1: all ended", "c1: events j1 COMPLETED"}));
  EXPECT_EQ(world.tables->reservations.size(), 0u);
  report(ReportKind::Completed, j(1));
  EXPECT_EQ(turn(), Lines({"c11: reported repeated"}));
}

TEST_F(JobStory, NothingIsPromisedBeforeItIsDurable) {
  one_worker();
  world.hold_durable = true;
  world.submit(kClient, {{}}, "once");
  EXPECT_EQ(turn(), Lines({"c11: run j1.1"}));  // it will have to ask before it runs
  world.submit(kClient, {{}}, "once");
  report(ReportKind::Accepted, j(1));
  EXPECT_EQ(turn(), Lines({}));
  report(ReportKind::Started, j(1));
  EXPECT_EQ(turn(), Lines({"c11: reported ok"}));
  world.durable();
  EXPECT_EQ(
      world.said(), Lines({"c1: submitted j1", "c1: submitted again j1", "c11: reported ok"}));
}

TEST_F(JobStory, AFailedAttemptIsRetriedAfterItsBackOff) {
  two_workers();
  world.submit(kClient, {{.attempts_max = 2}});
  (void)turn();
  const wire::AssignmentId first = j(1);
  report(ReportKind::Failed, first, ErrorClass::Exit);
  EXPECT_EQ(turn(), Lines({"c11: reported ok"}));
  EXPECT_EQ(world.state_of(1), JobState::Retrying);
  EXPECT_EQ(after(700), Lines({}));
  (void)after(600);
  const wire::AssignmentId second = j(1);
  EXPECT_EQ(second.attempt, 2u);
  EXPECT_GT(second.epoch, first.epoch);
  world.report(kWorker2, "w2", ReportKind::Failed, second, ErrorClass::Oom);
  (void)turn();
  EXPECT_EQ(world.state_of(1), JobState::Failed);
  EXPECT_EQ(world.shown->row.attempt_count, 2u);
  EXPECT_EQ(world.store.attempts().size(), 2u);
}

TEST_F(JobStory, AJobIsFoundByHowItsNameBegins) {
  world.submit(kClient, {{.name = "train-1"}, {.name = "train-2"}, {.name = "test"}});
  (void)turn();
  world.ask(kClient, wire::ListJobs{.name = "train-"});
  EXPECT_EQ(turn(), Lines({"c1: page j1 PENDING j2 PENDING"}));
  world.ask(kClient, wire::ListJobs{.name = "test"});
  EXPECT_EQ(turn(), Lines({"c1: page j3 PENDING"}));
}

// The whole submit stays outside, and its client learns what rules out whom.
TEST_F(JobStory, AJobThatNobodyCouldRunIsNotTakenWhenItsClientSaysSo) {
  one_worker();
  world.submit(kClient, {{}, {.tags = {"moon"}}}, {}, true);
  EXPECT_EQ(turn(), Lines({"c1: unplaced: eliminated"}));
  world.submit(kClient, {{}}, {}, true);
  EXPECT_EQ(turn(), Lines({"c11: run j1.1", "c1: submitted j1"}));
}

TEST_F(JobStory, WhoReadsTheOutputOfAJobThatHasNotStartedWaits) {
  world.submit(kClient, {{}});
  (void)turn();
  world.ask(kClient, wire::ReadLog{.job = {1}});
  EXPECT_EQ(turn(), Lines({"c1: log: no attempt yet"}));
  world.ask(kClient, wire::ReadLog{.job = {1}, .wait_ms = 20'000});
  EXPECT_EQ(turn(), Lines({}));
  EXPECT_EQ(after(600), Lines({"c1: log: no attempt yet"}));
  world.ask(kClient, wire::ReadLog{.job = {1}, .attempt = 1});
  EXPECT_EQ(turn(), Lines({"c1: refused not_found: job 1 has no attempt 1"}));
}

// Its worker was asked, and had never heard of the attempt.
TEST_F(JobStory, WhoReadsTheOutputOfAnAttemptThatIsOnlyGivenOutWaits) {
  one_worker();
  world.submit(kClient, {{}});
  (void)turn();
  for (uint32_t attempt : {0, 1}) {
    world.ask(kClient, wire::ReadLog{.job = {1}, .attempt = attempt});
    EXPECT_EQ(turn(), Lines({"c1: log: no attempt yet"}));
    world.ask(kClient, wire::ReadLog{.job = {1}, .attempt = attempt, .wait_ms = 20'000});
    EXPECT_EQ(turn(), Lines({}));
    EXPECT_EQ(after(60), Lines({"c1: log: no attempt yet"}));
  }
}

TEST_F(JobStory, ARestartedServerKnowsWhatRuns) {
  one_worker();
  const wire::AssignmentId id = running({});
  world.restart();
  world.attach("w1", kWorker1, {id});
  EXPECT_EQ(turn(), Lines({"c11: attached ok"}));
  EXPECT_EQ(world.tables->reservations.size(), 1u);
  report(ReportKind::Completed, id);
  EXPECT_EQ(turn(), Lines({"c11: reported ok"}));
  EXPECT_EQ(world.state_of(1), JobState::Completed);
  EXPECT_EQ(world.tables->reservations.size(), 0u);
}

}  // namespace
}  // namespace berth::core
