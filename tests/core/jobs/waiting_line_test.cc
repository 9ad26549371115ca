#include "core/jobs/waiting_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::core {
namespace {

using testing::ElementsAre;

constexpr wire::ConnectionId kAnna{1};
constexpr wire::ConnectionId kBert{2};

uint64_t add(WaitingLine& line, int32_t priority, wire::ConnectionId from, int64_t deadline_ms) {
  return line.add(priority, {from, {}, {}, Instant{} + Duration::milliseconds(deadline_ms)});
}

std::vector<uint64_t> order(const WaitingLine& line) {
  std::vector<uint64_t> tickets;
  for (const auto& [turn, request] : line.in_order())
    tickets.push_back(turn.ticket);
  return tickets;
}

TEST(WaitingLine, ServesHigherPriorityFirstAndThenWhoCameFirst) {
  WaitingLine line;
  add(line, 0, kAnna, 10);
  add(line, 5, kAnna, 10);
  add(line, -5, kAnna, 10);
  add(line, 5, kBert, 10);
  add(line, 0, kBert, 10);
  EXPECT_THAT(order(line), ElementsAre(2, 4, 1, 5, 3));
}

TEST(WaitingLine, FindsARequestUntilItIsRemoved) {
  WaitingLine line;
  uint64_t ticket = add(line, 3, kAnna, 10);
  ASSERT_NE(line.find(ticket), nullptr);
  EXPECT_EQ(line.find(ticket)->second.from, kAnna);
  line.remove(line.find(ticket)->first);
  EXPECT_EQ(line.find(ticket), nullptr);
  EXPECT_TRUE(line.empty());
  EXPECT_FALSE(line.any_due(Instant{INT64_MAX}));
  line.remove({3, ticket});  // a second time does nothing
}

TEST(WaitingLine, RemovesAllOfOneConnectionAndNothingElse) {
  WaitingLine line;
  add(line, 0, kAnna, 10);
  add(line, 9, kBert, 20);
  add(line, INT32_MAX, kAnna, 30);
  add(line, INT32_MIN, kAnna, 30);
  EXPECT_EQ(line.remove_all_of(kAnna), 3u);
  EXPECT_THAT(order(line), ElementsAre(2));
  EXPECT_EQ(line.remove_all_of(kAnna), 0u);
}

TEST(WaitingLine, DueAreTheEarliestDeadlinesUpToTheLimit) {
  WaitingLine line;
  add(line, 0, kAnna, 30);
  add(line, 0, kAnna, 10);
  add(line, 0, kAnna, 20);
  auto at = [](int64_t ms) {
    return Instant{} + Duration::milliseconds(ms);
  };
  EXPECT_FALSE(line.any_due(at(9)));
  EXPECT_TRUE(line.any_due(at(10)));
  EXPECT_THAT(line.due(at(20), 9), ElementsAre(Turn{0, 2}, Turn{0, 3}));
  EXPECT_THAT(line.due(at(30), 1), ElementsAre(Turn{0, 2}));
}

}  // namespace
}  // namespace berth::core
