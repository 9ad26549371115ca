#include "core/jobs/experience.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "wire/spec.h"

namespace berth::core {
namespace {

constexpr double kMib = 1024.0 * 1024.0;

/// Specs as the ledger has them, and what is learned of them.
struct Lessons {
  Likeness like(const wire::JobSpec& spec) { return experience.likeness_of(spec); }
  void learn(const wire::JobSpec& spec, double run_s, double mib = 0, uint64_t kind = 0) {
    experience.learn(like(spec), kind, run_s, mib * kMib);
  }
  Forecast run(const wire::JobSpec& spec, double said_s = 0, uint64_t kind = 0) {
    return experience.run_s(like(spec), kind, said_s).forecast();
  }
  Forecast memory(const wire::JobSpec& spec) {
    return experience.memory_bytes(like(spec), 0).forecast();
  }

  Experience experience;
};

wire::JobSpec job(std::string_view name, std::string_view tenant = "ann", int64_t cpu_milli = 0) {
  wire::JobSpec spec;
  spec.name = name;
  spec.tenant = tenant;
  spec.demand.cpu_milli = cpu_milli;
  return spec;
}

TEST(Experience, ProgramsWithoutANameAreKnownByTheirFile) {
  const std::string_view with_path[] = {"/usr/bin/make", "all"};
  const std::string_view without[] = {"make", "test"};
  wire::JobSpec a;
  a.command = with_path;
  wire::JobSpec b;
  b.command = without;
  EXPECT_EQ(group_keys(traits_of(a)), group_keys(traits_of(b)));
  b.tenant = "bob";
  EXPECT_NE(group_keys(traits_of(a)), group_keys(traits_of(b)));
}

TEST(Experience, AGpuWeighsMoreThanSlots) {
  wire::JobSpec spec = job("train", "ann", 4'000);
  EXPECT_DOUBLE_EQ(traits_of(spec).size, 4);
  spec.demand.gpu_count = 1;
  spec.demand.gpu_milli = 500;
  EXPECT_DOUBLE_EQ(traits_of(spec).size, 12);
}

TEST(Experience, WhatTheClientSaysStandsUntilItsOwnProgramIsKnown) {
  Lessons lessons;
  EXPECT_FALSE(lessons.run(job("train")).known);
  EXPECT_NEAR(lessons.run(job("train"), 600).median, 600, 1) << "nothing else is known";
  for (int i = 0; i < 100; ++i)
    lessons.learn(job("other"), 10);
  EXPECT_NEAR(lessons.run(job("train")).median, 10, 2) << "like all others";
  EXPECT_NEAR(lessons.run(job("train"), 600).median, 600, 1) << "which it is not, its client says";
  for (int i = 0; i < 30; ++i)
    lessons.learn(job("train"), 60);
  EXPECT_NEAR(lessons.run(job("train"), 600).median, 60, 15) << "clients are seldom right";
}

TEST(Experience, KindsOfWorkersAreToldApartOnceTheyAreSeen) {
  Lessons lessons;
  for (int i = 0; i < 50; ++i) {
    lessons.learn(job("train"), 100, 0, 7);
    lessons.learn(job("train"), 400, 0, 9);
  }
  EXPECT_NEAR(lessons.run(job("train"), 0, 7).median, 100, 20);
  EXPECT_NEAR(lessons.run(job("train"), 0, 9).median, 400, 80);
  const Forecast either = lessons.run(job("train"));
  EXPECT_NEAR(either.median, 200, 40) << "in between, while it is not known where it will run";
  EXPECT_LT(either.low, 110);
  EXPECT_GT(either.high, 350);
}

TEST(Experience, MemoryIsLearnedFromTheSameProgramAlone) {
  Lessons lessons;
  for (int i = 0; i < 50; ++i)
    lessons.learn(job("big"), 10, 64'000);
  EXPECT_FALSE(lessons.memory(job("small")).known);
  for (int i = 0; i < 50; ++i)
    lessons.learn(job("small"), 10, 100);
  const Forecast memory = lessons.memory(job("small"));
  EXPECT_NEAR(memory.median / kMib, 100, 5);
  EXPECT_GE(memory.top(), memory.high);
}

TEST(Experience, WhatIsNotTellingIsNotLearned) {
  Lessons lessons;
  lessons.learn(job("train"), 10, 0);
  EXPECT_FALSE(lessons.memory(job("train")).known) << "its runner did not measure";
  lessons.learn(job("oom"), 0, 512);
  EXPECT_TRUE(lessons.memory(job("oom")).known);
  EXPECT_EQ(lessons.experience.runs_seen(lessons.like(job("oom"))), 0);
}

TEST(Experience, WhatIsReadBackSaysTheSame) {
  Lessons before;
  for (int i = 0; i < 40; ++i) {
    before.learn(job("train", "ann", 4'000), 100 + i, 900 + i, 5);
    before.learn(job("etl", "bob"), 7, 50);
  }
  Lessons after;
  for (const ExperienceRecord& record : before.experience.take_changed(1'000))
    after.experience.restore(record);
  EXPECT_EQ(before.experience.changed(), 0u);
  EXPECT_EQ(after.experience.groups(), before.experience.groups());
  for (const auto& spec : {job("train", "ann", 4'000), job("etl", "bob"), job("new")}) {
    EXPECT_DOUBLE_EQ(after.run(spec, 0, 5).median, before.run(spec, 0, 5).median);
    EXPECT_DOUBLE_EQ(after.run(spec, 0, 5).high, before.run(spec, 0, 5).high);
    EXPECT_DOUBLE_EQ(after.memory(spec).top(), before.memory(spec).top());
  }
}

TEST(Experience, ChangesAreTakenALittleAtATimeAndEachOnce) {
  Lessons lessons;
  lessons.learn(job("a"), 1);
  lessons.learn(job("a"), 2);
  lessons.learn(job("b"), 2);
  const size_t all = lessons.experience.changed();
  EXPECT_EQ(all, lessons.experience.groups()) << "once each, however often they changed";
  EXPECT_EQ(lessons.experience.take_changed(2).size(), 2u);
  EXPECT_EQ(lessons.experience.take_changed(100).size(), all - 2);
  EXPECT_TRUE(lessons.experience.take_changed(100).empty());
  lessons.learn(job("b"), 2);
  EXPECT_EQ(lessons.experience.changed(), 5u) << "of all levels, but none of a worker's kind";
}

TEST(Experience, WhoHasNoRoomAmongRelativesIsKnownByProgramAlone) {
  Experience experience(1'000, 2);
  const Likeness first = experience.likeness_of(job("train", "ann"));
  const Likeness other = experience.likeness_of(job("train", "bob"));
  for (int i = 0; i < 30; ++i) {
    experience.learn(first, 0, 10, 0);
    experience.learn(other, 0, 1'000, 0);
  }
  EXPECT_EQ(experience.groups(), 5u + 1) << "of all levels, and of one";
  EXPECT_NEAR(experience.run_s(first, 0, 0).median(0), 10, 3);
  EXPECT_NEAR(experience.run_s(other, 0, 0).median(0), 1'000, 300);
  const Likeness new_to_bob = experience.likeness_of(job("etl", "bob"));
  EXPECT_NEAR(experience.run_s(new_to_bob, 0, 0).median(0), 100, 80) << "as any job";
}

TEST(Experience, AFullTableForgetsWhatWasLearnedLongAgo) {
  Experience experience(64);
  for (int i = 0; i < 20'000; ++i) {
    experience.learn(experience.likeness_of(job("steady")), 0, 30, 0);
    experience.learn(experience.likeness_of(job("once " + std::to_string(i))), 0, 5, 0);
  }
  EXPECT_EQ(experience.groups(), 64u);
  EXPECT_NEAR(experience.run_s(experience.likeness_of(job("steady")), 0, 0).median(0), 30, 3);
  for (const ExperienceRecord& record : experience.take_changed(1'000))
    EXPECT_LT(record.slot, 64u);
}

}  // namespace
}  // namespace berth::core
