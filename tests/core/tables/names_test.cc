#include "core/tables/names.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace berth::core {
namespace {

TEST(Names, FindsWhatWasInternedAndNothingElse) {
  Names names(10);
  NameId gpu = names.intern(NameKind::Tag, "gpu");
  EXPECT_NE(gpu.value, 0u);
  EXPECT_EQ(names.intern(NameKind::Tag, "gpu"), gpu);
  EXPECT_EQ(names.find(NameKind::Tag, "gpu"), gpu);
  EXPECT_EQ(names.find(NameKind::Tag, "gp"), NameId{});
  EXPECT_EQ(names.text(gpu), "gpu");
}

TEST(Names, KeepsKindsApart) {
  Names names(10);
  NameId tag = names.intern(NameKind::Tag, "a100");
  NameId model = names.intern(NameKind::GpuModel, "a100");
  EXPECT_NE(tag, model);
  EXPECT_EQ(names.find(NameKind::GpuModel, "a100"), model);
}

TEST(Names, ALabelKnowsItsKey) {
  Names names(10);
  NameId zone = names.intern_label("zone", "eu-1");
  EXPECT_EQ(names.find_label("zone", "eu-1"), zone);
  EXPECT_EQ(names.find_label("zone", "eu-2"), NameId{});
  EXPECT_EQ(names.label_key(zone), names.find(NameKind::LabelKey, "zone"));
  EXPECT_EQ(names.text(zone), "zone=eu-1");
}

TEST(Names, RefusesWhenFullAndStillFindsTheRest) {
  Names names(3);
  for (const char* name : {"a", "b", "c"})
    EXPECT_NE(names.intern(NameKind::Tag, name).value, 0u);
  EXPECT_EQ(names.intern(NameKind::Tag, "d"), NameId{});
  EXPECT_NE(names.find(NameKind::Tag, "c"), NameId{});
}

TEST(Names, ALongLabelMatchesNothing) {
  Names names(3);
  EXPECT_EQ(names.find_label(std::string(200, 'k'), std::string(200, 'v')), NameId{});
}

TEST(Names, AnAbsentKeyOrValueMatchesNothing) {
  Names names(3);
  EXPECT_EQ(names.find_label({}, {}), NameId{});
  EXPECT_EQ(names.find_label("zone", {}), NameId{});
}

TEST(Names, ThreadsThatInternTheSameNamesAgree) {
  Names names(4'000);
  constexpr int kThreads = 4;
  constexpr int kNames = 500;
  std::vector<std::vector<NameId>> seen(kThreads, std::vector<NameId>(kNames));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&names, &mine = seen[thread]] {
      for (int i = 0; i < kNames; ++i)
        mine[i] = names.intern(NameKind::Tag, "t" + std::to_string(i));
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (int i = 0; i < kNames; ++i) {
    for (int thread = 1; thread < kThreads; ++thread)
      EXPECT_EQ(seen[thread][i], seen[0][i]);
    EXPECT_EQ(names.text(seen[0][i]), "t" + std::to_string(i));
  }
}

}  // namespace
}  // namespace berth::core
