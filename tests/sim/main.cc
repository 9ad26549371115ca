#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>

namespace {

struct Flag {
  const char* name;
  const char* variable;
  const char* tests;
};

constexpr Flag kFlags[] = {
    {"--seed", "BERTH_SIM_SEED", "Cluster.KeepsItsPromisesWhateverHappens"},
    {"--seeds", "BERTH_SIM_SEEDS", "Cluster.KeepsItsPromisesWhateverHappens"},
    {"--job-seed", "BERTH_SIM_JOB_SEED", "JobSeed.IsToldAgain"},
    {"--job-seeds", "BERTH_SIM_JOB_SEEDS", "Seeds/JobSeeds.*"},
};

}  // namespace

/// `--seed N` and `--job-seed N` replay one seed of a cluster, `--seeds N` and `--job-seeds N` try
/// as many.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; ++i) {
    for (const Flag& flag : kFlags) {
      if (std::strcmp(argv[i], flag.name) != 0) continue;
      setenv(flag.variable, argv[i + 1], 1);
      testing::GTEST_FLAG(filter) = flag.tests;
    }
  }
  return RUN_ALL_TESTS();
}
