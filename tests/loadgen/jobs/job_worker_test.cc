#include "loadgen/jobs/job_worker.h"

#include <map>

#include <gtest/gtest.h>

#include "tests/loadgen/jobs/sent_frames.h"

namespace berth::loadgen {
namespace {

using wire::ReportKind;
using wire::Verdict;

// A worker and a server that answers it, in memory.
struct World {
  explicit World(double fail = 0)
      : worker({.id = "w", .life = 5, .slots = 4, .tag = "t", .fail = fail}, frames.encoder, book) {
  }

  void assign(uint64_t job, uint64_t epoch, uint32_t attempt = 1) {
    const wire::Assignment item{.id = {{job}, epoch, attempt}};
    worker.on_reply(now, {0}, wire::Assignments{.items = std::span(&item, 1)}, out);
  }
  void submitted(uint64_t job) {
    book.on_sent(1);
    book.on_submitted(now, now, {job}, 1);
  }

  // One turn: what was sent, in words; every request is answered as a server that does all right.
  std::vector<std::string> turn(Verdict verdict = Verdict::Ok) {
    now = now + core::Duration::milliseconds(1);
    worker.end_turn(now, out);
    std::vector<std::string> story;
    frames.each(out, [&](wire::RequestId id, const wire::Request& request) {
      answer(id, request, verdict, story);
    });
    return story;
  }

  void answer(
      wire::RequestId id,
      const wire::Request& request,
      Verdict verdict,
      std::vector<std::string>& story) {
    if (const auto* beat = std::get_if<wire::Heartbeat>(&request)) {
      story.push_back(beat->has_profile ? "profile" : "beat");
      worker.on_reply(now, id, wire::HeartbeatReply{.accepted = true}, out);
    } else if (const auto* attach = std::get_if<wire::AttachWorker>(&request)) {
      std::string text = "attach";
      for (const wire::AssignmentId& running : attach->running)
        text += " " + std::to_string(running.job.value);
      story.push_back(text);
      std::vector<uint8_t> verdicts(attach->running.size(), static_cast<uint8_t>(verdict));
      worker.on_reply(now, id, wire::Attached{.verdicts = verdicts}, out);
    } else if (const auto* report = std::get_if<wire::Report>(&request)) {
      EXPECT_EQ(report->worker, "w");
      std::string text;
      for (const wire::ReportItem& item : report->items) {
        constexpr const char* kNames[] = {
            "accepted", "refused", "started", "alive", "completed", "failed", "checkpointed"};
        text += (text.empty() ? "" : ", ") + std::to_string(item.assignment.job.value) + " " +
                kNames[static_cast<size_t>(item.kind)];
      }
      story.push_back(text);
      std::vector<uint8_t> verdicts(report->items.size(), static_cast<uint8_t>(verdict));
      worker.on_reply(now, id, wire::Reported{.verdicts = verdicts}, out);
    }
  }

  void attach() {
    worker.on_welcome(out);
    EXPECT_EQ(turn(), std::vector<std::string>{"profile"});
    EXPECT_EQ(turn(), std::vector<std::string>{"attach"});
    EXPECT_TRUE(worker.attached());
  }

  using Story = std::vector<std::string>;

  SentFrames frames;
  JobBook book{100};
  JobWorker worker;
  Bytes out;
  core::Instant now{1'000};
};

using Story = World::Story;

TEST(JobWorker, SaysTheNextThingOnlyWhenTheOneBeforeWasAnswered) {
  World world;
  world.attach();
  world.submitted(7);
  world.assign(7, 1);
  EXPECT_EQ(world.turn(), Story{"7 accepted"});
  EXPECT_EQ(world.turn(), Story{"7 started"});
  EXPECT_EQ(world.turn(), Story{"7 completed"});
  EXPECT_EQ(world.turn(), Story{});
  EXPECT_EQ(world.book.tally().completed, 1u);
  EXPECT_EQ(world.worker.leases(), 0u);
}

TEST(JobWorker, WhatIsReadyInOneTurnGoesInOneReport) {
  World world;
  world.attach();
  for (uint64_t job : {1, 2, 3})
    world.assign(job, job);
  EXPECT_EQ(world.turn(), Story{"1 accepted, 2 accepted, 3 accepted"});
  world.assign(4, 4);
  Story story = world.turn();
  ASSERT_EQ(story.size(), 1u);
  EXPECT_NE(story[0].find("4 accepted"), std::string::npos);
  EXPECT_NE(story[0].find("1 started"), std::string::npos);
}

TEST(JobWorker, AnAttemptThatIsToFailDoesAndTheLastOneDoesNot) {
  World world(1.0);
  world.attach();
  world.submitted(7);
  for (uint32_t attempt : {1, 2, 3}) {
    world.assign(7, attempt, attempt);
    EXPECT_EQ(world.turn(), Story{"7 accepted"});
    EXPECT_EQ(world.turn(), Story{"7 started"});
    EXPECT_EQ(world.turn(), Story{attempt < 3 ? "7 failed" : "7 completed"});
  }
  EXPECT_EQ(world.book.tally().retries, 2u);
  EXPECT_EQ(world.book.tally().completed, 1u);
  EXPECT_EQ(world.book.tally().errors, 0u) << world.book.tally().first_error;
}

TEST(JobWorker, OnANewConnectionItNamesItsLeasesAndSaysAgainWhatWasNotAnswered) {
  World world;
  world.attach();
  world.submitted(1);
  world.submitted(2);
  world.assign(1, 1);
  world.turn();
  world.assign(2, 2);
  world.now = world.now + core::Duration::milliseconds(1);
  world.worker.end_turn(world.now, world.out);
  world.out.clear();  // lost: 1 started, 2 accepted
  world.worker.on_down();
  world.worker.on_welcome(world.out);
  EXPECT_EQ(world.turn(), Story{"profile"});
  EXPECT_EQ(world.turn(), Story{"attach 1 2"});
  Story story = world.turn();
  ASSERT_EQ(story.size(), 1u);
  EXPECT_EQ(story[0], "1 started, 2 accepted");
  world.turn();
  world.turn();
  EXPECT_EQ(world.book.tally().completed, 2u);
  EXPECT_EQ(world.book.tally().errors, 0u) << world.book.tally().first_error;
}

TEST(JobWorker, DropsWhatTheServerCallsStaleAndTakesItAgainLater) {
  struct Case {
    const char* name;
    bool on_attach;
  };
  for (const Case& c : {Case{"in a report", false}, Case{"when attaching", true}}) {
    World world;
    world.attach();
    world.submitted(7);
    world.assign(7, 1);
    if (c.on_attach) {
      world.turn();
      world.worker.on_down();
      world.worker.on_welcome(world.out);
      world.turn();
    }
    world.turn(Verdict::Stale);
    EXPECT_EQ(world.worker.leases(), 0u) << c.name;
    EXPECT_EQ(world.book.tally().stale, 1u) << c.name;
    EXPECT_EQ(world.turn(), Story{}) << c.name;
    world.assign(7, 2, 2);
    EXPECT_EQ(world.turn(), Story{"7 accepted"}) << c.name;
    EXPECT_EQ(world.book.tally().errors, 0u) << world.book.tally().first_error;
  }
}

// The lease of a job whose completion was stored is over; only the answer was lost.
TEST(JobWorker, ACompletionWhoseAnswerWasLostIsSaidAgainThoughTheLeaseIsOver) {
  World world;
  world.attach();
  world.submitted(7);
  world.assign(7, 1);
  world.turn();
  world.turn();
  world.now = world.now + core::Duration::milliseconds(1);
  world.worker.end_turn(world.now, world.out);
  world.out.clear();  // its answer is lost
  world.worker.on_down();
  world.worker.on_welcome(world.out);
  world.turn();
  EXPECT_EQ(world.turn(Verdict::Stale), Story{"attach 7"});
  EXPECT_EQ(world.turn(Verdict::Repeated), Story{"7 completed"});
  EXPECT_EQ(world.book.tally().completed, 1u);
  EXPECT_EQ(world.book.tally().stale, 0u);
}

TEST(JobWorker, TheSameAssignmentTwiceIsOneLease) {
  World world;
  world.attach();
  world.assign(7, 1);
  world.assign(7, 1);
  EXPECT_EQ(world.worker.leases(), 1u);
  EXPECT_EQ(world.turn(), Story{"7 accepted"});
}

TEST(JobWorker, WaitsForABusyServer) {
  World world;
  world.attach();
  world.assign(7, 1);
  world.worker.end_turn(world.now, world.out);
  world.frames.each(world.out, [&](wire::RequestId id, const wire::Request&) {
    world.worker.on_reply(world.now, id, wire::Refused{.code = wire::Refusal::Busy}, world.out);
  });
  EXPECT_EQ(world.turn(), Story{});
  world.now = world.now + JobWorker::kBusyWait;
  EXPECT_EQ(world.turn(), Story{"7 accepted"});
  EXPECT_EQ(world.book.tally().busy, 1u);
}

TEST(JobWorker, MoreLeasesThanSlotsIsAnError) {
  World world;
  world.attach();
  for (uint64_t job : {1, 2, 3, 4})
    world.assign(job, job);
  EXPECT_EQ(world.book.tally().errors, 0u);
  world.assign(5, 5);
  EXPECT_EQ(world.book.tally().errors, 1u);
}

}  // namespace
}  // namespace berth::loadgen
