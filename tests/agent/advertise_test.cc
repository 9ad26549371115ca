#include "agent/advertise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/settings.h"

namespace berth::agent {
namespace {

using testing::ElementsAre;

const Machine kMachine = {
    {3'500, "cpu why"}, {8'192, "cgroup v2 memory.max of /x"}, {100, "d"}, {0, "n"}};

Platform platform(std::vector<std::string> gpus = {}) {
  return {"host", "linux", "x86_64", std::move(gpus), "gpu why", "berth-agent 1"};
}

std::vector<std::string> text(const Advertised& told) {
  std::vector<std::string> lines;
  for (const Line& line : told.lines)
    lines.push_back(line.what + ": " + line.why);
  return lines;
}

TEST(Advertise, SaysEachThingAndWhy) {
  Wanted wanted;
  wanted.tags = {"ssd", "linux"};
  wanted.labels = {{"zone", "eu"}};
  wanted.custom = {{"licences", 4}};
  Advertised told = advertise(wanted, platform({"A100", "T4", "A100"}), kMachine);
  EXPECT_THAT(
      text(told),
      ElementsAre(
          "address host: the host name",
          "cpu 3500 milli cores: cpu why",
          "slots 3: one for each whole core, at least one",
          "memory 8192 MiB: cgroup v2 memory.max of /x",
          "disk 100 MiB: d",
          "network 0 Mbit/s: n",
          "gpus 3 A100*2 T4*1: gpu why",
          "runners none: runs no jobs: --no-jobs",
          "tags A100,T4,gpu,linux,ssd,x86_64: of the machine, and given by --tags",
          "label zone=eu: given by --label",
          "custom licences 4: given by --custom"));
  EXPECT_THAT(told.profile.gpu_models, ElementsAre("A100", "T4", "A100"));
  EXPECT_EQ(told.profile.slots, 3);
}

TEST(Advertise, OffersOneSlotOnLessThanACoreAndWhatIsGivenElse) {
  Machine small = kMachine;
  small.cpu_milli.amount = 250;
  Wanted wanted;
  EXPECT_EQ(advertise(wanted, platform(), small).profile.slots, 1);
  wanted.max_tasks = 9;
  EXPECT_EQ(advertise(wanted, platform(), small).profile.slots, 9);
  EXPECT_THAT(advertise(wanted, platform(), small).profile.tags, ElementsAre("linux", "x86_64"));
}

TEST(Advertise, OffersTheRunnersThatWorkAndSaysWhyOthersDoNot) {
  Platform with_runners = platform();
  with_runners.backends = {
      {wire::Runner::Process, true, "clone3 and cgroup v2"},
      {wire::Runner::Sandbox, false, "bwrap is not\ninstalled"},
      {wire::Runner::Container, false, std::string(300, 'x')}};
  Wanted wanted;
  wanted.labels = {{"zone", "eu"}};
  Advertised told = advertise(wanted, with_runners, kMachine);
  EXPECT_THAT(told.profile.tags, ElementsAre("linux", "runner:process", "x86_64"));
  EXPECT_THAT(
      told.profile.labels,
      ElementsAre(
          NamedText{"zone", "eu"},
          NamedText{"runner.sandbox", "bwrap is not installed"},
          NamedText{"runner.container", std::string(111, 'x')}));
  EXPECT_THAT(text(told), testing::Contains("runner process: clone3 and cgroup v2"));
  EXPECT_THAT(
      text(told), testing::Contains("runner sandbox: does not work: bwrap is not\ninstalled"));

  with_runners.backends = {
      {wire::Runner::Container, false, "no root", kViaRunc},
      {wire::Runner::Container, true, "there", kViaEngine}};
  told = advertise(wanted, with_runners, kMachine);
  EXPECT_THAT(
      told.profile.tags,
      ElementsAre("linux", "runner:container", "runner:container.engine", "x86_64"));
  EXPECT_EQ(told.profile.labels[1], (NamedText{"runner.container.runc", "no root"}));

  wanted.labels.clear();
  for (uint32_t i = 0; i < core::kLabelsPerWorkerMax; ++i)
    wanted.labels.push_back({"l" + std::to_string(i), "v"});
  EXPECT_EQ(advertise(wanted, with_runners, kMachine).profile.labels.size(), wanted.labels.size());
}

TEST(Advertise, StaysWithinWhatTheProtocolAllows) {
  Machine huge = kMachine;
  huge.disk_mib.amount = core::kAmountMax * 2;
  Advertised told = advertise({}, platform(std::vector<std::string>(20, "T4")), huge);
  EXPECT_EQ(told.profile.disk_mib, core::kAmountMax);
  EXPECT_EQ(told.profile.gpu_models.size(), core::kGpusMax);
}

}  // namespace
}  // namespace berth::agent
