#include "tests/sim/cluster.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace berth::sim {
namespace {

/// How many seeds an ordinary run tries; BERTH_SIM_SEEDS says otherwise.
uint64_t seeds() {
  const char* given = std::getenv("BERTH_SIM_SEEDS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 200;
}

std::string told(const World& world) {
  std::string text;
  for (const std::string& line : world.story())
    text += line + "\n";
  return text;
}

/// False after a failure, with the end of the story and the command that tells it again.
bool holds(uint64_t seed, uint64_t& placed) {
  Cluster cluster(seed);
  std::string failure = cluster.run();
  placed += cluster.placed();
  if (failure.empty()) return true;
  ADD_FAILURE() << told(cluster.world()) << "seed " << seed << ": " << failure
                << "\nreplay: BERTH_SIM_SEED=" << seed
                << " sim_test --gtest_filter=Cluster.KeepsItsPromisesWhateverHappens";
  return false;
}

TEST(Cluster, KeepsItsPromisesWhateverHappens) {
  uint64_t placed = 0;
  if (const char* given = std::getenv("BERTH_SIM_SEED")) {
    holds(std::strtoull(given, nullptr, 10), placed);
    return;
  }
  uint64_t count = seeds();
  for (uint64_t seed = 1; seed <= count && holds(seed, placed); ++seed) {}
  EXPECT_GT(placed, count * 50) << "the clients get places, or nothing was tried";
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
