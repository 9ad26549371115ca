#include "tests/sim/cluster.h"

#include <cstdlib>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "core/tables/metric_names.h"

namespace berth::sim {
namespace {

/// `--seed N` and `--seeds N` of sim_test, as main.cc passes them on.
uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

/// What must have happened somewhere, or the seeds try nothing.
constexpr core::Counter kTried[] = {
    core::Counter::Placements,
    core::Counter::PlacementsRepeated,
    core::Counter::PlacementsRefused,
    core::Counter::PlacementsWaited,
    core::Counter::Releases,
    core::Counter::ReservationsExpired,
    core::Counter::HeartbeatsRefused,
    core::Counter::WorkersSuspicious,
    core::Counter::WorkersOffline,
    core::Counter::WorkersReplaced,
    core::Counter::PlansMade};

/// Any change of what is sent, or when, makes other histories of the same seeds. The rarest counter
/// is workers gone offline: 90 in 400 seeds, give or take 11 (1,600 seeds). So less than the
/// minimum is no other history, but something that happens half as often as it did.
constexpr uint64_t kTellingSeeds = 400;
constexpr uint64_t kTriedMin = 50;
#if defined(BERTH_SANITIZED)
constexpr uint64_t kSeeds = 100;
#else
constexpr uint64_t kSeeds = kTellingSeeds;
#endif

std::string told(const World& world) {
  std::string text;
  for (const std::string& line : world.story())
    text += line + "\n";
  return text;
}

/// False after a failure, with the story's end and the command that tells it again.
bool holds(uint64_t seed, std::map<core::Counter, uint64_t>& tried) {
  Cluster cluster(seed);
  std::string failure = cluster.run();
  for (core::Counter counter : kTried)
    tried[counter] += cluster.counted(counter);
  if (failure.empty()) return true;
  ADD_FAILURE() << told(cluster.world()) << "seed " << seed << ": " << failure
                << "\nreplay: sim_test --seed " << seed;
  return false;
}

TEST(Cluster, KeepsItsPromisesWhateverHappens) {
  std::map<core::Counter, uint64_t> tried;
  if (uint64_t seed = number_from("BERTH_SIM_SEED", 0); seed > 0) {
    holds(seed, tried);
    return;
  }
  uint64_t seeds = number_from("BERTH_SIM_SEEDS", kSeeds);
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    if (!holds(seed, tried)) return;
  }
  if (seeds < kTellingSeeds) return;
  for (auto [counter, count] : tried)
    EXPECT_GT(count, kTriedMin) << core::counter_name(counter) << ": the seeds no longer try it";
}

TEST(Cluster, TellsTheSameStoryForTheSameSeed) {
  for (uint64_t seed : {1u, 2u, 4u}) {
    Cluster first(seed), second(seed);
    EXPECT_EQ(first.run(), second.run());
    EXPECT_EQ(told(first.world()), told(second.world()));
  }
}

}  // namespace
}  // namespace berth::sim
