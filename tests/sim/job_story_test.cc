#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/agent_node.h"
#include "tests/sim/job_checker.h"
#include "tests/sim/network.h"
#include "tests/sim/server.h"
#include "wire/spec.h"

namespace berth::sim {
namespace {

using testing::ElementsAre;

/// One server of jobs, one worker, one job, and what becomes of it. Times are left out of what is
/// compared: they follow from the seed, not from the protocol. Epochs count from START<<40.
class JobStory : public testing::Test {
 protected:
  JobStory() {
    machine_.reliable = true;
    agent_.host(machine_, [this](AgentNode& of, uint64_t life, const JobGuest::Send& send) {
      agent::JobSessionSettings settings;
      settings.worker = of.worker();
      settings.life = life;
      return std::make_unique<PushGuest>(world_, of.process(), machine_, settings, send);
    });
    operator_.start();
  }

  void pass(Duration time) { ASSERT_TRUE(world_.run(world_.now() + time)) << world_.failure(); }

  void begin() {
    server_.start();
    agent_.start();
    pass(Duration::seconds(1));
  }

  std::vector<std::string> told() {
    std::vector<std::string> lines;
    for (const std::string& line : world_.story())
      lines.push_back(line.substr(line.find("] ") + 2));
    return lines;
  }

  void submit(uint32_t lasts_ms, uint32_t attempts_max) {
    auto socket = network_.connect(operator_, "s1");
    socket->on_connected = [lasts_ms, attempts_max, raw = socket.get()] {
      wire::Encoder encoder;
      wire::SpecEncoder specs;
      std::vector<std::byte> frames;
      encoder.encode({1}, wire::Request(wire::Hello{}), frames);
      const wire::Text command[] = {"true"};
      wire::JobSpec spec;
      spec.command = command;
      spec.runner = wire::Runner::Process;
      spec.estimated_ms = lasts_ms;
      spec.attempts_max = attempts_max;
      const std::span<const std::byte> bytes[] = {specs.encode(spec)};
      wire::SubmitJobs message;
      message.specs = bytes;
      encoder.encode({2}, wire::Request(message), frames);
      raw->send(std::move(frames));
    };
    pass(Duration::milliseconds(100));
    socket->close();
  }

  World world_{1};
  Network network_{world_};
  JobChecker checker_{world_, false};
  Server server_{world_, network_, checker_, "s1", 2};
  Process operator_{world_, "operator"};
  AgentNode agent_{
      world_, network_, "w1", "w1", std::make_shared<uint64_t>(0), profile_of(), {"s1"}};
  Machine machine_{world_, agent_.process(), &checker_, "w1"};

 private:
  static agent::Profile profile_of() {
    agent::Profile profile;
    profile.slots = 4;
    profile.tags = {"runner:process"};
    return profile;
  }
};

TEST_F(JobStory, AJobGoesOnWhileItsServerIsAwayAndIsReportedWhenItIsBack) {
  begin();
  submit(/*lasts_ms=*/800, /*attempts_max=*/1);
  server_.stop(/*silently=*/false);
  pass(Duration::seconds(2));
  server_.start();
  pass(Duration::seconds(10));
  EXPECT_EQ(checker_.unfinished(), "");
  EXPECT_THAT(
      told(),
      ElementsAre(
          "s1  started",
          "w1  started",
          "s1  w1 registered",
          "w1  registered with s1",
          "s1  job 1 PENDING",
          "s1  assigns 1.1.1099511627777 to w1",
          "w1  runs 1.1.1099511627777",
          "s1  job 1 RUNNING",
          "s1  killed",
          "w1  not connected to s1: connection reset; trying again",
          "w1  ended 1.1.1099511627777 (none)",
          "s1  started",
          "w1  s1 asks for the whole profile; sending it",
          "s1  w1 registered",
          "w1  registered with s1",
          "s1  job 1 RUNNING",
          "s1  job 1 COMPLETED"));
}

TEST_F(JobStory, WhatACrashForgotIsRefusedAtItsAckAndNeverRan) {
  begin();
  agent_.process().freeze();
  submit(/*lasts_ms=*/100, /*attempts_max=*/1);
  server_.stop(/*silently=*/false);
  server_.start();
  agent_.process().thaw();
  pass(Duration::seconds(10));
  EXPECT_EQ(checker_.unfinished(), "");
  EXPECT_THAT(
      told(),
      ElementsAre(
          "s1  started",
          "w1  started",
          "s1  w1 registered",
          "w1  registered with s1",
          "s1  job 1 PENDING",
          "s1  assigns 1.1.1099511627777 to w1",
          "s1  killed",
          "s1  started",
          "w1  not connected to s1: connection reset; trying again",
          "w1  s1 asks for the whole profile; sending it",
          "s1  w1 registered",
          "w1  registered with s1",
          "s1  assigns 1.1.2199023255553 to w1",
          "w1  runs 1.1.2199023255553",
          "s1  job 1 RUNNING",
          "w1  ended 1.1.2199023255553 (none)",
          "s1  job 1 COMPLETED"));
}

TEST_F(JobStory, AJobWhoseMachineDiedIsTriedAgain) {
  begin();
  submit(/*lasts_ms=*/3'000, /*attempts_max=*/2);
  agent_.stop(/*silently=*/true);
  pass(Duration::seconds(1));
  agent_.start();
  pass(Duration::seconds(20));
  EXPECT_EQ(checker_.unfinished(), "");
  EXPECT_EQ(checker_.models().completed, 1u);
  EXPECT_EQ(checker_.tasks_started(), 2u);
}

}  // namespace
}  // namespace berth::sim
