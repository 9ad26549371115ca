// What the simulation has found in the core, each as small as it can be told.

#include <gtest/gtest.h>

#include "core/base/arena.h"
#include "core/shard.h"

namespace berth::sim {
namespace {

/// One shard that is asked directly.
class OneShard : public testing::Test {
 protected:
  static core::Settings settings() {
    core::Settings settings;
    settings.workers_max = 4'096;
    settings.names_max = 64;
    return settings;
  }

  const wire::Reply& ask(const wire::Request& request) {
    effects_.clear();
    shard_.step({now_, 0}, {}, {1}, request, {}, effects_);
    return effects_.messages.at(0).message;
  }

  void beat(const char* worker) {
    wire::Heartbeat beat;
    beat.worker = worker;
    beat.epoch = 1;
    beat.sequence = ++sequence_;
    beat.has_profile = true;
    beat.address = "10.0.0.1:1";
    beat.capacity.slots = 4;
    ASSERT_TRUE(std::get<wire::HeartbeatReply>(ask(beat)).accepted);
  }

  wire::Place place(const char* task) {
    wire::Place place;
    place.task = task;
    return place;
  }

  core::Tables tables_{settings()};
  core::Shard shard_{wire::ShardId{0}, tables_, core::ServerIdentity{}};
  core::Effects effects_;
  core::Instant now_{core::Duration::seconds(1000).ns};
  uint64_t sequence_ = 0;
};

// The row kept its generation until the next worker took it, so a task that asked again was told
// its old place, on a worker that was no more.
TEST_F(OneShard, AForgottenWorkerTakesItsReservationsAlong) {
  beat("w1");
  ASSERT_TRUE(std::holds_alternative<wire::Placed>(ask(place("t1"))));
  wire::SetWorker forget;
  forget.worker = "w1";
  forget.action = wire::WorkerAction::Forget;
  ASSERT_TRUE(std::holds_alternative<wire::Done>(ask(forget)));
  EXPECT_TRUE(std::holds_alternative<wire::Unplaced>(ask(place("t1"))));
  beat("w2");
  const auto* again = std::get_if<wire::Placed>(&ask(place("t1")));
  ASSERT_NE(again, nullptr);
  EXPECT_FALSE(again->repeated);
  EXPECT_EQ(again->worker, "w2");
}

// An empty list kept in an arena that had no block yet looked at the last of no blocks.
TEST(Arena, KeepsAnEmptyListBeforeAnythingElse) {
  core::Arena arena;
  EXPECT_TRUE(arena.keep_all(std::span<const int>()).empty());
  EXPECT_EQ(arena.keep(""), "");
}

}  // namespace
}  // namespace berth::sim
