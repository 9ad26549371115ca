#include <gtest/gtest.h>

#include "tests/core/jobs/job_world.h"

namespace berth::core {
namespace {

// A fixed few hundred a tick let a server that ends jobs faster than that grow without bound.
TEST(Retention, KeepsUpHoweverManyJobsEndAtOnce) {
  struct Case {
    const char* name;
    uint32_t jobs;
    int ticks;  // of 50 ms, until no more than twice what is to be kept is left
  };
  const Case cases[] = {
      {"a few more than are kept", 150, 1},
      {"a second's worth of a slow server", 5'000, 14},
      {"a part of a second of a fast one", 20'000, 20},
  };
  for (const Case& c : cases) {
    JobSettings settings;
    settings.finished_max = 100;
    JobWorld world(settings);
    const std::vector<TestJob> batch(2'500, TestJob{.tags = {"nobody"}});
    for (uint32_t done = 0; done < c.jobs; done += 2'500) {
      size_t count = std::min<size_t>(2'500, c.jobs - done);
      world.submit(
          1, std::vector<TestJob>(batch.begin(), batch.begin() + static_cast<long>(count)));
      world.turn();
    }
    const wire::JobRange all[] = {{{1}, {c.jobs}}};
    world.ask(1, wire::ChangeJobs{.jobs = all, .reason = "test"});
    world.turn();
    for (int tick = 0; tick < c.ticks; ++tick)
      world.advance(50);
    world.ask(1, wire::WaitJobs{.jobs = all});
    world.turn();
    ASSERT_TRUE(world.counts) << c.name;
    uint64_t aborted = world.counts->by_state[static_cast<size_t>(wire::JobState::Aborted)];
    EXPECT_GE(aborted, std::min<uint64_t>(c.jobs, 100)) << c.name;
    EXPECT_LE(aborted, 1'000u) << c.name;
    EXPECT_EQ(aborted + world.counts->unknown, c.jobs) << c.name;
  }
}

}  // namespace
}  // namespace berth::core
