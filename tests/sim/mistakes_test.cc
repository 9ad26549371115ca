// What the simulation has found in the core, each as small as it can be told.

#include <gtest/gtest.h>

#include "core/base/arena.h"
#include "core/jobs/job_ledger.h"
#include "core/shard.h"
#include "core/tables/reservations.h"
#include "wire/spec.h"

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

  void beat(const char* worker, wire::TextList tags = {}, wire::TextList models = {}) {
    wire::Heartbeat beat;
    beat.worker = worker;
    beat.epoch = 1;
    beat.sequence = ++sequence_;
    beat.has_profile = true;
    beat.address = "10.0.0.1:1";
    beat.tags = tags;
    beat.capacity.slots = 4;
    beat.capacity.gpu_models = models;
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

// The devices of a job that was aborted while its worker still ran it came back with its row, and
// when somebody asked for it again after a restart they were handed out beside the new ones.
TEST_F(OneShard, ARetriedJobHoldsNoDeviceOfBeforeTheRestart) {
  wire::SpecEncoder specs;
  const wire::Text command[] = {"true"};
  wire::JobSpec spec;
  spec.command = command;
  spec.demand.gpu_count = 1;
  spec.demand.gpu_milli = 1'000;
  const uint16_t device_before[] = {0};
  core::JobRecord row;
  row.id = {1};
  row.spec = specs.encode(spec);
  row.progress.state = wire::JobState::Aborted;
  row.progress.finished_at_ms = 1;
  row.progress.assignment = {{1}, 7, 1};
  row.progress.gpus = device_before;
  core::JobLedger ledger(tables_, {}, 1);
  ledger.on_start(core::epoch_floor(2));
  ledger.on_job(row);
  ledger.start({now_, 1'000});

  const wire::Text tags[] = {"runner:process"};
  const wire::Text models[] = {"a100", "a100"};
  beat("w1", tags, models);
  const wire::ConnectionId worker{1}, client{2};
  const wire::JobRange job = {{1}, {1}};
  wire::ChangeJobs again;
  again.action = wire::JobAction::Retry;
  again.jobs = {&job, 1};
  wire::AttachWorker attach;
  attach.worker = "w1";
  core::Effects effects;
  core::StoreBatch group;
  ledger.step({now_, 1'000}, worker, {1}, attach, effects);
  ledger.step({now_, 1'000}, client, {1}, again, effects);
  (void)ledger.end_turn({now_, 1'000}, group, effects);
  const wire::Assignments* given = nullptr;
  for (const core::Outgoing& message : effects.messages) {
    if (const auto* one = std::get_if<wire::Assignments>(&message.message)) given = one;
  }
  ASSERT_NE(given, nullptr);
  EXPECT_EQ(given->items[0].gpus.size(), 1u);
}

// Reservation ids begin anew with each life of a server. A client that released what it was given
// by an earlier one ended the hold of a job's lease, and the worker was given more than it has.
TEST(Reservations, WhatAJobHoldsIsNoClientsToRelease) {
  core::Reservations all(64);
  core::Reservation held;
  held.expires = core::kNeverExpires;
  ASSERT_EQ(all.add("1.1.7", 0, held), core::AddStatus::Added);
  core::Reservation gone;
  EXPECT_FALSE(all.remove(held.id, 0, gone));
  EXPECT_FALSE(all.remove("1.1.7", 0, gone));
  EXPECT_TRUE(all.remove_lasting(held.id, 0, gone));
}

// An empty list kept in an arena that had no block yet looked at the last of no blocks.
TEST(Arena, KeepsAnEmptyListBeforeAnythingElse) {
  core::Arena arena;
  EXPECT_TRUE(arena.keep_all(std::span<const int>()).empty());
  EXPECT_EQ(arena.keep(""), "");
}

}  // namespace
}  // namespace berth::sim
