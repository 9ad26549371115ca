#include "agent/nvml.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(NormaliseModel, KeepsWhatAPersonWouldCallTheDevice) {
  struct Case {
    const char* name;
    const char* model;
  };
  const Case cases[] = {
      {"NVIDIA A100-SXM4-80GB", "a100"},
      {"NVIDIA A100 80GB PCIe", "a100"},
      {"Tesla V100-PCIE-16GB", "v100"},
      {"Tesla T4", "t4"},
      {"NVIDIA H100 80GB HBM3", "h100"},
      {"NVIDIA L40S", "l40s"},
      {"NVIDIA GeForce RTX 3090", "rtx-3090"},
      {"NVIDIA GeForce GTX 1080 Ti", "gtx-1080-ti"},
      {"NVIDIA RTX A6000", "rtx-a6000"},
      {"NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"},
      {"GRID V100D-8Q", "grid-v100d-8q"},
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
  EXPECT_THAT(nvml.models(), ElementsAre("a100", "t4", "a100"));
  EXPECT_EQ(nvml.why(), "NVML lists 3 of 3");
  EXPECT_EQ(nvml.used_milli(), 750);
}

TEST(Nvml, GoesOnWithoutADeviceThatCannotBeOpened) {
  setenv("BERTH_TEST_GPUS", "Tesla T4;!lost;Tesla T4", 1);
  Nvml nvml;
  EXPECT_THAT(nvml.models(), ElementsAre("t4", "t4"));
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
