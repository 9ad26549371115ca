#include "agent/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::agent {
namespace {

using core::Duration;
using core::Instant;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Instant at(int64_t ms) {
  return Instant{} + Duration::milliseconds(ms);
}

/// One session, its effects told as short lines.
class Talk {
 public:
  explicit Talk(SessionSettings settings = {}) : settings_(std::move(settings)) {
    settings_.server = "s1:7640";
    profile.tags = {"linux"};
    profile.slots = 4;
    session.emplace(settings_, life, profile, vitals, 1);
  }

  std::vector<std::string> told() {
    std::vector<std::string> lines;
    for (const Effect& effect : effects)
      lines.push_back(line(effect));
    effects.clear();
    return lines;
  }

  /// Through Hello and Welcome to the first beat, whose id is 2.
  void come_up(Instant now) {
    session->start(now, effects);
    greet(now);
  }
  void greet(Instant now) {
    session->on_connected(now, effects);
    session->on_reply(now, sent, wire::Welcome{}, effects);
    (void)told();
  }
  void reply(Instant now, wire::HeartbeatReply message) {
    session->on_reply(now, sent, message, effects);
  }

  Life life{"w1", 7, 0};
  Profile profile;
  Vitals vitals;
  Effects effects;
  std::optional<Session> session;
  wire::RequestId sent;  ///< of the last message
  wire::Heartbeat beat;  ///< the last one

 private:
  std::string line(const Effect& effect) {
    if (std::holds_alternative<Connect>(effect)) return "connect";
    if (std::holds_alternative<Disconnect>(effect)) return "disconnect";
    if (std::holds_alternative<Up>(effect)) return "up";
    if (std::holds_alternative<Down>(effect)) return "down";
    if (const auto* log = std::get_if<Log>(&effect)) return "log " + log->text;
    if (const auto* exit = std::get_if<Exit>(&effect)) return "exit " + std::to_string(exit->code);
    const auto& send = std::get<Send>(effect);
    sent = send.id;
    if (std::holds_alternative<wire::Hello>(send.message)) return "hello";
    beat = std::get<wire::Heartbeat>(send.message);
    if (beat.leaving) return "leaving";
    return beat.has_profile ? "full beat" : "light beat";
  }

  SessionSettings settings_;
};

wire::HeartbeatReply accepted(bool drain, bool resend_profile) {
  wire::HeartbeatReply reply;
  reply.accepted = true;
  reply.drain = drain;
  reply.resend_profile = resend_profile;
  return reply;
}

wire::HeartbeatReply refused(wire::Refusal code, wire::Text message) {
  wire::HeartbeatReply reply;
  reply.code = code;
  reply.message = message;
  return reply;
}

const wire::HeartbeatReply kAccepted = accepted(false, false);
const wire::HeartbeatReply kResend = accepted(false, true);

TEST(Session, SendsTheWholeProfileOnceAndThenLightBeats) {
  Talk talk;
  talk.session->start(at(0), talk.effects);
  EXPECT_THAT(talk.told(), ElementsAre("connect"));
  talk.session->on_connected(at(1), talk.effects);
  EXPECT_THAT(talk.told(), ElementsAre("hello"));
  talk.session->on_reply(at(2), talk.sent, wire::Welcome{}, talk.effects);
  EXPECT_THAT(talk.told(), ElementsAre("full beat"));
  EXPECT_EQ(talk.beat.epoch, 7u);
  EXPECT_EQ(talk.beat.sequence, 1u);
  EXPECT_EQ(talk.beat.capacity.slots, 4);
  talk.reply(at(3), kAccepted);
  EXPECT_THAT(talk.told(), ElementsAre("up", "log registered with s1:7640"));
  talk.session->on_timer(*talk.session->deadline(), talk.effects);
  EXPECT_THAT(talk.told(), ElementsAre("light beat"));
  EXPECT_EQ(talk.beat.sequence, 2u);
}

TEST(Session, KeepsSendingTheProfileUntilItIsAccepted) {
  Talk talk;
  talk.come_up(at(0));
  talk.reply(at(1), refused(wire::Refusal::Busy, "table is full"));
  EXPECT_THAT(talk.told(), ElementsAre("log s1:7640 refuses our heartbeat: table is full"));
  talk.session->on_timer(at(3'400), talk.effects);
  EXPECT_THAT(talk.told(), ElementsAre("full beat"));
  talk.reply(at(3'401), refused(wire::Refusal::Busy, "table is full"));
  EXPECT_THAT(talk.told(), IsEmpty()) << "the same refusal is logged once";
}

TEST(Session, BeatsEveryIntervalLessOrMoreATenth) {
  Talk talk;
  talk.come_up(at(0));
  Instant now = at(0);
  bool early = false, late = false;
  for (int i = 0; i < 200; ++i) {
    talk.reply(now, kAccepted);
    Instant next = *talk.session->deadline();
    EXPECT_GE((next - now).ms(), 2'700);
    EXPECT_LE((next - now).ms(), 3'300);
    early |= (next - now).ms() < 2'800;
    late |= (next - now).ms() > 3'200;
    talk.session->on_timer(next, talk.effects);
    (void)talk.told();
    now = next;
  }
  EXPECT_TRUE(early && late) << "the jitter uses its whole range";
}

TEST(Session, AnswersAskingForTheProfileAtOnceButNotInALoop) {
  Talk talk;
  talk.come_up(at(0));
  talk.reply(at(1), kAccepted);
  (void)talk.told();
  talk.session->on_timer(*talk.session->deadline(), talk.effects);
  (void)talk.told();
  talk.reply(at(3'001), kResend);
  EXPECT_THAT(
      talk.told(),
      ElementsAre("down", "log s1:7640 asks for the whole profile; sending it", "full beat"));
  talk.reply(at(3'002), kResend);
  EXPECT_THAT(talk.told(), IsEmpty()) << "a full beat answered so waits for its turn";
  talk.session->on_timer(*talk.session->deadline(), talk.effects);
  EXPECT_THAT(talk.told(), ElementsAre("full beat"));
}

TEST(Session, TellsAChangedProfileAtOnceAndAgainIfTheConnectionWasLost) {
  Talk talk;
  talk.come_up(at(0));
  talk.profile.slots = 8;
  talk.session->on_profile_changed(at(10), talk.effects);
  EXPECT_THAT(talk.told(), ElementsAre("full beat"));
  EXPECT_EQ(talk.beat.capacity.slots, 8);
  // The answer to the first beat must not pass for one to the second.
  talk.session->on_reply(at(11), {talk.sent.value - 1}, kAccepted, talk.effects);
  talk.session->on_disconnected(at(12), "reset", talk.effects);
  talk.session->on_timer(*talk.session->deadline(), talk.effects);
  talk.greet(at(200));
  EXPECT_TRUE(talk.beat.has_profile);
  EXPECT_EQ(talk.beat.capacity.slots, 8);
}

TEST(Session, BacksOffLongerEachTimeAndStartsOverOnceAccepted) {
  Talk talk;
  Instant now = at(0);
  talk.session->start(now, talk.effects);
  const int64_t longest[] = {100, 200, 400, 800, 1'600, 3'200, 5'000, 5'000};
  for (int64_t most : longest) {
    talk.session->on_disconnected(now, "connection refused", talk.effects);
    int64_t wait = (*talk.session->deadline() - now).ms();
    EXPECT_GE(wait, most / 2);
    EXPECT_LE(wait, most);
    now = *talk.session->deadline();
    talk.session->on_timer(now, talk.effects);
    EXPECT_EQ(talk.session->state(), SessionState::Connecting);
  }
  (void)talk.told();
  talk.greet(now);
  talk.reply(now, kAccepted);
  talk.session->on_disconnected(now, "reset", talk.effects);
  EXPECT_LE((*talk.session->deadline() - now).ms(), 100);
}

TEST(Session, LogsALastingFailureOnceAMinute) {
  Talk talk;
  Instant now = at(0);
  talk.session->start(now, talk.effects);
  int lines = 0;
  while (now < at(150'000)) {
    talk.session->on_disconnected(now, "connection refused", talk.effects);
    now = *talk.session->deadline();
    talk.session->on_timer(now, talk.effects);
    for (const std::string& line : talk.told())
      lines += line.starts_with("log");
  }
  EXPECT_EQ(lines, 3);
}

TEST(Session, EndsAConnectionThatStaysSilent) {
  struct Case {
    const char* name;
    bool connected;
    bool welcomed;
    int64_t silent_ms;
    const char* why;
  };
  const Case cases[] = {
      {"while connecting", false, false, 5'000, "connecting took too long"},
      {"instead of a welcome", true, false, 5'000, "it does not answer"},
      {"after a beat", true, true, 4'500, "no answer to a heartbeat for 4500 ms"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Talk talk;
    talk.session->start(at(0), talk.effects);
    if (c.connected) talk.session->on_connected(at(0), talk.effects);
    if (c.welcomed) talk.greet(at(0));
    if (c.welcomed) talk.session->on_timer(at(3'300), talk.effects);  // the second beat
    (void)talk.told();
    talk.session->on_timer(at(c.silent_ms - 1), talk.effects);
    EXPECT_THAT(talk.told(), IsEmpty());
    talk.session->on_timer(at(c.silent_ms), talk.effects);
    EXPECT_THAT(
        talk.told(),
        ElementsAre(
            "disconnect",
            std::string("log not connected to s1:7640: ") + c.why + "; trying again"));
  }
}

// A process that was stopped for a while finds its timers overdue, but the answer is in the socket.
TEST(Session, DoesNotBlameTheServerForItsOwnFreeze) {
  Talk talk;
  talk.come_up(at(0));
  talk.session->on_timer(at(60'000), talk.effects);
  EXPECT_THAT(talk.told(), ElementsAre("full beat"));
  talk.session->on_reply(at(60'001), {talk.sent.value - 1}, kAccepted, talk.effects);
  talk.reply(at(60'001), kAccepted);
  EXPECT_EQ(talk.session->state(), SessionState::Up);
}

TEST(Session, ExitsWhenANewerLifeHasTakenOver) {
  Talk talk;
  talk.come_up(at(0));
  talk.reply(at(1), refused(wire::Refusal::Conflict, "epoch 8"));
  EXPECT_THAT(
      talk.told(),
      ElementsAre(
          "log a newer agent has taken over worker w1 at s1:7640: stop one of the two, or give it "
          "its own --id",
          "disconnect",
          "exit 6"));
  EXPECT_EQ(talk.session->deadline(), std::nullopt);
}

TEST(Session, SaysWhyItIsRefusedAndWaitsLong) {
  Talk talk;
  talk.session->start(at(0), talk.effects);
  talk.session->on_connected(at(0), talk.effects);
  (void)talk.told();
  talk.session->on_reply(
      at(1), {1}, wire::Refused{wire::Refusal::Denied, "wrong token"}, talk.effects);
  EXPECT_THAT(
      talk.told(),
      ElementsAre("disconnect", "log s1:7640 refuses this agent: wrong token; trying again"));
  EXPECT_GE((*talk.session->deadline() - at(1)).ms(), 2'500);
}

TEST(Session, ObeysDrainAndLogsItOnce) {
  Talk talk;
  talk.come_up(at(0));
  wire::HeartbeatReply drain = accepted(true, false);
  talk.reply(at(1), drain);
  EXPECT_THAT(
      talk.told(),
      ElementsAre(
          "up",
          "log registered with s1:7640",
          "log draining: s1:7640 gives this worker no new tasks"));
  talk.session->on_timer(at(3'300), talk.effects);
  (void)talk.told();
  talk.reply(at(3'301), drain);
  EXPECT_THAT(talk.told(), IsEmpty());
}

TEST(Session, SaysGoodbyeAndWaitsForTheAnswerNoLongerThanHalfASecond) {
  for (bool answered : {true, false}) {
    Talk talk;
    talk.come_up(at(0));
    talk.reply(at(1), kAccepted);
    (void)talk.told();
    talk.session->stop(at(10), talk.effects);
    EXPECT_THAT(talk.told(), ElementsAre("leaving"));
    if (answered) {
      talk.reply(at(11), kAccepted);
    } else {
      EXPECT_EQ(talk.session->deadline(), at(510));
      talk.session->on_timer(at(510), talk.effects);
    }
    EXPECT_THAT(talk.told(), ElementsAre("disconnect", "down"));
    EXPECT_EQ(talk.session->state(), SessionState::Stopped);
  }
}

TEST(Session, StopsAtOnceWhereThereIsNobodyToTell) {
  Talk talk;
  talk.session->start(at(0), talk.effects);
  talk.session->stop(at(1), talk.effects);
  EXPECT_THAT(talk.told(), ElementsAre("connect", "disconnect"));
  EXPECT_EQ(talk.session->state(), SessionState::Stopped);
}

TEST(Session, IgnoresAnswersThatNobodyAskedFor) {
  Talk talk;
  talk.come_up(at(0));
  talk.session->on_reply(at(1), {99}, kResend, talk.effects);
  talk.session->on_reply(at(1), {0}, wire::WorkerEvent{}, talk.effects);
  talk.session->on_reply(at(1), {2}, wire::Pong{}, talk.effects);
  EXPECT_THAT(talk.told(), IsEmpty());
}

TEST(Session, WarnsOfAnIntervalThatInvitesSuspicion) {
  SessionSettings slow;
  slow.interval = Duration::seconds(6);
  Talk talk(slow);
  talk.session->start(at(0), talk.effects);
  talk.session->on_connected(at(0), talk.effects);
  (void)talk.told();
  wire::Welcome welcome;
  welcome.suspicious_after_ms = 10'000;
  talk.session->on_reply(at(0), {1}, welcome, talk.effects);
  EXPECT_THAT(
      talk.told(),
      ElementsAre(
          "log --interval 6000 ms is over half of the 10000 ms after which s1:7640 suspects a "
          "silent worker; use a shorter one",
          "full beat"));
}

}  // namespace
}  // namespace berth::agent
