#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/agent_node.h"
#include "tests/sim/checker.h"
#include "tests/sim/network.h"
#include "tests/sim/server.h"

namespace berth::sim {
namespace {

using testing::ElementsAre;

/// One server with two shards, one agent, and what they say. Times are left out of what is
/// compared: they follow from the seed, not from the protocol.
class Story : public testing::Test {
 protected:
  Story() {
    profile_.slots = 4;
    profile_.tags = {"linux"};
  }

  AgentNode make_agent(const std::string& name, LastEpoch epoch) {
    return AgentNode(world_, network_, name, "w1", std::move(epoch), profile_, {"s1"});
  }

  void pass(Duration time) { ASSERT_TRUE(world_.run(world_.now() + time)) << world_.failure(); }

  std::vector<std::string> told() {
    std::vector<std::string> lines;
    for (const std::string& line : world_.story())
      lines.push_back(line.substr(line.find("] ") + 2));
    return lines;
  }

  /// As an operator would, on a connection of their own.
  void set_worker(wire::WorkerAction action) {
    auto socket = network_.connect(operator_, "s1");
    socket->on_connected = [action, raw = socket.get()] {
      wire::Encoder encoder;
      std::vector<std::byte> frames;
      encoder.encode({1}, wire::Request(wire::Hello{}), frames);
      wire::SetWorker set;
      set.worker = "w1";
      set.action = action;
      set.reason = "new disk";
      encoder.encode({2}, wire::Request(set), frames);
      raw->send(std::move(frames));
    };
    pass(Duration::milliseconds(100));
    socket->close();
  }

  World world_{1};
  Network network_{world_};
  Checker checker_{world_};
  Server server_{world_, network_, checker_, "s1", 2};
  Process operator_{world_, "operator"};
  agent::Profile profile_;
  LastEpoch epoch_ = std::make_shared<uint64_t>(0);
};

TEST_F(Story, AnAgentFindsItsServerAgainAndIsAskedForItsProfile) {
  AgentNode agent = make_agent("w1", epoch_);
  server_.start();
  agent.start();
  pass(Duration::seconds(7));
  server_.stop(/*silently=*/false);
  pass(Duration::seconds(2));
  server_.start();
  pass(Duration::seconds(10));
  checker_.check_online(server_, "w1");
  EXPECT_EQ(world_.failure(), "");
  EXPECT_THAT(
      told(),
      ElementsAre(
          "s1  started",
          "w1  started",
          "s1  w1 registered",
          "w1  registered with s1",
          "s1  killed",
          "w1  not connected to s1: connection reset; trying again",
          "s1  started",
          "w1  s1 asks for the whole profile; sending it",
          "s1  w1 registered",
          "w1  registered with s1"));
}

TEST_F(Story, AnAgentEndsWhenANewerLifeOfItsWorkerHasTakenOver) {
  AgentNode first = make_agent("first", epoch_);
  AgentNode second = make_agent("second", epoch_);
  server_.start();
  first.start();
  pass(Duration::seconds(1));
  second.start();
  pass(Duration::seconds(5));
  EXPECT_FALSE(first.process().alive());
  EXPECT_TRUE(second.process().alive());
  EXPECT_THAT(
      told(),
      ElementsAre(
          "s1  started",
          "first  started",
          "s1  w1 registered",
          "first  registered with s1",
          "second  started",
          "s1  w1 replaced",
          "second  registered with s1",
          "first  a newer agent has taken over worker w1 at s1: stop one of the two, or give it "
          "its "
          "own --id",
          "first  ended"));
}

TEST_F(Story, AnAgentIsToldToDrainAndLaterThatItNeedNot) {
  AgentNode agent = make_agent("w1", epoch_);
  operator_.start();
  server_.start();
  agent.start();
  pass(Duration::seconds(1));
  set_worker(wire::WorkerAction::Drain);
  pass(Duration::seconds(5));
  set_worker(wire::WorkerAction::Undrain);
  pass(Duration::seconds(5));
  agent.leave();
  pass(Duration::seconds(1));
  EXPECT_FALSE(agent.process().alive());
  EXPECT_THAT(
      told(),
      ElementsAre(
          "s1  started",
          "w1  started",
          "s1  w1 registered",
          "w1  registered with s1",
          "s1  w1 draining",
          "w1  draining: s1 gives this worker no new tasks",
          "s1  w1 undrained",
          "w1  no longer draining: s1 gives this worker tasks again",
          "s1  w1 offline",
          "w1  ended"));
}

TEST_F(Story, AServerThatLostItsPowerIsNoticedByItsSilence) {
  AgentNode agent = make_agent("w1", epoch_);
  server_.start();
  agent.start();
  pass(Duration::seconds(1));
  server_.stop(/*silently=*/true);
  network_.cut("w1", "s1");
  pass(Duration::seconds(8));
  network_.heal("w1", "s1");
  server_.start();
  pass(Duration::seconds(12));
  checker_.check_online(server_, "w1");
  EXPECT_EQ(world_.failure(), "");
  EXPECT_THAT(
      told(),
      ElementsAre(
          "s1  started",
          "w1  started",
          "s1  w1 registered",
          "w1  registered with s1",
          "s1  lost power",
          "w1  not connected to s1: no answer to a heartbeat for 4500 ms; trying again",
          "s1  started",
          "w1  s1 asks for the whole profile; sending it",
          "s1  w1 registered",
          "w1  registered with s1"));
}

TEST_F(Story, ASilentWorkerIsSuspectedThenOfflineAndOneHeartbeatBringsItBack) {
  AgentNode agent = make_agent("w1", epoch_);
  server_.start();
  agent.start();
  pass(Duration::seconds(1));
  agent.process().freeze();
  pass(Duration::seconds(25));
  agent.process().thaw();
  pass(Duration::seconds(1));
  EXPECT_THAT(
      told(),
      ElementsAre(
          "s1  started",
          "w1  started",
          "s1  w1 registered",
          "w1  registered with s1",
          "s1  w1 suspicious",
          "s1  w1 offline",
          "s1  w1 online"));
}

}  // namespace
}  // namespace berth::sim
