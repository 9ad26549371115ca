#include "core/jobs/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/jobs/ledger_world.h"

namespace berth::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TestWorker worker(std::string id, int64_t slots, std::vector<std::string> tags = {}) {
  TestWorker worker;
  worker.id = std::move(id);
  worker.slots = slots;
  worker.tags = std::move(tags);
  return worker;
}

uint64_t counted(const LedgerWorld& world, Counter counter) {
  return world.tables.counters.total(counter);
}

TEST(Ledger, PlacesInPriorityThenArrivalOrderAsCapacityFrees) {
  LedgerWorld world;
  world.worker(worker("w1", 2));
  ASSERT_TRUE(world.place_now("t91"));
  ASSERT_TRUE(world.place_now("t92"));
  world.ask({.task = "t1"});
  world.ask({.task = "t2", .priority = 5});
  world.ask({.task = "t3", .priority = 5});
  EXPECT_EQ(world.tables.waiting, 3u);
  world.plan();
  EXPECT_THAT(world.said(), IsEmpty()) << "nothing is free";
  world.release("t91");
  world.plan();
  EXPECT_THAT(world.said(), ElementsAre("t2 placed on w1"));
  world.release("t2");
  world.release("t92");
  world.plan();
  EXPECT_THAT(world.said(), ElementsAre("t3 placed on w1", "t1 placed on w1"));
  EXPECT_EQ(world.tables.waiting, 0u);
  EXPECT_EQ(counted(world, Counter::PlacementsWaited), 3u);
  EXPECT_EQ(counted(world, Counter::PlansMade), 3u);
}

TEST(Ledger, TimesOutWithTheExplanationAndThePositionInTheQueue) {
  Settings settings = small_settings();
  settings.wait_max = Duration::milliseconds(500);
  LedgerWorld world(settings);
  world.worker(worker("w1", 2));
  world.ask({.task = "t1", .wait_ms = 300, .tags = {"gpu"}});
  world.ask({.task = "t2", .priority = 1, .wait_ms = 100'000, .tags = {"gpu"}});
  world.ask({.task = "t3", .wait_ms = 200, .slots = 3});
  world.plan();
  world.advance(199);
  EXPECT_THAT(world.said(), IsEmpty());
  world.advance(1);
  EXPECT_THAT(world.said(), ElementsAre("t3 timed out at position 3, slots 1"));
  world.advance(299);
  EXPECT_THAT(world.said(), ElementsAre("t1 timed out at position 2, tag:gpu 1"));
  world.advance(1);
  EXPECT_THAT(world.said(), ElementsAre("t2 timed out at position 1, tag:gpu 1"))
      << "asked for more than wait_max";
  EXPECT_EQ(world.tables.waiting, 0u);
}

TEST(Ledger, ThoseThatTimeOutTogetherHaveThePositionsTheyHadTogether) {
  LedgerWorld world;
  world.ask({.task = "t1", .wait_ms = 100});
  world.ask({.task = "t2", .wait_ms = 900});
  world.ask({.task = "t3", .wait_ms = 100});
  world.advance(100);
  EXPECT_THAT(
      world.said(), ElementsAre("t1 timed out at position 1", "t3 timed out at position 3"));
}

TEST(Ledger, ForgetsWhatAClosedConnectionWaitedFor) {
  LedgerWorld world;
  world.ask({.task = "t1", .connection = 1});
  world.ask({.task = "t2", .connection = 2});
  world.ask({.task = "t3", .connection = 1});
  world.close(1);
  EXPECT_EQ(world.tables.waiting, 1u);
  world.worker(worker("w1", 9));
  world.freed();
  world.plan();
  world.advance(5'000);
  EXPECT_THAT(world.said(), ElementsAre("t2 placed on w1"));
}

TEST(Ledger, AFullQueueSaysSoAndWhy) {
  Settings settings = small_settings();
  settings.waiting_max = 1;
  LedgerWorld world(settings);
  world.worker(worker("w1", 1));
  world.ask({.task = "t1", .tags = {"gpu"}});
  world.ask({.task = "t2", .tags = {"gpu"}});
  EXPECT_THAT(world.said(), ElementsAre("t2 queue full, tag:gpu 1"));
  EXPECT_EQ(world.tables.waiting, 1u);
}

TEST(Ledger, WhatLooksAheadIsPlacedGreedilyBeforeItIsRefused) {
  Settings settings = small_settings();
  settings.waiting_max = 1;
  LedgerWorld world(settings);
  world.worker(worker("w1", 2));
  world.ask({.task = "t1", .wait_ms = 100, .policy = wire::Policy::Fgd});
  EXPECT_THAT(world.said(), IsEmpty()) << "there is room, but it waits for its batch";
  world.ask({.task = "t2", .policy = wire::Policy::Fgd});
  EXPECT_THAT(world.said(), ElementsAre("t2 placed on w1")) << "the queue is full";
  world.advance(100);
  EXPECT_THAT(world.said(), ElementsAre("t1 placed on w1")) << "no plan came in time";
}

TEST(Ledger, AsksForOnePlanAtATimeAndOnlyWhenSomethingChanged) {
  LedgerWorld world;
  EXPECT_EQ(world.snapshot(), nullptr) << "nothing waits";
  world.freed();
  EXPECT_EQ(world.snapshot(), nullptr) << "something was freed, and nothing waits";
  world.ask({.task = "t1"});
  std::unique_ptr<const Snapshot> first = world.snapshot();
  ASSERT_NE(first, nullptr);
  world.ask({.task = "t2"});
  EXPECT_EQ(world.snapshot(), nullptr) << "one is under way";
  world.enact({.plan_id = first->plan_id, .tried = 1});
  std::unique_ptr<const Snapshot> second = world.snapshot();
  ASSERT_NE(second, nullptr) << "t2 came meanwhile";
  EXPECT_EQ(second->tasks.size(), 2u);
  world.enact({.plan_id = second->plan_id, .tried = 2});
  EXPECT_EQ(world.snapshot(), nullptr) << "nothing has changed";
}

TEST(Ledger, IgnoresAPlanItDidNotAskFor) {
  LedgerWorld world;
  world.worker(worker("w1", 1));
  world.ask({.task = "t1"});
  std::unique_ptr<const Snapshot> frozen = world.snapshot();
  Rng rng(1);
  Plan plan = make_plan(*frozen, {}, rng);
  ASSERT_EQ(plan.assignments.size(), 1u);
  plan.plan_id += 1;
  world.enact(plan);
  EXPECT_THAT(world.said(), IsEmpty());
  plan.plan_id -= 1;
  world.enact(plan);
  EXPECT_THAT(world.said(), ElementsAre("t1 placed on w1"));
  world.enact(plan);
  EXPECT_THAT(world.said(), IsEmpty()) << "twice";
}

// What was free when the planner looked, others may have taken before the plan came back.
TEST(Ledger, WhatNoLongerFitsStaysInTheQueueAndIsPlannedAgain) {
  LedgerWorld world;
  world.worker(worker("w1", 1));
  world.ask({.task = "t1"});
  std::unique_ptr<const Snapshot> frozen = world.snapshot();
  Rng rng(1);
  Plan plan = make_plan(*frozen, {}, rng);
  ASSERT_TRUE(world.place_now("t91"));
  world.enact(plan);
  EXPECT_THAT(world.said(), IsEmpty());
  EXPECT_TRUE(world.plan()) << "asked for again without anything freed";
  EXPECT_FALSE(world.plan()) << "and then not for ever";
  world.release("t91");
  world.plan();
  EXPECT_THAT(world.said(), ElementsAre("t1 placed on w1"));
}

// The claim checks capacity alone: a worker that lost the tag meanwhile must not get the task.
TEST(Ledger, AWorkerThatLostTheTagMeanwhileIsNotUsed) {
  LedgerWorld world;
  TestWorker w1 = worker("w1", 1, {"gpu"});
  world.worker(w1);
  world.ask({.task = "t1", .tags = {"gpu"}});
  std::unique_ptr<const Snapshot> frozen = world.snapshot();
  Rng rng(1);
  Plan plan = make_plan(*frozen, {}, rng);
  ASSERT_EQ(plan.assignments.size(), 1u);
  w1.tags = {"ssd"};
  w1.sequence = 9;
  world.worker(w1);
  world.enact(plan);
  world.plan();
  EXPECT_THAT(world.said(), IsEmpty());
  EXPECT_EQ(world.tables.waiting, 1u);
}

// An unknown tag compiles to no name; compiled once at arrival, it would stay unknown for ever.
TEST(Ledger, FindsATagThatNobodyHadWhenTheRequestCame) {
  LedgerWorld world;
  world.ask({.task = "t1", .tags = {"fpga"}});
  world.plan();
  world.worker(worker("w1", 1, {"fpga"}));
  world.freed();
  world.plan();
  EXPECT_THAT(world.said(), ElementsAre("t1 placed on w1"));
}

TEST(Ledger, ExclusionsAndSpreadingReachThePlanner) {
  LedgerWorld world;
  TestWorker w1 = worker("w1", 10);
  w1.labels = {{"zone", "a"}};
  TestWorker w2 = worker("w2", 2);
  w2.labels = {{"zone", "b"}};
  TestWorker w3 = worker("w3", 10);
  w3.labels = {{"rack", "7"}};
  world.worker(w1);
  world.worker(w2);
  world.worker(w3);
  world.ask({.task = "t1", .slots = 5, .exclude = "w1"});
  world.plan();
  EXPECT_THAT(world.said(), ElementsAre("t1 placed on w3"));
  // Zone a is now the fuller one, though w1 has more room than w2 and w3 has no zone at all.
  world.ask({.task = "t2", .slots = 8, .exclude = "w3", .spread_by = "zone"});
  world.ask({.task = "t3", .slots = 1, .spread_by = "zone"});
  world.plan();
  EXPECT_THAT(world.said(), ElementsAre("t2 placed on w1", "t3 placed on w2"));
}

TEST(Ledger, WorkersThatTakeNoTasksAreNotInTheSnapshot) {
  LedgerWorld world;
  for (const char* id : {"w1", "w2", "w3", "w4"})
    world.worker(worker(id, 1));
  world.owner.set_action("w1", wire::WorkerAction::Cordon, "");
  world.owner.set_action("w2", wire::WorkerAction::Drain, "");
  world.owner.forget("w3");
  world.ask({.task = "t1"});
  EXPECT_EQ(world.snapshot()->workers.size(), 1u);
}

TEST(Ledger, PlacesGreedilyWhenThePlannerIsLate) {
  LedgerWorld world;
  world.worker(worker("w1", 100));
  for (int i = 1; i <= 70; ++i) {
    std::string task = "t" + std::to_string(i);
    world.ask({.task = task, .priority = i, .wait_ms = 60'000});
  }
  std::unique_ptr<const Snapshot> frozen = world.snapshot();
  Rng rng(1);
  Plan late = make_plan(*frozen, {}, rng);
  world.advance(999);
  EXPECT_THAT(world.said(), IsEmpty());
  world.advance(1);
  std::vector<std::string> said = world.said();
  ASSERT_EQ(said.size(), 64u) << "bounded, so that the thread is not held up";
  EXPECT_EQ(said.front(), "t70 placed on w1");
  world.enact(late);
  EXPECT_THAT(world.said(), IsEmpty()) << "greedy stands";
  EXPECT_EQ(world.snapshot(), nullptr) << "not while placing greedily";
  world.advance(50);
  EXPECT_EQ(world.said().size(), 6u);
  EXPECT_EQ(world.tables.waiting, 0u);
  ASSERT_TRUE(world.place_now("t91"));
  world.ask({.task = "t71"});
  EXPECT_TRUE(world.plan()) << "and then the planner gets another chance";
  EXPECT_THAT(world.said(), ElementsAre("t71 placed on w1"));
  EXPECT_EQ(counted(world, Counter::PlannerRuns), 2u);
  EXPECT_EQ(counted(world, Counter::PlannerFallbacks), 1u);
  EXPECT_EQ(world.tables.counters.total(Measure::PlanLatency).count(), 1u) << "of those in time";
  EXPECT_EQ(world.tables.counters.total(Measure::PlacementWait).count(), 71u);
}

TEST(Ledger, APlanCutByItsBudgetIsFollowedByOneForTheRest) {
  LedgerWorld world;
  world.worker(worker("w1", 4));
  world.ask({.task = "t1", .priority = 9, .slots = 5});
  world.ask({.task = "t2", .priority = 8, .slots = 6});
  world.ask({.task = "t3", .slots = 1});
  ASSERT_TRUE(world.plan({.steps = 1}));
  ASSERT_TRUE(world.plan({.steps = 1}));
  EXPECT_THAT(world.said(), IsEmpty());
  ASSERT_TRUE(world.plan({.steps = 1}));
  EXPECT_THAT(world.said(), ElementsAre("t3 placed on w1")) << "behind two that fit nowhere";
  EXPECT_FALSE(world.plan({.steps = 1}));
  world.freed();
  EXPECT_TRUE(world.plan({.steps = 0}));
  EXPECT_FALSE(world.plan({.steps = 0})) << "a budget for nothing is not asked for again";
}

TEST(Ledger, ATaskThatWaitsTwiceGetsOnePlace) {
  LedgerWorld world;
  world.worker(worker("w1", 1));
  world.ask({.task = "t1", .connection = 1});
  world.ask({.task = "t1", .connection = 2});
  world.plan();
  EXPECT_THAT(world.said(), ElementsAre("t1 placed on w1"));
  world.freed();
  world.plan();
  world.advance(1'000);
  EXPECT_THAT(world.said(), ElementsAre("t1 again on w1")) << "and did not time out";
}

TEST(Ledger, RefusesWhatIsNoRequestToPlace) {
  LedgerWorld world;
  Effects effects;
  wire::Encoder encoder;
  std::vector<std::byte> frame;
  encoder.encode({7}, wire::Ping{}, frame);
  for (const auto& bytes :
       {std::vector<std::byte>(frame.begin() + 8, frame.end()), std::vector<std::byte>(64)}) {
    effects.clear();
    world.ledger.step(world.now, WaitForPlace{{1}, {7}, bytes}, effects);
    ASSERT_EQ(effects.messages.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<wire::Refused>(effects.messages[0].message));
  }
  EXPECT_EQ(world.tables.waiting, 0u);
}

}  // namespace
}  // namespace berth::core
