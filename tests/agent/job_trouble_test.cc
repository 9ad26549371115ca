#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/job_session.h"
#include "tests/agent/job_talk.h"
#include "wire/encode.h"
#include "wire/frame.h"

/// What a JobSession does when answers are lost, late or unfriendly, and connections end.
namespace berth::agent {
namespace {

using core::Duration;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::Verdict;

TEST(JobSession, NamesEveryLeaseOnEveryConnectionAndStopsWhatIsStale) {
  JobTalk talk;
  talk.come_up(at(0));
  for (uint64_t job = 1; job <= 4; ++job)
    talk.run(at(1), lease(job));
  talk.push(at(2), lease(5));  // its ack is never answered
  (void)talk.told(at(2));
  talk.session.on_down(at(3), talk.effects);
  talk.session.on_task_ended(at(4), exited(lease(3)), talk.effects);
  talk.session.on_task_ended(at(4), exited(lease(4)), talk.effects);
  EXPECT_THAT(talk.told(at(60'000)), IsEmpty()) << "tasks go on";

  talk.session.on_up(at(60'000), talk.effects);
  EXPECT_THAT(talk.told(at(60'000)), ElementsAre("attach 1.1 2.1 3.1 4.1 5.1"));
  talk.attached(
      at(60'001), {Verdict::Ok, Verdict::Stale, Verdict::Ok, Verdict::Stale, Verdict::Ok});
  EXPECT_THAT(
      talk.told(at(60'001)),
      ElementsAre(
          "stop 2.1",
          "settle 4.1",
          "report started 3.1, completed 3.1, started 1.1, accepted 5.1"));
  talk.reported(at(60'002), {Verdict::Repeated, Verdict::Ok, Verdict::Repeated, Verdict::Ok});
  EXPECT_THAT(talk.told(at(60'002)), ElementsAre("settle 3.1", "start 5.1"));
}

TEST(JobSession, RepeatsAnEndUntilItIsBelieved) {
  struct Case {
    const char* name;
    Verdict verdict;
  };
  const Case cases[] = {
      {"believed at last", Verdict::Ok},
      {"believed before, and the answer was lost", Verdict::Repeated},
      {"wanted no more", Verdict::Stale},
  };
  for (const Case& c : cases) {
    JobTalk talk;
    talk.come_up(at(0));
    talk.run(at(1), lease(1));
    talk.session.on_task_ended(at(2), exited(lease(1)), talk.effects);
    EXPECT_THAT(talk.told(at(2)), ElementsAre("report completed 1.1")) << c.name;
    EXPECT_THAT(talk.told(at(10'002)), ElementsAre("report completed 1.1")) << c.name;
    talk.refuse(at(10'003), talk.report_id, wire::Refusal::Busy, "the ledger is busy");
    EXPECT_THAT(talk.told(at(10'004)), IsEmpty()) << c.name << ": left alone for a moment";
    EXPECT_THAT(talk.told(at(10'203)), ElementsAre("report completed 1.1")) << c.name;
    talk.session.on_down(at(10'204), talk.effects);
    talk.session.on_up(at(10'205), talk.effects);
    EXPECT_THAT(talk.told(at(10'205)), ElementsAre("attach 1.1")) << c.name;
    talk.attached(at(10'206));
    EXPECT_THAT(talk.told(at(10'206)), ElementsAre("report started 1.1, completed 1.1")) << c.name;
    talk.reported(at(10'207), {Verdict::Repeated, c.verdict});
    EXPECT_THAT(talk.told(at(10'207)), ElementsAre("settle 1.1")) << c.name;
  }
}

TEST(JobSession, AnAnswerToAnOlderConnectionIsNone) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.push(at(1), lease(1));
  (void)talk.told(at(1));
  wire::RequestId old = talk.report_id;
  talk.session.on_down(at(2), talk.effects);
  talk.session.on_up(at(3), talk.effects);
  (void)talk.told(at(3));
  wire::Reported ok;
  EXPECT_TRUE(talk.session.on_reply(at(4), old, ok, talk.effects));
  EXPECT_THAT(talk.told(at(4)), IsEmpty());
  talk.attached(at(5));
  EXPECT_THAT(talk.told(at(5)), ElementsAre("report accepted 1.1"));
}

TEST(JobSession, AnswersMayComeInAnyOrder) {
  JobTalk talk;
  talk.come_up(at(0));
  for (uint64_t job = 1; job <= 3; ++job) {
    talk.push(at(static_cast<int64_t>(job)), lease(job));
    (void)talk.told(at(static_cast<int64_t>(job)));
  }
  for (size_t i : {2u, 0u, 1u})
    talk.session.on_reply(at(9), talk.report_ids[i], wire::Reported{}, talk.effects);
  EXPECT_THAT(talk.told(at(9)), ElementsAre("start 3.1", "start 1.1", "start 2.1"));
}

TEST(JobSession, WaitsWithAllReportsUntilItIsAttached) {
  JobTalk talk;
  talk.session.on_task_started(at(0), lease(1), talk.effects);  // an earlier life left it
  talk.session.on_task_ended(at(0), exited(lease(2)), talk.effects);
  EXPECT_THAT(talk.told(at(1)), IsEmpty());
  talk.session.on_up(at(2), talk.effects);
  EXPECT_THAT(talk.told(at(2)), ElementsAre("attach 1.1 2.1"));
  EXPECT_THAT(talk.told(at(10'002)), ElementsAre("attach 1.1 2.1")) << "not answered: once more";
  talk.attached(at(10'003));
  EXPECT_THAT(talk.told(at(10'003)), ElementsAre("report started 1.1, completed 2.1"));
}

TEST(JobSession, AsksAgainWhenItMayNotAttach) {
  struct Case {
    wire::Refusal code;
    int64_t wait_ms;
    bool logged;
  };
  const Case cases[] = {
      {wire::Refusal::Busy, 500, false},
      {wire::Refusal::NotFound, 500, true},
      {wire::Refusal::Conflict, 30'000, true},
      {wire::Refusal::Unsupported, 30'000, true},
  };
  for (const Case& c : cases) {
    JobTalk talk;
    talk.session.on_up(at(0), talk.effects);
    (void)talk.told(at(0));
    talk.refuse(at(1), talk.attach_id, c.code, "another worker has this id");
    EXPECT_EQ(talk.told(at(1)).size(), c.logged ? 1u : 0u);
    EXPECT_EQ(talk.session.deadline(), at(1 + c.wait_ms));
    EXPECT_THAT(talk.told(at(1 + c.wait_ms)), ElementsAre("attach"));
    talk.refuse(at(40'000), talk.attach_id, c.code, "another worker has this id");
    EXPECT_THAT(talk.told(at(40'000)), IsEmpty()) << "logged once";
  }
}

TEST(JobSession, AttachesAgainWhenItsReportsAreRefused) {
  JobTalk talk;
  talk.come_up(at(0));
  talk.run(at(1), lease(1));
  talk.session.on_task_ended(at(2), exited(lease(1)), talk.effects);
  (void)talk.told(at(2));
  talk.refuse(at(3), talk.report_id, wire::Refusal::Conflict, "w1 is not attached here");
  EXPECT_THAT(talk.told(at(3)), ElementsAre(HasSubstr("log the server gives this worker no jobs")));
  EXPECT_FALSE(talk.session.attached());
  EXPECT_THAT(talk.told(at(30'003)), ElementsAre("attach 1.1"));
}

TEST(JobSession, WithoutAServerTasksGoOnOrAreStopped) {
  JobSessionSettings settings;
  settings.stop_after_loss = Duration::seconds(60);
  JobTalk talk(settings);
  talk.come_up(at(0));
  talk.run(at(0), lease(1));
  talk.session.on_down(at(1'000), talk.effects);
  talk.session.on_down(at(2'000), talk.effects);
  EXPECT_EQ(talk.session.deadline(), at(61'000));
  EXPECT_THAT(talk.told(at(60'999)), IsEmpty());
  EXPECT_THAT(
      talk.told(at(61'000)),
      ElementsAre(HasSubstr("log no server for 60000 ms: stopping 1 tasks"), "stop 1.1 lost"));
  EXPECT_THAT(talk.told(at(200'000)), IsEmpty()) << "once";
}

TEST(JobSession, TasksOfAnEarlierLifeAreStoppedWithoutAServerToo) {
  JobSessionSettings settings;
  settings.stop_after_loss = Duration::seconds(60);
  JobTalk talk(settings);
  talk.session.on_task_started(at(5'000), lease(1), talk.effects);
  EXPECT_EQ(talk.session.deadline(), at(65'000));
  talk.come_up(at(6'000));
  (void)talk.told(at(6'000));
  talk.reported(at(6'000));
  EXPECT_THAT(talk.told(at(10'000)), IsEmpty());
}

TEST(JobSession, ManyEndsGoOutInReportsThatFitAFrame) {
  JobTalk talk;
  talk.come_up(at(0));
  constexpr uint64_t kJobs = 10'000;
  for (uint64_t job = 1; job <= kJobs; ++job) {
    TaskResult result = exited(lease(job));
    result.outputs.resize(2, {"stdout", "/var/lib/berth/tasks/1.1.1/stdout", 1, "", false});
    talk.session.on_task_ended(at(1), std::move(result), talk.effects);
  }
  wire::Encoder encoder;
  size_t items = 0;
  while (items < kJobs) {
    talk.session.on_timer(at(1), talk.effects);
    ASSERT_FALSE(talk.effects.empty());
    JobEffects sent = std::move(talk.effects);
    talk.effects.clear();
    for (const JobEffect& effect : sent) {
      const auto* send = std::get_if<SendJobMessage>(&effect);
      if (send == nullptr) continue;
      std::vector<std::byte> frame;
      encoder.encode(send->id, send->message, frame);
      EXPECT_LT(frame.size(), wire::kMaxFrameBytesDefault);
      items += std::get<wire::Report>(send->message).items.size();
      talk.session.on_reply(at(1), send->id, wire::Reported{}, talk.effects);
    }
  }
  EXPECT_EQ(items, kJobs);
  EXPECT_EQ(talk.session.unreported(), 0u);
}

TEST(JobSession, TellsThisStoryThroughACrashOfTheServer) {
  JobTalk talk;
  std::string story;
  auto tell = [&](int64_t ms) {
    for (const std::string& line : talk.told(at(ms)))
      story += std::to_string(ms) + "ms " + line + "\n";
  };
  talk.session.on_up(at(0), talk.effects);
  tell(0);
  talk.attached(at(1));
  talk.push(at(2), lease(1));
  talk.push(at(2), lease(2));
  tell(2);
  talk.reported(at(3));
  tell(3);
  talk.session.on_task_started(at(4), lease(1), talk.effects);
  talk.session.on_task_started(at(4), lease(2), talk.effects);
  tell(4);
  talk.session.on_down(at(5), talk.effects);  // before the answer
  talk.session.on_task_ended(at(300), exited(lease(1)), talk.effects);
  tell(300);
  talk.session.on_up(at(900), talk.effects);
  tell(900);
  talk.attached(at(901));
  tell(901);
  talk.reported(at(902));
  tell(902);
  tell(5'901);
  talk.reported(at(5'902));
  talk.session.on_task_ended(at(6'000), exited(lease(2), 1), talk.effects);
  tell(6'000);
  talk.reported(at(6'001));
  tell(6'001);
  EXPECT_EQ(
      story,
      "0ms attach\n"
      "2ms report accepted 1.1, accepted 2.1\n"
      "3ms start 1.1\n"
      "3ms start 2.1\n"
      "4ms report started 1.1, started 2.1\n"
      "900ms attach 1.1 2.1\n"
      "901ms report started 1.1, completed 1.1, started 2.1\n"
      "902ms settle 1.1\n"
      "5901ms report alive 2.1\n"
      "6000ms report failed 2.1 (exit code 1)\n"
      "6001ms settle 2.1\n");
}

}  // namespace
}  // namespace berth::agent
