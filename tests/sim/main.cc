#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>

/// `--seed N` replays one seed of the cluster test, `--seeds N` tries as many.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; ++i) {
    const bool one = std::strcmp(argv[i], "--seed") == 0;
    if (!one && std::strcmp(argv[i], "--seeds") != 0) continue;
    setenv(one ? "BERTH_SIM_SEED" : "BERTH_SIM_SEEDS", argv[i + 1], 1);
    testing::GTEST_FLAG(filter) = "Cluster.KeepsItsPromisesWhateverHappens";
  }
  return RUN_ALL_TESTS();
}
