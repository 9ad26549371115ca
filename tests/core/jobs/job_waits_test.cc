// Those who wait for jobs and their output: how much of the ledger they may take.

#include "tests/core/jobs/job_fixture.h"

namespace berth::core {
namespace {

class JobWaiting : public JobFixture {
 public:
  void submit(uint64_t jobs) {
    const std::vector<TestJob> batch(2'000);
    for (uint64_t done = 0; done < jobs; done += batch.size())
      world.submit(kClient, batch);
    (void)turn();
  }
  void wait(uint64_t connection, uint64_t first, uint64_t last, uint32_t wait_ms = 60'000) {
    const wire::JobRange range{{first}, {last}};
    world.ask(connection, wire::WaitJobs{{&range, 1}, wait_ms});
  }
  uint64_t counted(JobState state) const {
    return world.counts->by_state[static_cast<size_t>(state)];
  }
};

// A wait for a million jobs counted them in one go, and nobody else was answered meanwhile.
TEST_F(JobWaiting, AHugeWaitIsCountedInPartsAndHoldsUpNobody) {
  submit(20'000);
  wait(kClient, 1, 20'000);
  wait(3, 1, 1, 0);
  EXPECT_TRUE(world.part_of_turn());
  EXPECT_EQ(world.said(), Lines({"c3: some live"}));
  EXPECT_EQ(turn(), Lines({}));
  abort({1, 19'999}, "test");
  EXPECT_EQ(turn(), Lines({"c1: 19999 changed, 0 unchanged, 0 unknown"}));
  abort({20'000, 20'000}, "test");
  EXPECT_EQ(turn(), Lines({"c1: 1 changed, 0 unchanged, 0 unknown", "c1: all ended"}));
  EXPECT_EQ(counted(JobState::Aborted), 20'000u);
}

TEST_F(JobWaiting, WhatEndsWhileItIsCountedIsCountedOnce) {
  struct Case {
    const char* what;
    std::pair<uint64_t, uint64_t> aborted;
  };
  const Case cases[] = {
      {"before the place where it stands", {1, 1}},
      {"behind it", {20'000, 20'000}},
      {"on both sides", {1, 20'000}},
  };
  for (const Case& c : cases) {
    fresh();
    submit(20'000);
    wait(3, 1, 20'000);
    EXPECT_TRUE(world.part_of_turn());
    abort(c.aborted, "test");
    (void)turn();
    abort({1, 20'000}, "test");
    const Lines said = turn();
    ASSERT_TRUE(world.counts) << c.what;
    EXPECT_TRUE(world.counts->done) << c.what;
    EXPECT_EQ(counted(JobState::Aborted), 20'000u) << c.what;
  }
}

TEST_F(JobWaiting, ItsTimeRunsOutWhileItIsCounted) {
  submit(20'000);
  wait(3, 1, 20'000, 1'000);
  EXPECT_TRUE(world.part_of_turn());
  EXPECT_EQ(after(1'100), Lines({"c3: some live"}));
  EXPECT_EQ(counted(JobState::Pending), 20'000u);
}

TEST_F(JobWaiting, NobodyIsAnsweredWhoHasGone) {
  submit(20'000);
  wait(3, 1, 20'000);
  EXPECT_TRUE(world.part_of_turn());
  world.close(3);
  abort({1, 20'000}, "test");
  EXPECT_EQ(turn(), Lines({"c1: 20000 changed, 0 unchanged, 0 unknown"}));
}

// One connection could take every place, and nobody else could wait any more.
TEST_F(JobWaiting, AConnectionHasItsShareOfThePlaces) {
  submit(1);
  for (int i = 0; i < 10'000; ++i)
    wait(kClient, 1, 1);
  EXPECT_EQ(turn(), Lines({}));
  wait(kClient, 1, 1);
  EXPECT_EQ(
      turn(),
      Lines({"c1: refused limit_reached: this connection has 10000 requests that wait for jobs: "
             "name more jobs in each"}));
  wait(3, 1, 1);
  EXPECT_EQ(turn(), Lines({}));
  world.close(kClient);
  wait(kClient, 1, 1);
  EXPECT_EQ(turn(), Lines({}));
}

TEST_F(JobWaiting, AConnectionHasItsShareOfTheOutputThatIsRead) {
  submit(1);
  const auto read = [&](uint64_t connection) {
    world.ask(connection, wire::ReadLog{.job = {1}, .wait_ms = 60'000});
    return turn();
  };
  for (int i = 0; i < 1'000; ++i)
    EXPECT_EQ(read(kClient), Lines({}));
  EXPECT_EQ(
      read(kClient),
      Lines({"c1: refused limit_reached: this connection reads 1000 pieces of output at once: wait "
             "for some of the answers"}));
  EXPECT_EQ(read(3), Lines({}));
  EXPECT_EQ(after(600).size(), 1'001u);
  EXPECT_EQ(read(kClient), Lines({}));
}

}  // namespace
}  // namespace berth::core
