#include "tests/sim/job_cluster.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace berth::sim {
namespace {

#if defined(BERTH_SANITIZED)
constexpr uint64_t kSeeds = 320;
#else
constexpr uint64_t kSeeds = 5'000;
#endif
/// Tests of their own, so that they run side by side; each has its share of every kind of seed.
constexpr uint64_t kParts = 7;
/// Fewer seeds than these in a part tell nothing about how often rare things happen.
constexpr uint64_t kTellingPart = 500;

/// `--job-seed N` and `--job-seeds N` of sim_test, as main.cc passes them on.
uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

std::string told(const World& world) {
  std::string text;
  for (const std::string& line : world.story())
    text += line + "\n";
  return text;
}

/// What the seeds have tried, summed up.
struct Tried {
  uint64_t started = 0;
  uint64_t completed = 0;
  uint64_t lost = 0;
  uint64_t checkpointed = 0;
  uint64_t repeated_submits = 0;
  PlansTried plans;
};

void add_up(const PlansTried& plans, PlansTried& sum) {
  for (const auto& [mood, count] : plans.moods)
    sum.moods[mood] += count;
  for (const auto& [outcome, count] : plans.outcomes)
    sum.outcomes[outcome] += count;
  sum.ignored += plans.ignored;
}

/// False after a failure, with the story's end and the command that tells it again.
bool holds(uint64_t seed, Tried& tried) {
  JobCluster cluster(seed);
  const std::string failure = cluster.run();
  JobChecker& checker = cluster.checker();
  tried.started += checker.tasks_started();
  tried.completed += checker.models().completed;
  tried.lost += checker.models().lost;
  tried.checkpointed += checker.models().checkpointed;
  tried.repeated_submits += checker.repeated_submits;
  add_up(cluster.plans(), tried.plans);
  if (failure.empty()) return true;
  ADD_FAILURE() << told(cluster.world()) << "seed " << seed << ": " << failure
                << "\nreplay: sim_test --job-seed " << seed;
  return false;
}

class JobSeeds : public testing::TestWithParam<uint64_t> {};

TEST_P(JobSeeds, KeepsItsPromisesWhateverHappens) {
  Tried tried;
  const uint64_t seeds = number_from("BERTH_SIM_JOB_SEEDS", kSeeds);
  for (uint64_t seed = GetParam(); seed <= seeds; seed += kParts) {
    if (!holds(seed, tried)) return;
  }
  const uint64_t part = seeds / kParts;
  if (part < kTellingPart) return;
  // Of each seed, a tenth of what it is: else the seeds no longer try it.
  EXPECT_GT(tried.started, 8 * part);
  EXPECT_GT(tried.completed, 5 * part);
  EXPECT_GT(tried.lost, part / 10);
  EXPECT_GT(tried.checkpointed, part / 10);
  EXPECT_GT(tried.repeated_submits, part / 10);
  // One seed in eleven is planned.
  const PlansTried& plans = tried.plans;
  EXPECT_GT(plans.told(wire::PlanOutcome::Applied), 3 * part);
  EXPECT_GT(plans.told(wire::PlanOutcome::Stale), part / 50);
  EXPECT_GT(plans.told(wire::PlanOutcome::Worse), part / 50);
  EXPECT_GT(plans.told(wire::PlanOutcome::Failed), part / 50);
  EXPECT_GT(plans.ignored, part / 20) << "too late, or twice";
  EXPECT_GT(plans.in(PlanMood::Never), part / 50);
  EXPECT_GT(plans.in(PlanMood::Muddled), part / 20);
}

INSTANTIATE_TEST_SUITE_P(
    Seeds, JobSeeds, testing::Range<uint64_t>(1, kParts + 1), testing::PrintToStringParamName());

TEST(JobSeed, IsToldAgain) {
  const uint64_t seed = number_from("BERTH_SIM_JOB_SEED", 0);
  if (seed == 0) GTEST_SKIP() << "name one with --job-seed";
  Tried tried;
  holds(seed, tried);
}

TEST(JobSeed, TellsTheSameStoryEachTime) {
  for (uint64_t seed : {1u, 2u, 4u, 9u, 11u, 44u}) {
    JobCluster first(seed), second(seed);
    EXPECT_EQ(first.run(), second.run());
    EXPECT_EQ(told(first.world()), told(second.world()));
  }
}

}  // namespace
}  // namespace berth::sim
