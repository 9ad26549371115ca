// Mistakes made on purpose, in a build of their own: the simulation has to find each of them.

#include "core/base/planted.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/sim/job_cluster.h"

namespace berth::sim {
namespace {

using core::Planted;

struct Mistake {
  const char* name;
  Planted planted;
  uint64_t seeds_max;  ///< some ten times of what it took
};

const Mistake kMistakes[] = {
    {"ReplyBeforeDurable", Planted::ReplyBeforeDurable, 20},
    {"EpochNotCompared", Planted::EpochNotCompared, 100},
    {"NoFenceAfterRestart", Planted::NoFenceAfterRestart, 40},
    {"CapacityNotReleased", Planted::CapacityNotReleased, 20},
    {"RetryNotCounted", Planted::RetryNotCounted, 20},
    {"StaleCompletionAccepted", Planted::StaleCompletionAccepted, 100},
    {"LostJobsNotRequeued", Planted::LostJobsNotRequeued, 100},
    {"DependencyIgnored", Planted::DependencyIgnored, 20},
    {"AssignedAgainAfterReattach", Planted::AssignedAgainAfterReattach, 100},
    {"AliveNotSaid", Planted::AliveNotSaid, 40},
    {"RequestIdForgottenAtRestart", Planted::RequestIdForgottenAtRestart, 40},
    {"TimerLostAtRestart", Planted::TimerLostAtRestart, 100},
    {"StartedBeforeAck", Planted::StartedBeforeAck, 20},
    {"EndNotReplayed", Planted::EndNotReplayed, 100},
    {"UnkeptPromiseHolds", Planted::UnkeptPromiseHolds, 110},
};

class PlantedMistake : public testing::TestWithParam<Mistake> {
 protected:
  void TearDown() override { core::planted = Planted::Nothing; }
};

TEST_P(PlantedMistake, IsFound) {
  core::planted = GetParam().planted;
  for (uint64_t seed = 1; seed <= GetParam().seeds_max; ++seed) {
    const std::string failure = JobCluster(seed).run();
    if (failure.empty()) continue;
    RecordProperty("seeds", static_cast<int>(seed));
    std::printf("found by seed %d: %s\n", static_cast<int>(seed), failure.c_str());
    return;
  }
  FAIL() << "nothing was noticed in " << GetParam().seeds_max << " seeds";
}

INSTANTIATE_TEST_SUITE_P(
    All,
    PlantedMistake,
    testing::ValuesIn(kMistakes),
    [](const testing::TestParamInfo<Mistake>& mistake) { return mistake.param.name; });

}  // namespace
}  // namespace berth::sim
