#include "core/jobs/deadlines.h"

#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/core/jobs/seeds.h"

namespace berth::core {
namespace {

constexpr DeadlineKind kLease = DeadlineKind::Lease;
constexpr DeadlineKind kReady = DeadlineKind::Ready;

/// `kind:subject` words of what is due.
std::string take(Deadlines& deadlines, int64_t now, size_t limit = 99) {
  std::vector<Deadlines::Due> due;
  deadlines.take_due({now}, limit, due);
  std::string words;
  for (const auto& [kind, subject] : due)
    words += std::to_string(static_cast<int>(kind)) + ":" + std::to_string(subject) + " ";
  return words;
}

TEST(Deadlines, AreDueAtTheirInstantAndOnce) {
  Deadlines deadlines;
  deadlines.set(kLease, 1, {10});
  EXPECT_EQ(take(deadlines, 9), "");
  EXPECT_EQ(take(deadlines, 10), "1:1 ");
  EXPECT_EQ(take(deadlines, 11), "");
  EXPECT_EQ(deadlines.size(), 0u);
}

TEST(Deadlines, OfOneSubjectMoveByKind) {
  const struct {
    const char* name;
    std::vector<int64_t> set;  // one after the other, of the same lease
    const char* due_at_10;
    const char* due_at_30;
  } cases[] = {
      {"to later", {10, 30}, "0:7 ", "1:7 "},
      {"to earlier", {30, 10}, "0:7 1:7 ", ""},
      {"to earlier and back", {30, 5, 30}, "0:7 ", "1:7 "},
      {"to the same", {10, 10, 10}, "0:7 1:7 ", ""},
      {"into the past", {30, -5}, "1:7 0:7 ", ""},
      {"later, earlier and later", {5, 20, 2, 25, 22}, "0:7 ", "1:7 "},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    Deadlines deadlines;
    deadlines.set(kReady, 7, {5});
    for (int64_t at : each.set)
      deadlines.set(kLease, 7, {at});
    EXPECT_EQ(deadlines.size(), 2u);
    EXPECT_EQ(take(deadlines, 10), each.due_at_10);
    EXPECT_EQ(take(deadlines, 30), each.due_at_30);
    EXPECT_EQ(take(deadlines, INT64_MAX), "");
  }
}

TEST(Deadlines, ComeEarliestFirstThenBySubjectUpToTheLimit) {
  Deadlines deadlines;
  for (uint64_t subject : {5u, 3u, 4u})
    deadlines.set(kLease, subject, {10});
  deadlines.set(kLease, 9, {8});
  deadlines.set(kReady, 4, {10});
  EXPECT_EQ(take(deadlines, 20, 2), "1:9 1:3 ");
  EXPECT_EQ(take(deadlines, 20, 0), "");
  EXPECT_EQ(take(deadlines, 20), "0:4 1:4 1:5 ");
}

TEST(Deadlines, ThatAreClearedAreNotDue) {
  Deadlines deadlines;
  deadlines.set(kLease, 1, {10});
  deadlines.set(kReady, 1, {10});
  deadlines.clear(kLease, 1);
  deadlines.clear(kLease, 1);  // a second time does nothing
  deadlines.clear(kLease, 2);
  EXPECT_EQ(deadlines.size(), 1u);
  EXPECT_EQ(take(deadlines, 10), "0:1 ");
}

// The heap is rebuilt several times here, with deadlines in it that have moved to later.
TEST(Deadlines, OutliveManyThatAreClearedOrMoved) {
  Deadlines deadlines;
  for (uint64_t subject = 1; subject <= 3; ++subject)
    deadlines.set(kLease, subject, {10});
  deadlines.set(kLease, 1, {30});
  deadlines.set(kLease, 2, {5});
  for (uint64_t subject = 100; subject < 1'100; ++subject)
    deadlines.set(kReady, subject, {7});
  for (uint64_t subject = 100; subject < 1'100; ++subject)
    deadlines.clear(kReady, subject);
  for (int64_t at = 1'000; at > 100; --at)  // each time to earlier
    deadlines.set(kReady, 4, {at});
  EXPECT_EQ(deadlines.size(), 4u);
  EXPECT_EQ(take(deadlines, 10), "1:2 1:3 ");
  EXPECT_EQ(take(deadlines, 100), "1:1 ");
  EXPECT_EQ(take(deadlines, 101), "0:4 ");
  EXPECT_EQ(deadlines.size(), 0u);
}

TEST(Deadlines, AreTheSameAsASortedListThroughAnyHistory) {
  for_each_seed(50, [](uint64_t seed) {
    Rng rng(seed);
    Deadlines deadlines;
    std::map<std::pair<uint64_t, int>, int64_t> model;
    int64_t now = 0;
    for (int i = 0; i < 3'000 && !testing::Test::HasFailure(); ++i) {
      const uint64_t subject = rng.below(40);
      const int kind = static_cast<int>(rng.below(5));
      const auto as_kind = static_cast<DeadlineKind>(kind);
      // Time stands still for long stretches, in which stale ones pile up and are forgotten.
      const uint64_t doing = i / 700 % 2 == 0 ? rng.below(5) : rng.below(3);
      switch (doing) {
        case 0:
        case 1: {
          const int64_t at = now + static_cast<int64_t>(rng.below(100)) - 5;
          deadlines.set(as_kind, subject, {at});
          model[{subject, kind}] = at;
          break;
        }
        case 2:
          deadlines.clear(as_kind, subject);
          model.erase({subject, kind});
          break;
        default: {
          now += static_cast<int64_t>(rng.below(8));
          const size_t limit = rng.below(6);
          std::map<std::pair<int64_t, std::pair<uint64_t, int>>, int> sorted;
          for (const auto& [key, at] : model)
            if (at <= now) sorted[{at, key}] = 0;
          std::string expected;
          size_t left = limit;
          for (auto one = sorted.begin(); one != sorted.end() && left > 0; ++one, --left) {
            const auto& key = one->first.second;
            expected += std::to_string(key.second) + ":" + std::to_string(key.first) + " ";
            model.erase(key);
          }
          ASSERT_EQ(take(deadlines, now, limit), expected) << "at step " << i;
        }
      }
      ASSERT_EQ(deadlines.size(), model.size());
    }
  });
}

}  // namespace
}  // namespace berth::core
