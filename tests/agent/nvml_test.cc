#include "agent/nvml.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// In lower case, `--any "A100|H100"` would find nobody.
TEST(NormaliseModel, KeepsWhatAPersonWouldCallTheDeviceAsItIsSpelt) {
  struct Case {
    const char* name;
    const char* model;
  };
  const Case cases[] = {
      {"NVIDIA A100-SXM4-80GB", "A100"},
      {"NVIDIA A100 80GB PCIe", "A100"},
      {"Tesla V100-PCIE-16GB", "V100"},
      {"Tesla T4", "T4"},
      {"NVIDIA H100 80GB HBM3", "H100"},
      {"NVIDIA L40S", "L40S"},
      {"nvidia a10g-pcie-24gb", "a10g"},
      {"NVIDIA GeForce RTX 3090", "RTX-3090"},
      {"NVIDIA GeForce GTX 1080 Ti", "GTX-1080-Ti"},
      {"NVIDIA RTX A6000", "RTX-A6000"},
      {"NVIDIA RTX 6000 Ada Generation", "RTX-6000-Ada"},
      {"GRID V100D-8Q", "GRID-V100D-8Q"},
      {"", "unknown"},
      {"NVIDIA", "unknown"},
      {"bad\x01\xFFname", "bad-name"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(normalise_model(c.name), c.model) << c.name;
}

// The stub is linked to the test program, so that its name is known.
TEST(Nvml, ListsTheDevicesOfTheLibrary) {
  setenv("BERTH_TEST_GPUS", "NVIDIA A100-SXM4-80GB;Tesla T4;NVIDIA A100-SXM4-80GB", 1);
  Nvml nvml;
  EXPECT_THAT(nvml.models(), ElementsAre("A100", "T4", "A100"));
  EXPECT_EQ(nvml.why(), "NVML lists 3 of 3");
  EXPECT_EQ(nvml.used_milli(), 750);
}

TEST(Nvml, GoesOnWithoutADeviceThatCannotBeOpened) {
  setenv("BERTH_TEST_GPUS", "Tesla T4;!lost;Tesla T4", 1);
  Nvml nvml;
  EXPECT_THAT(nvml.models(), ElementsAre("T4", "T4"));
  EXPECT_EQ(nvml.why(), "NVML lists 2 of 3");
}

TEST(Nvml, SaysWhyThereAreNone) {
  setenv("BERTH_TEST_GPUS", "no-driver", 1);
  Nvml nvml;
  EXPECT_THAT(nvml.models(), IsEmpty());
  EXPECT_THAT(nvml.why(), HasSubstr("error 9"));
  EXPECT_EQ(nvml.used_milli(), 0);
}

}  // namespace
}  // namespace berth::agent
