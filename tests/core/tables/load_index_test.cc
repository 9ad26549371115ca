#include "core/tables/load_index.h"

#include <array>
#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/base/zeroed.h"

namespace berth::core {
namespace {

TEST(LoadKey, OrdersEveryPairOfFractionsAsTheNumbersDo) {
  // Neighbouring fractions of the largest slot counts are the closest there are.
  EXPECT_LT(load_key(65'533, 65'534), load_key(65'534, 65'535));
  EXPECT_EQ(load_key(0, 7), 0u);
  EXPECT_EQ(load_key(7, 7), UINT32_MAX);
  EXPECT_EQ(load_key(9, 7), UINT32_MAX);
  for (int32_t max_a = 1; max_a <= 40; ++max_a) {
    for (int32_t a = 0; a < max_a; ++a) {
      for (int32_t max_b = 1; max_b <= 40; ++max_b) {
        for (int32_t b = 0; b < max_b; ++b) {
          bool less = a * max_b < b * max_a;
          ASSERT_EQ(load_key(a, max_a) < load_key(b, max_b), less)
              << a << "/" << max_a << " against " << b << "/" << max_b;
        }
      }
    }
  }
}

TEST(LoadIndex, ATightenedBoundIsTheLowestKeyAndFallsAgain) {
  Zeroed<LoadIndex> index = make_zeroed<LoadIndex>();
  constexpr uint32_t kRows = 1'000;
  constexpr int32_t kSlots = 60'000;
  for (uint32_t row = 0; row < kRows; ++row)
    index->insert(row, 0, 0);
  for (uint32_t row = 0; row < kRows; ++row)
    index->insert(row, load_key(static_cast<int32_t>(2 + row % 7), kSlots), 0);
  EXPECT_EQ(index->lower_bound(0), 0u) << "it does not follow keys up by itself";
  index->tighten(0);
  EXPECT_EQ(index->lower_bound(0), load_key(2, kSlots));
  index->insert(5, load_key(1, kSlots), 0);
  EXPECT_EQ(index->lower_bound(0), load_key(1, kSlots));
  index->tighten(1);
  EXPECT_EQ(index->lower_bound(1), UINT32_MAX) << "nothing is in this one";
}

TEST(LoadIndex, ABoundTightenedWhileRowsChangeIsStillBelowThem) {
  Zeroed<LoadIndex> index = make_zeroed<LoadIndex>();
  constexpr uint32_t kRows = 256;
  constexpr int32_t kSlots = 60'000;
  for (uint32_t row = 0; row < kRows; ++row)
    index->insert(row, load_key(100, kSlots), 0);
  for (int round = 0; round < 200; ++round) {
    std::atomic<bool> changed{false};
    std::thread changer([&] {
      Rng rng(static_cast<uint64_t>(round));
      for (int i = 0; i < 200; ++i) {
        const auto row = static_cast<uint32_t>(rng.below(kRows));
        index->insert(row, load_key(static_cast<int32_t>(rng.below(200)), kSlots), 0);
      }
      changed = true;
    });
    while (!changed)
      index->tighten(0);
    changer.join();
    for (uint32_t row = 0; row < kRows; ++row)
      ASSERT_LE(index->lower_bound(0), index->key(row)) << "round " << round;
  }
}

// After any history of inserts, moves and removals the index says what a plain list says.
TEST(LoadIndex, AgreesWithAPlainListOverRandomHistories) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Zeroed<LoadIndex> index = make_zeroed<LoadIndex>();
    std::array<std::pair<uint16_t, LoadKey>, 200> rows;
    rows.fill({kNoBucket, 0});
    Rng rng(seed);
    for (int step = 0; step < 2'000; ++step) {
      auto row = static_cast<uint32_t>(rng.below(rows.size()));
      auto& [bucket, key] = rows[row];
      if (bucket != kNoBucket && rng.below(3) == 0) {
        index->remove(row, bucket);
        bucket = kNoBucket;
        continue;
      }
      LoadKey to_key = load_key(static_cast<int32_t>(rng.below(30)), 30);
      uint16_t to = load_bucket(to_key, rng.below(4) == 0);
      index->insert(row, to_key, to);
      if (bucket != kNoBucket && bucket != to) index->remove(row, bucket);
      bucket = to;
      key = to_key;
    }
    std::set<uint32_t> occupied;
    for (uint32_t row = 0; row < rows.size(); ++row) {
      auto [bucket, key] = rows[row];
      if (bucket == kNoBucket) continue;
      occupied.insert(bucket);
      EXPECT_TRUE(index->buckets[bucket].contains(row)) << "seed " << seed;
      EXPECT_EQ(index->key(row), key) << "seed " << seed;
      EXPECT_LE(index->lower_bound(bucket), key) << "seed " << seed;
    }
    std::set<uint32_t> up;
    for (uint32_t at = index->next_occupied(0, kBuckets); at < kBuckets;
         at = index->next_occupied(at + 1, kBuckets)) {
      up.insert(at);
    }
    EXPECT_EQ(up, occupied) << "seed " << seed;
    std::set<uint32_t> down;
    for (uint32_t at = index->previous_occupied(kBuckets, 0); at != UINT32_MAX;
         at = at == 0 ? UINT32_MAX : index->previous_occupied(at, 0)) {
      down.insert(at);
    }
    EXPECT_EQ(down, occupied) << "seed " << seed;
  }
}

TEST(RowSet, KeepsItsSummaryTrue) {
  auto set = std::make_unique<RowSet>();
  EXPECT_TRUE(set->empty());
  set->set(0);
  set->set(4'095);
  set->set(64);
  EXPECT_EQ(set->count(), 3u);
  EXPECT_EQ(set->summary.load(), (uint64_t{1} << 63) | 3);
  EXPECT_FALSE(set->clear(64));
  EXPECT_FALSE(set->clear(0));
  EXPECT_EQ(set->summary.load(), uint64_t{1} << 63);
  EXPECT_TRUE(set->clear(4'095));
  EXPECT_TRUE(set->empty());
}

}  // namespace
}  // namespace berth::core
