#include "agent/job_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/job_talk.h"

namespace berth::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::Verdict;

TEST(JobSession, RunsAJobFromItsAssignmentToItsEnd) {
  JobTalk talk;
  talk.session.on_up(at(0), talk.effects);
  EXPECT_THAT(talk.told(at(0)), ElementsAre("attach"));
  talk.attached(at(1));
  talk.push(at(2), lease(1));
  EXPECT_THAT(talk.told(at(2)), ElementsAre("report accepted 1.1"));
  talk.reported(at(3));
  EXPECT_THAT(talk.told(at(3)), ElementsAre("start 1.1"));
  EXPECT_EQ(talk.session.tasks(), 1u);
  talk.session.on_task_started(at(4), lease(1), talk.effects);
  EXPECT_THAT(talk.told(at(4)), ElementsAre("report started 1.1"));
  talk.reported(at(5));
  EXPECT_THAT(talk.told(at(5)), IsEmpty());
  talk.session.on_task_ended(at(900), exited(lease(1)), talk.effects);
  EXPECT_EQ(talk.session.tasks(), 0u);
  EXPECT_EQ(talk.session.unreported(), 1u);
  EXPECT_THAT(talk.told(at(900)), ElementsAre("report completed 1.1"));
  talk.reported(at(901));
  EXPECT_THAT(talk.told(at(901)), ElementsAre("settle 1.1"));
  EXPECT_EQ(talk.session.unreported(), 0u);
  EXPECT_FALSE(talk.session.deadline().has_value()) << "an idle worker needs no timer";
}

TEST(JobSession, StartsNothingBeforeItsAckIsAnsweredOk) {
  struct Case {
    const char* name;
    Verdict verdict;
    std::vector<std::string> told;
  };
  const Case cases[] = {
      {"known now", Verdict::Ok, {"start 1.1"}},
      {"known before, and our answer to that was lost", Verdict::Repeated, {"start 1.1"}},
      {"a crash of the server has forgotten it", Verdict::Stale, {}},
  };
  for (const Case& c : cases) {
    JobTalk talk;
    talk.come_up(at(0));
    talk.push(at(1), lease(1));
    EXPECT_THAT(talk.told(at(1)), ElementsAre("report accepted 1.1")) << c.name;
    EXPECT_THAT(talk.told(at(9'000)), IsEmpty()) << c.name;
    talk.reported(at(9'001), {c.verdict});
    EXPECT_EQ(talk.told(at(9'001)), c.told) << c.name;
    talk.reported(at(9'002), {Verdict::Ok});
    EXPECT_THAT(talk.told(at(9'002)), IsEmpty()) << c.name << ": answered twice";
  }
}

TEST(JobSession, SaysWhyItRefuses) {
  constexpr wire::Text kCommand[] = {"true"};
  struct Case {
    const char* name;
    wire::JobSpec spec;
    const char* why;
  };
  wire::JobSpec nothing;
  wire::JobSpec container = JobTalk::plain();
  container.runner = wire::Runner::Container;
  container.image = "busybox";
  wire::JobSpec image;
  image.command = kCommand;
  image.image = "/images/busybox";
  const Case cases[] = {
      {"a job without a command", nothing, "command"},
      {"a runner that does not work here", container, "runner:container does not work"},
      {"an image, where containers do not work", image, "runner:container does not work"},
  };
  for (const Case& c : cases) {
    JobTalk talk;
    talk.come_up(at(0));
    talk.push(at(1), lease(1), c.spec);
    std::vector<std::string> told = talk.told(at(1));
    ASSERT_EQ(told.size(), 1u) << c.name;
    EXPECT_THAT(told[0], HasSubstr("report refused 1.1")) << c.name;
    EXPECT_THAT(told[0], HasSubstr(c.why)) << c.name;
    talk.reported(at(2));
    EXPECT_THAT(talk.told(at(2)), IsEmpty()) << c.name;
    talk.push(at(3), lease(1), c.spec);
    EXPECT_EQ(talk.told(at(3)), told) << c.name << ": pushed again, the same answer";
  }
}

TEST(JobSession, RefusesASpecThatCannotBeRead) {
  JobTalk talk;
  talk.come_up(at(0));
  alignas(8) std::byte noise[16] = {};
  wire::Assignment item;
  item.id = lease(1);
  item.spec = noise;
  wire::Assignments message;
  message.items = {&item, 1};
  talk.session.on_reply(at(1), {0}, message, talk.effects);
  EXPECT_THAT(talk.told(at(1)), ElementsAre(HasSubstr("refused 1.1 (its spec of 16 bytes")));
}

TEST(JobSession, RefusesWhileDrainingAndBeyondItsTasks) {
  JobSessionSettings settings;
  settings.tasks_max = 1;
  JobTalk talk(settings);
  talk.come_up(at(0));
  talk.session.refuse_new("the agent is told to stop");
  talk.push(at(1), lease(1));
  EXPECT_THAT(talk.told(at(1)), ElementsAre("report refused 1.1 (the agent is told to stop)"));
  talk.session.refuse_new("");
  talk.run(at(2), lease(2));
  talk.push(at(3), lease(3));
  EXPECT_THAT(
      talk.told(at(3)),
      ElementsAre("report refused 3.1 (this worker has 1 tasks already, of at most 1)"));
}

TEST(JobSession, AnswersAnAssignmentThatComesAgainAndStartsItOnce) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.push(at(1), lease(1));
  talk.push(at(1), lease(1));
  EXPECT_THAT(talk.told(at(1)), ElementsAre("report accepted 1.1"));
  talk.reported(at(2));
  EXPECT_THAT(talk.told(at(2)), ElementsAre("start 1.1"));
  talk.push(at(3), lease(1));
  EXPECT_THAT(talk.told(at(3)), ElementsAre("report accepted 1.1"));
  talk.reported(at(4), {Verdict::Repeated});
  EXPECT_THAT(talk.told(at(4)), IsEmpty());
  talk.session.on_task_ended(at(5), exited(lease(1)), talk.effects);
  (void)talk.told(at(5));
  talk.push(at(6), lease(1));
  EXPECT_THAT(talk.told(at(6)), IsEmpty()) << "its end is on the way";
  talk.reported(at(7));
  EXPECT_THAT(talk.told(at(7)), ElementsAre("settle 1.1"));
  talk.push(at(8), lease(1));
  EXPECT_THAT(talk.told(at(8)), IsEmpty()) << "overtaken by its own end";
}

TEST(JobSession, ANewerLeaseOfAJobEndsTheOlder) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.run(at(1), lease(1, 1));
  talk.push(at(2), lease(1, 2));
  EXPECT_THAT(
      talk.told(at(2)),
      ElementsAre(
          "stop 1.1",
          "report refused 1.2 (attempt 1 of the same job is still being stopped on this worker)"));
  talk.reported(at(3));
  talk.session.on_task_ended(at(4), exited(lease(1, 1), 15), talk.effects);
  EXPECT_THAT(talk.told(at(4)), ElementsAre("settle 1.1")) << "not ours any more: not reported";
  talk.push(at(5), lease(1, 3));
  EXPECT_THAT(talk.told(at(5)), ElementsAre("report accepted 1.3"));
  talk.push(at(6), lease(1, 2));
  EXPECT_THAT(talk.told(at(6)), IsEmpty()) << "overtaken by a newer one";
}

TEST(JobSession, KeepsAllLeasesAliveWithOneReport) {
  JobTalk talk;
  talk.come_up(at(0));
  for (uint64_t job = 1; job <= 3; ++job)
    talk.run(at(10), lease(job));
  EXPECT_EQ(talk.session.deadline(), at(5'010));
  EXPECT_THAT(talk.told(at(5'010)), ElementsAre("report alive 1.1, alive 2.1, alive 3.1"));
  talk.reported(at(5'011), {Verdict::Ok, Verdict::Stale, Verdict::Ok});
  EXPECT_THAT(talk.told(at(5'011)), ElementsAre("stop 2.1"));
  talk.session.on_task_ended(at(5'012), exited(lease(2), 15), talk.effects);
  EXPECT_THAT(talk.told(at(5'012)), ElementsAre("settle 2.1"));
  EXPECT_THAT(talk.told(at(10'010)), ElementsAre("report alive 1.1, alive 3.1"));
}

TEST(JobSession, SaysAliveAtLeastThriceInALease) {
  JobTalk talk;
  talk.session.on_up(at(0), talk.effects);
  (void)talk.told(at(0));
  wire::Attached reply;
  reply.lease_ms = 3'000;
  talk.session.on_reply(at(0), talk.attach_id, reply, talk.effects);
  talk.run(at(0), lease(1));
  EXPECT_EQ(talk.session.deadline(), at(1'000));
}

TEST(JobSession, GathersWhatHappensInOneTurn) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.run(at(1), lease(1));
  talk.push(at(2), lease(2));
  talk.session.on_task_ended(at(2), exited(lease(1), 3), talk.effects);
  talk.push(at(2), lease(3));
  EXPECT_THAT(
      talk.told(at(2)), ElementsAre("report accepted 2.1, failed 1.1 (exit code 3), accepted 3.1"));
  talk.reported(at(3));
  EXPECT_THAT(talk.told(at(3)), ElementsAre("start 2.1", "settle 1.1", "start 3.1"));
}

TEST(JobSession, StartedAndEndedInOneTurnIsToldInThatOrder) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.push(at(1), lease(1));
  (void)talk.told(at(1));
  talk.reported(at(2));
  (void)talk.told(at(2));
  talk.session.on_task_started(at(3), lease(1), talk.effects);
  talk.session.on_task_ended(at(3), exited(lease(1)), talk.effects);
  EXPECT_THAT(talk.told(at(3)), ElementsAre("report started 1.1, completed 1.1"));
  talk.reported(at(4));
  EXPECT_THAT(talk.told(at(4)), ElementsAre("settle 1.1"));
}

TEST(JobSession, StopsWhatTheServerWantsStopped) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.run(at(1), lease(1));
  talk.stop(at(2), lease(1));
  talk.stop(at(2), lease(9));
  EXPECT_THAT(talk.told(at(2)), ElementsAre("stop 1.1")) << "the other one is unknown";
  TaskResult aborted = exited(lease(1), 143);
  aborted.error = wire::ErrorClass::Aborted;
  talk.session.on_task_ended(at(3), std::move(aborted), talk.effects);
  EXPECT_THAT(talk.told(at(3)), ElementsAre(HasSubstr("report failed 1.1")));
}

TEST(JobSession, WhatIsStoppedBeforeItStartsNeverRuns) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.push(at(1), lease(1));
  EXPECT_THAT(talk.told(at(1)), ElementsAre("report accepted 1.1"));
  talk.stop(at(2), lease(1));
  EXPECT_THAT(talk.told(at(2)), ElementsAre("report failed 1.1 (stopped before it was started)"));
  wire::RequestId ack = talk.report_ids[0];
  wire::Reported ok;
  talk.session.on_reply(at(3), ack, ok, talk.effects);
  EXPECT_THAT(talk.told(at(3)), IsEmpty());
  talk.reported(at(4));
  EXPECT_THAT(talk.told(at(4)), IsEmpty()) << "the runner never knew it";
  EXPECT_EQ(talk.session.unreported(), 0u);
}

// ---- Output -------------------------------------------------------------------------------------

wire::WantLog wanted(uint64_t ticket) {
  wire::WantLog want;
  want.ticket = ticket;
  return want;
}

OutputPiece piece(std::string_view text) {
  OutputPiece piece;
  for (char c : text)
    piece.data.push_back(static_cast<std::byte>(c));
  return piece;
}

TEST(JobSession, BringsThePieceOfOutputThatIsWanted) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.want_log(at(1), 7, 0);
  EXPECT_THAT(talk.told(at(1)), ElementsAre("read 7"));
  talk.session.on_output(at(1), wanted(7), piece("hello"), talk.effects);
  EXPECT_THAT(talk.told(at(1)), ElementsAre("piece 7"));
  EXPECT_EQ(talk.log_text, "hello");
}

TEST(JobSession, WaitsForOutputAsLongAsItIsWorthIt) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.want_log(at(0), 7, 250);
  for (int64_t ms : {0, 100, 200, 250}) {
    EXPECT_EQ(talk.session.deadline(), at(ms));
    EXPECT_THAT(talk.told(at(ms)), ElementsAre("read 7"));
    talk.session.on_output(at(ms), wanted(7), piece(""), talk.effects);
  }
  EXPECT_THAT(talk.told(at(250)), ElementsAre("piece 7")) << "nothing, and that is the answer";
}

TEST(JobSession, ReadsNoFasterThanTheServerTakes) {
  JobTalk talk;
  talk.come_up(at(0));
  for (uint64_t ticket = 1; ticket <= 100; ++ticket)
    talk.want_log(at(0), ticket, 0);
  EXPECT_EQ(talk.told(at(0)).size(), 16u);
  talk.session.on_output(at(1), wanted(1), piece("a"), talk.effects);
  EXPECT_THAT(talk.told(at(1)), ElementsAre("piece 1"));
  EXPECT_TRUE(talk.session.on_reply(at(2), talk.piece_id, wire::Done{}, talk.effects));
  EXPECT_THAT(talk.told(at(2)), ElementsAre("read 17"));
  talk.session.on_down(at(3), talk.effects);
  EXPECT_THAT(talk.told(at(9)), IsEmpty()) << "whoever waited is told by the server";
}

}  // namespace
}  // namespace berth::agent
