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

TEST(MemoryStore, EveryStartIsTheFirst) {
  Story story;
  MemoryStore::load(story);
  EXPECT_EQ(story.starts, 1u);
  EXPECT_THAT(story.lines, testing::ElementsAre());
}

}  // namespace
}  // namespace berth::net
