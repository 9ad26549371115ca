#include "net/store/memory_store.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/store/story.h"

namespace berth::net {
namespace {

TEST(MemoryStore, AGroupIsDurableBeforeCommitReturns) {
  std::vector<uint64_t> durable;
  MemoryStore store([&](uint64_t sequence) { durable.push_back(sequence); });
  for (const uint64_t sequence : {1, 2, 3}) {
    core::StoreBatch batch;
    batch.sequence = sequence;
    store.commit(std::move(batch));
    EXPECT_EQ(durable.back(), sequence);
  }
  EXPECT_THAT(durable, testing::ElementsAre(1, 2, 3));
}

// Epochs began again with every start: an agent took a new assignment for one that it still held.
TEST(MemoryStore, ALaterStartCountsFromWhereNoEarlierOneCanHaveCome) {
  Story first;
  Story second;
  MemoryStore::load(first, 1'800'000'000'000);
  MemoryStore::load(second, 1'800'000'000'001);
  EXPECT_GE(second.floor - first.floor, 1'000'000u);
  EXPECT_THAT(second.lines, testing::ElementsAre());
}

}  // namespace
}  // namespace berth::net
