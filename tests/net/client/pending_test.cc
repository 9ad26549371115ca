#include "net/client/pending.h"

#include <set>

#include <gtest/gtest.h>

namespace berth::client {
namespace {

// A request is found by its number until it is removed, and never by an earlier use of its slot.
TEST(PendingTable, TellsAnEarlierUseOfASlotApart) {
  PendingTable table(1);
  const wire::RequestId first = table.add(1'000)->id;
  ASSERT_NE(table.find(first), nullptr);
  table.remove(*table.find(first));
  EXPECT_EQ(table.find(first), nullptr);

  const wire::RequestId second = table.add(1'000)->id;
  EXPECT_NE(first, second);
  EXPECT_EQ(table.find(first), nullptr);
  EXPECT_NE(table.find(second), nullptr);
}

// The wire keeps request id 0 for messages that the server starts.
TEST(PendingTable, NeverGivesOutNumberZeroHoweverOftenASlotIsUsed) {
  PendingTable table(1);
  for (int use = 0; use < 10'000; ++use) {
    Pending* pending = table.add(1'000);
    ASSERT_NE(pending->id.value, 0u);
    table.remove(*pending);
  }
}

TEST(PendingTable, RefusesWhenEverySlotIsTaken) {
  PendingTable table(3);
  Pending* first = table.add(1);
  EXPECT_NE(table.add(1), nullptr);
  EXPECT_NE(table.add(1), nullptr);
  EXPECT_EQ(table.add(1), nullptr);
  table.remove(*first);
  EXPECT_NE(table.add(1), nullptr);
}

TEST(PendingTable, ExpiresExactlyWhatIsDue) {
  struct Case {
    const char* what;
    uint64_t deadline_ms;
    uint64_t now_ms;
    bool expired;
  };
  const Case cases[] = {
      {"before the deadline", 5'000, 4'999, false},
      {"at the deadline", 5'000, 5'000, true},
      {"after the deadline", 5'000, 5'001, true},
      {"one turn of the wheel too early", 15'240, 5'000, false},
      {"after a long sleep", 5'000, 3'600'000, true},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    PendingTable table(10);
    const wire::RequestId id = table.add(each.deadline_ms)->id;
    std::vector<wire::RequestId> expired;
    for (uint64_t now = 4'000; now < std::min<uint64_t>(each.now_ms, 4'900); now += 10) {
      table.collect_expired(now, expired);
    }
    EXPECT_TRUE(expired.empty());
    table.collect_expired(each.now_ms, expired);
    EXPECT_EQ(expired, each.expired ? std::vector{id} : std::vector<wire::RequestId>{});
  }
}

TEST(PendingTable, ListsRequestsInTheOrderOfAskingAcrossReusedSlots) {
  PendingTable table(1'000);
  std::vector<wire::RequestId> ids;
  for (int i = 0; i < 1'000; ++i)
    ids.push_back(table.add(1'000)->id);
  for (int i = 0; i < 500; ++i)
    table.remove(*table.find(ids[static_cast<size_t>(i)]));
  ids.erase(ids.begin(), ids.begin() + 500);
  for (int i = 0; i < 500; ++i)
    ids.push_back(table.add(1'000)->id);

  std::vector<wire::RequestId> all;
  table.collect_all(all);
  EXPECT_EQ(all, ids);
  EXPECT_EQ(std::set<wire::RequestId>(all.begin(), all.end()).size(), 1'000u);
}

}  // namespace
}  // namespace berth::client
