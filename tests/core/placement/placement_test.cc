// Mistakes that were made once, each named.

#include "core/placement/placement.h"

#include <gtest/gtest.h>

#include "tests/core/support/workers.h"

namespace berth::core {
namespace {

class PlacementTest : public testing::Test {
 protected:
  void add(TestWorker worker) {
    BeatOutcome outcome;
    owner_.heartbeat(now_.mono, worker.beat(), outcome);
    ASSERT_EQ(outcome.refusal, wire::Refusal::None) << outcome.message;
  }

  wire::Reply place(const wire::Place& place) {
    std::string_view wrong;
    if (!compile_query(place, tables_.names, query_, text_, wrong)) {
      return wire::Refused{wire::Refusal::BadRequest, wrong};
    }
    return placement_.place(now_, place, place.task, query_, text_);
  }

  Tables tables_{small_settings()};
  Partition owner_{{0}, tables_.fleet, tables_.names, tables_.settings};
  Placement placement_{tables_, 0, 1};
  Now now_{Instant{} + Duration::seconds(1'000), 0};
  Query query_;
  Arena text_;
};

// The zone without slots was chosen as the least loaded one, and then nobody in it fitted.
TEST_F(PlacementTest, SpreadingPassesOverAValueWhoseWorkersHaveNoSlot) {
  TestWorker without;
  without.id = "w1";
  without.labels = {{"zone", "a"}};
  without.slots = 0;
  add(without);
  TestWorker with = without;
  with.id = "w2";
  with.labels = {{"zone", "b"}};
  with.slots = 1;
  add(with);
  wire::Place request;
  request.task = "t1";
  request.requirements.spread_by = "zone";
  wire::Reply reply = place(request);
  ASSERT_TRUE(std::holds_alternative<wire::Placed>(reply));
  EXPECT_EQ(std::get<wire::Placed>(reply).worker, "w2");
}

// Both amounts were compared with all that is free, and then both were taken.
TEST_F(PlacementTest, ACustomResourceNamedTwiceIsRefused) {
  const wire::NamedAmount twice[] = {{"licences", 2}, {"licences", 2}};
  wire::Place request;
  request.task = "t1";
  request.demand.custom = twice;
  wire::Reply reply = place(request);
  ASSERT_TRUE(std::holds_alternative<wire::Refused>(reply));
  EXPECT_NE(std::get<wire::Refused>(reply).message.find("named twice"), std::string_view::npos);
}

// A plan's devices were checked for what is free on them, and not for what they have become.
TEST_F(PlacementTest, APlannedDeviceThatIsOfAnotherModelNowIsNotUsed) {
  TestWorker worker;
  worker.id = "w1";
  worker.gpus = {"A100", "T4"};
  add(worker);
  const std::string_view models[] = {"A100"};
  wire::Place request;
  request.task = "t1";
  request.demand.gpu_count = 1;
  request.demand.gpu_milli = 500;
  request.demand.gpu_models = models;
  std::string_view wrong;
  ASSERT_TRUE(compile_query(request, tables_.names, query_, text_, wrong));
  wire::Reply on_t4 = placement_.place_at(now_, request, query_, {0}, 0, 0b10, text_);
  EXPECT_TRUE(std::holds_alternative<wire::Unplaced>(on_t4));
  wire::Reply on_a100 = placement_.place_at(now_, request, query_, {0}, 0, 0b01, text_);
  EXPECT_TRUE(std::holds_alternative<wire::Placed>(on_a100));
}

}  // namespace
}  // namespace berth::core
