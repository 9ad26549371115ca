#include "core/jobs/range_index.h"

#include <gtest/gtest.h>

#include "core/base/rng.h"

namespace berth::core {
namespace {

wire::JobRange range(uint64_t first, uint64_t last) {
  return {{first}, {last}};
}

TEST(RangeIndex, FindsExactlyTheRangesThatHoldAnId) {
  Rng rng(7);
  std::vector<wire::JobRange> ranges;
  RangeIndex index;
  for (uint64_t owner = 0; owner < 300; ++owner) {
    const uint64_t first = 1 + rng.below(2'000);
    ranges.push_back(range(first, first + rng.below(owner % 3 == 0 ? 1 : 500)));
    index.add(ranges.back(), owner);
  }
  for (uint64_t owner = 0; owner < 300; owner += 2)
    index.remove(ranges[owner], owner);
  for (uint64_t id = 0; id < 2'600; ++id) {
    std::vector<uint64_t> found;
    index.find({id}, found);
    std::sort(found.begin(), found.end());
    std::vector<uint64_t> expected;
    for (uint64_t owner = 1; owner < 300; owner += 2) {
      if (ranges[owner].first.value <= id && id <= ranges[owner].last.value) {
        expected.push_back(owner);
      }
    }
    EXPECT_EQ(found, expected) << id;
  }
}

TEST(RangeIndex, TakesTheLargestRanges) {
  RangeIndex index;
  const wire::JobRange all = range(0, UINT64_MAX);
  index.add(all, 1);
  index.add(range(5, UINT64_MAX), 2);
  std::vector<uint64_t> found;
  index.find({4}, found);
  EXPECT_EQ(found, std::vector<uint64_t>({1}));
  found.clear();
  index.find({UINT64_MAX}, found);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, std::vector<uint64_t>({1, 2}));
  index.remove(all, 1);
  found.clear();
  index.find({4}, found);
  EXPECT_TRUE(found.empty());
}

TEST(RangeIndex, MergesWhatOverlapsOrTouches) {
  struct Case {
    const char* name;
    std::vector<wire::JobRange> given;
    std::vector<wire::JobRange> merged;
  };
  for (const Case& one :
       {Case{"nothing", {}, {}},
        Case{"apart", {range(5, 6), range(1, 2)}, {range(1, 2), range(5, 6)}},
        Case{"overlapping", {range(1, 4), range(3, 8)}, {range(1, 8)}},
        Case{"inside", {range(1, 9), range(3, 4)}, {range(1, 9)}},
        Case{"neighbours", {range(1, 2), range(3, 4)}, {range(1, 4)}},
        Case{"backwards", {range(4, 3)}, {}},
        Case{"to the end", {range(1, UINT64_MAX), range(7, 8)}, {range(1, UINT64_MAX)}}}) {
    EXPECT_EQ(merged(one.given), one.merged) << one.name;
  }
}

}  // namespace
}  // namespace berth::core
