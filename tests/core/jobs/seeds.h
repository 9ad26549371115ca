#pragma once

#include <cstdint>
#include <cstdlib>

#include <gtest/gtest.h>

namespace berth::core {

/// Runs a random history for the seeds 1 to `seeds`, or for that of BERTH_SEED alone. A failure
/// names its seed.
template <typename History>
void for_each_seed(uint64_t seeds, History&& history) {
  const char* given = std::getenv("BERTH_SEED");
  const uint64_t first = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  const uint64_t last = given == nullptr ? seeds : first;
  for (uint64_t seed = first; seed <= last; ++seed) {
    history(seed);
    ASSERT_FALSE(testing::Test::HasFailure()) << "replay with BERTH_SEED=" << seed;
  }
}

}  // namespace berth::core
