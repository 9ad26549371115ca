#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/job_server.h"
#include "tests/agent/tree.h"

/// The real berth-agent with real tasks, and a server that does on demand what a real one seldom
/// does. What the real server makes of it is in tests/e2e.
namespace berth::agent {
namespace {

using testing::Contains;
using testing::Not;

/// Looks again and again for a long time; whether it came true.
bool eventually(const std::function<bool()>& probe) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!probe()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// A state directory, a server, and what tasks leave behind.
class RealAgentTest : public testing::Test {
 protected:
  std::string state() const { return (tree_.root() / "state").string(); }
  std::string file(const std::string& name) const { return (tree_.root() / name).string(); }
  /// Writes a line to the file of the job, and goes on until `release`, or the end of the test.
  std::string waiting_script(const std::string& name) const {
    std::string path = file(name);
    return "echo run >> " + path + "; while [ -e " + path + " -a ! -e " + path +
           ".go ]; do sleep 0.05; done";
  }
  void release(const std::string& name) const { std::ofstream(file(name + ".go")).put('\n'); }
  size_t runs(const std::string& name) const {
    std::ifstream in(file(name));
    std::string line;
    size_t lines = 0;
    while (std::getline(in, line))
      ++lines;
    return lines;
  }
  void TearDown() override {
    if (HasFailure()) std::fputs(server_.story().c_str(), stderr);
  }

  Tree tree_;
  JobServer server_;
};

TEST_F(RealAgentTest, RunsATaskAndSaysWhatItCanRun) {
  RealAgent agent(server_, state());
  ASSERT_TRUE(server_.heard("attach"));
  EXPECT_THAT(server_.tags(), Contains("runner:process"));
  server_.assign(1, "echo hello");
  EXPECT_TRUE(server_.heard("completed 1"));
  server_.assign(2, "exit 3");
  EXPECT_TRUE(server_.heard("failed 2 exit"));
  EXPECT_EQ(server_.count("accepted 1"), 1u);
}

TEST_F(RealAgentTest, WithoutJobsItOffersPlacesAlone) {
  RealAgent agent(server_, state(), {"--no-jobs"});
  ASSERT_TRUE(eventually([this] { return !server_.tags().empty(); }));
  EXPECT_THAT(server_.tags(), Not(Contains("runner:process")));
  agent.signal(SIGTERM);
  EXPECT_TRUE(server_.heard("leaving"));
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_EQ(server_.count("attach"), 0u);
}

TEST_F(RealAgentTest, ATaskOutlivesAnAgentThatIsKilled) {
  {
    RealAgent agent(server_, state());
    ASSERT_TRUE(server_.heard("attach"));
    server_.assign(1, waiting_script("a"));
    server_.assign(2, waiting_script("b"));
    ASSERT_TRUE(server_.heard("started 1") && server_.heard("started 2"));
    agent.signal(SIGKILL);
    EXPECT_EQ(agent.wait(), 128 + SIGKILL);
  }
  release("b");  // ends while nobody looks
  RealAgent agent(server_, state());
  EXPECT_TRUE(server_.heard("attach 1 2"));
  EXPECT_TRUE(server_.heard("completed 2"));
  release("a");
  EXPECT_TRUE(server_.heard("completed 1"));
  EXPECT_EQ(runs("a"), 1u);
  EXPECT_EQ(runs("b"), 1u);
  EXPECT_EQ(server_.nonces().size(), 1u) << "both lives are the same worker";
}

TEST_F(RealAgentTest, ATaskOutlivesAnAgentThatIsToldToStop) {
  {
    RealAgent agent(server_, state());
    ASSERT_TRUE(server_.heard("attach"));
    server_.assign(1, waiting_script("a"));
    ASSERT_TRUE(server_.heard("started 1"));
    agent.signal(SIGTERM);
    EXPECT_EQ(agent.wait(), 0);
    EXPECT_TRUE(server_.heard("leaving"));
  }
  RealAgent agent(server_, state());
  EXPECT_TRUE(server_.heard("attach 1"));
  release("a");
  EXPECT_TRUE(server_.heard("completed 1"));
  EXPECT_EQ(runs("a"), 1u);
}

TEST_F(RealAgentTest, AnAckThatNobodyAnswersDoesNotKeepItFromLeaving) {
  {
    RealAgent agent(server_, state());
    ASSERT_TRUE(server_.heard("attach"));
    server_.lose_reports(true);
    server_.assign(1, waiting_script("a"));
    ASSERT_TRUE(server_.heard("accepted 1"));
    agent.signal(SIGTERM);
    EXPECT_EQ(agent.wait(), 0);
  }
  RealAgent agent(server_, state());
  EXPECT_TRUE(server_.heard("attach", 2)) << "it was never started: there is no lease";
  EXPECT_EQ(runs("a"), 0u);
}

TEST_F(RealAgentTest, OnRequestTasksEndBeforeTheAgentDoes) {
  RealAgent agent(server_, state(), {"--stop-tasks-on-exit"});
  ASSERT_TRUE(server_.heard("attach"));
  server_.assign(1, waiting_script("a"));
  ASSERT_TRUE(server_.heard("started 1"));
  agent.signal(SIGTERM);
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_TRUE(server_.heard("failed 1 lost"));
}

TEST_F(RealAgentTest, ATaskGoesOnWhileTheServerIsAway) {
  RealAgent agent(server_, state());
  ASSERT_TRUE(server_.heard("attach"));
  server_.assign(1, waiting_script("a"));
  ASSERT_TRUE(server_.heard("started 1"));
  server_.drop(/*away=*/true);
  release("a");
  server_.come_back();
  EXPECT_TRUE(server_.heard("attach 1"));
  EXPECT_TRUE(server_.heard("completed 1"));
  EXPECT_EQ(runs("a"), 1u);
}

TEST_F(RealAgentTest, AnEndIsReportedAgainUntilItIsAnswered) {
  RealAgent agent(server_, state());
  ASSERT_TRUE(server_.heard("attach"));
  server_.assign(1, waiting_script("a"));
  ASSERT_TRUE(server_.heard("started 1"));
  server_.lose_reports(true);
  release("a");
  ASSERT_TRUE(server_.heard("completed 1"));
  server_.lose_reports(false);
  server_.drop();
  EXPECT_TRUE(server_.heard("attach 1"));
  EXPECT_TRUE(server_.heard("completed 1", 2));
  server_.drop();
  EXPECT_TRUE(server_.heard("attach", 2)) << "settled: no lease is held any more";
}

TEST_F(RealAgentTest, WhatTheServerGaveToSomebodyElseIsStoppedAndNotReported) {
  RealAgent agent(server_, state());
  ASSERT_TRUE(server_.heard("attach"));
  server_.assign(1, "trap 'echo > " + file("stopped") + "; exit 1' TERM; " + waiting_script("a"));
  ASSERT_TRUE(eventually([this] { return runs("a") == 1; })) << "it notes TERM from here on";
  ASSERT_TRUE(server_.heard("started 1"));
  server_.disown(1);
  server_.drop();
  EXPECT_TRUE(server_.heard("attach 1"));
  server_.drop();
  EXPECT_TRUE(server_.heard("attach", 2));
  EXPECT_TRUE(eventually([this] { return std::filesystem::exists(file("stopped")); }));
  EXPECT_EQ(server_.count("failed 1 aborted") + server_.count("failed 1 exit"), 0u);
}

TEST_F(RealAgentTest, ATaskThatIgnoresTermIsKilledAfterItsGrace) {
  RealAgent agent(server_, state());
  ASSERT_TRUE(server_.heard("attach"));
  server_.assign(1, "trap '' TERM; " + waiting_script("a"), /*kill_grace_ms=*/200);
  ASSERT_TRUE(eventually([this] { return runs("a") == 1; })) << "it ignores TERM from here on";
  server_.stop(1);
  EXPECT_TRUE(server_.heard("failed 1 aborted"));
}

TEST_F(RealAgentTest, WithoutAServerTasksAreStoppedIfSoWished) {
  RealAgent agent(server_, state(), {"--on-server-loss", "stop", "--server-loss-after", "1s"});
  ASSERT_TRUE(server_.heard("attach"));
  server_.assign(1, "trap 'echo > " + file("stopped") + "; exit 1' TERM; " + waiting_script("a"));
  ASSERT_TRUE(eventually([this] { return runs("a") == 1; })) << "it notes TERM from here on";
  server_.drop(/*away=*/true);
  EXPECT_TRUE(eventually([this] { return std::filesystem::exists(file("stopped")); }));
  server_.come_back();
  EXPECT_TRUE(server_.heard("failed 1 lost"));
}

TEST_F(RealAgentTest, OutputIsReadWhileTheTaskRuns) {
  RealAgent agent(server_, state());
  ASSERT_TRUE(server_.heard("attach"));
  server_.assign(1, "echo hello; " + waiting_script("a"));
  ASSERT_TRUE(server_.heard("started 1"));
  server_.want_log(1, 30'000);
  EXPECT_TRUE(server_.heard("log hello\n"));
  release("a");
  EXPECT_TRUE(server_.heard("completed 1"));
}

}  // namespace
}  // namespace berth::agent
