#include "core/tables/partition.h"

#include <functional>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

#include "core/tables/tables.h"
#include "tests/core/support/workers.h"

namespace berth::core {
namespace {

constexpr size_t kSlots = 0;

Instant at_ms(int64_t ms) {
  return Instant{} + Duration::milliseconds(ms);
}

class PartitionTest : public testing::Test {
 protected:
  BeatOutcome beat(TestWorker& worker, int64_t now_ms = 0) { return beat(worker.beat(), now_ms); }
  BeatOutcome beat(const wire::Heartbeat& beat, int64_t now_ms = 0) {
    BeatOutcome outcome;
    partition_.heartbeat(at_ms(now_ms), beat, outcome);
    return outcome;
  }
  NodeState node(std::string_view worker) {
    NodeState node;
    uint32_t generation = 0;
    EXPECT_TRUE(tables_.fleet.read_node(*partition_.find(worker), node, flags_, generation));
    return node;
  }
  uint32_t flags(std::string_view worker) {
    node(worker);
    return flags_;
  }
  std::vector<Change> age(int64_t now_ms) {
    std::vector<Change> changes;
    partition_.age(at_ms(now_ms), changes);
    return changes;
  }
  uint32_t having(std::string_view tag) {
    NameId name = tables_.names.find(NameKind::Tag, tag);
    const RowSet* rows = name.value == 0 ? nullptr : tables_.fleet.segment(0).rows_with(name);
    return rows == nullptr ? 0 : rows->count();
  }

  Tables tables_{small_settings()};
  Partition partition_{{0}, tables_.fleet, tables_.names, tables_.settings};
  uint32_t flags_ = 0;
};

TEST_F(PartitionTest, RegistersAtTheFirstBeatWithAProfile) {
  TestWorker worker{.id = "w1", .tags = {"gpu", "ssd", "gpu"}, .slots = 8};
  BeatOutcome outcome = beat(worker);
  EXPECT_EQ(outcome.refusal, wire::Refusal::None);
  EXPECT_EQ(outcome.change, wire::WorkerChange::Registered);
  EXPECT_TRUE(outcome.freed);
  EXPECT_EQ(tables_.fleet.workers(), 1u);
  EXPECT_EQ(node("w1").free[kSlots], 8);
  EXPECT_EQ(having("gpu"), 1u);
}

TEST_F(PartitionTest, AsksAStrangerForItsProfile) {
  TestWorker worker{.id = "w1"};
  wire::Heartbeat light = worker.beat();
  light.has_profile = false;
  BeatOutcome outcome = beat(light);
  EXPECT_EQ(outcome.refusal, wire::Refusal::NotFound);
  EXPECT_TRUE(outcome.resend_profile);
  EXPECT_EQ(tables_.fleet.workers(), 0u);
}

TEST_F(PartitionTest, RefusesWhatMakesNoSenseAndChangesNothing) {
  TestWorker good{.id = "good", .tags = {"a"}, .slots = 2};
  beat(good);
  const std::string long_id(129, 'x');
  const std::vector<std::string> many_tags(65, "t");
  struct Case {
    const char* name;
    std::function<void(TestWorker&, wire::Heartbeat&)> spoil;
  };
  double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::string_view> tags(65, "t");
  std::vector<std::string_view> control = {"a\nb"};
  std::vector<std::string_view> not_utf8 = {"\xC3("};
  std::vector<std::string_view> models(17, "A100");
  std::vector<wire::NamedAmount> custom = {{"licence", -1}};
  std::vector<wire::Label> label = {{"a=b", "c"}};
  const Case cases[] = {
      {"empty id",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.worker = "";
       }},
      {"long id",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.worker = long_id;
       }},
      {"control character in the id",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.worker = "a\x1b[2J";
       }},
      {"65 tags",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.tags = tags;
       }},
      {"a tag with a line feed",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.tags = control;
       }},
      {"a tag that is not UTF-8",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.tags = not_utf8;
       }},
      {"negative slots",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.capacity.slots = -1;
       }},
      {"absurd slots",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.capacity.slots = 65'536;
       }},
      {"absurd memory",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.capacity.memory_mib = INT64_MAX;
       }},
      {"17 devices",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.capacity.gpu_models = models;
       }},
      {"negative licences",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.capacity.custom = custom;
       }},
      {"a label key with =",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.labels = label;
       }},
      {"negative tasks",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.current_tasks = -1;
       }},
      {"usage not a number",
       [&](TestWorker&, wire::Heartbeat& b) {
         b.usage.cpu_milli = nan;
       }},
  };
  for (const Case& wrong : cases) {
    for (const char* id : {"fresh", "good"}) {
      TestWorker worker{.id = id, .tags = {"a"}, .slots = 2, .sequence = good.sequence};
      wire::Heartbeat spoiled = worker.beat();
      wrong.spoil(worker, spoiled);
      BeatOutcome outcome = beat(spoiled);
      EXPECT_EQ(outcome.refusal, wire::Refusal::BadRequest) << wrong.name;
      EXPECT_FALSE(outcome.message.empty()) << wrong.name;
      EXPECT_EQ(tables_.fleet.workers(), 1u) << wrong.name;
      EXPECT_EQ(node("good").free[kSlots], 2) << wrong.name;
      EXPECT_EQ(having("a"), 1u) << wrong.name;
    }
  }
}

TEST_F(PartitionTest, OldBeatsAndOldLivesAreRefused) {
  TestWorker worker{.id = "w", .epoch = 5};
  wire::Heartbeat first = worker.beat();
  beat(first);
  EXPECT_EQ(beat(first).refusal, wire::Refusal::Stale);
  TestWorker older{.id = "w", .epoch = 4, .sequence = 100};
  EXPECT_EQ(beat(older).refusal, wire::Refusal::Conflict);
  TestWorker newer{.id = "w", .epoch = 6};
  BeatOutcome outcome = beat(newer);
  EXPECT_EQ(outcome.refusal, wire::Refusal::None);
  EXPECT_EQ(outcome.change, wire::WorkerChange::Replaced);
  EXPECT_EQ(beat(worker).refusal, wire::Refusal::Conflict);
}

TEST_F(PartitionTest, AChangedProfileMovesTagsAndKeepsWhatIsTaken) {
  TestWorker worker{.id = "w", .tags = {"a", "b"}, .slots = 4, .gpus = {"T4", "T4"}};
  beat(worker);
  NodeDemand demand;
  demand.amounts[kSlots] = 3;
  demand.gpu_count = 1;
  demand.gpu_milli = 400;
  GpuSet second = 2;
  Claim claim;
  ASSERT_EQ(
      tables_.fleet.claim(*partition_.find("w"), 0, demand, &second, claim), ClaimStatus::Claimed);
  worker.tags = {"b", "c"};
  worker.slots = 10;
  EXPECT_TRUE(beat(worker).freed);
  EXPECT_EQ(having("a"), 0u);
  EXPECT_EQ(having("b"), 1u);
  EXPECT_EQ(having("c"), 1u);
  EXPECT_EQ(node("w").free[kSlots], 7);
  // A device that disappears and comes back still has its tenant.
  worker.gpus = {"T4"};
  beat(worker);
  worker.gpus = {"T4", "T4"};
  beat(worker);
  EXPECT_EQ(node("w").gpu_free[1], 600);
  tables_.fleet.give_back(claim.worker, claim.generation, Holding::of(demand, claim.gpus), true);
  EXPECT_EQ(node("w").free[kSlots], 10);
  EXPECT_EQ(node("w").gpu_free[1], 1'000);
}

TEST_F(PartitionTest, AgesAtTheThresholdsAndComesBackWithOneBeat) {
  TestWorker worker{.id = "w"};
  beat(worker, 0);
  EXPECT_TRUE(age(9'999).empty());
  ASSERT_EQ(age(10'000).size(), 1u);
  EXPECT_NE(flags("w") & kSuspicious, 0u);
  EXPECT_TRUE(age(19'999).empty());
  ASSERT_EQ(age(20'000).size(), 1u);
  EXPECT_NE(flags("w") & kOffline, 0u);
  EXPECT_EQ(tables_.fleet.workers_with(wire::WorkerStatus::Offline), 1u);
  BeatOutcome outcome = beat(worker, 30'000);
  EXPECT_EQ(outcome.change, wire::WorkerChange::Online);
  EXPECT_TRUE(outcome.freed);
  EXPECT_EQ(flags("w") & (kSuspicious | kOffline), 0u);
  EXPECT_TRUE(age(39'999).empty());
}

TEST_F(PartitionTest, AgesOnlyTheSilent) {
  TestWorker a{.id = "a"}, b{.id = "b"}, c{.id = "c"};
  beat(a, 0);
  beat(b, 1'000);
  beat(c, 2'000);
  beat(a, 9'000);
  std::vector<Change> changes = age(11'500);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].worker, "b");
}

// A worker with its own time is suspicious half-way, whatever the server's times are, and neither
// hurries nor delays those without.
TEST_F(PartitionTest, AWorkerWithItsOwnTimeAgesByThatAlone) {
  struct Case {
    const char* name;
    uint32_t offline_after_ms;
    int64_t suspicious_ms;
    int64_t offline_ms;
  };
  const Case cases[] = {
      {"the server's own", 0, 10'000, 20'000},
      {"patient", 60'000, 30'000, 60'000},
      {"hasty", 1'000, 500, 1'000},
  };
  int64_t base = 0;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    TestWorker worker{.id = one.name};
    wire::Heartbeat first = worker.beat();
    first.offline_after_ms = one.offline_after_ms;
    beat(first, base);
    EXPECT_TRUE(age(base + one.suspicious_ms - 1).empty());
    ASSERT_EQ(age(base + one.suspicious_ms).size(), 1u);
    EXPECT_NE(flags(one.name) & kSuspicious, 0u);
    EXPECT_TRUE(age(base + one.offline_ms - 1).empty());
    ASSERT_EQ(age(base + one.offline_ms).size(), 1u);
    EXPECT_NE(flags(one.name) & kOffline, 0u);
    wire::Heartbeat light = worker.beat();
    light.has_profile = false;
    base += 100'000;
    EXPECT_EQ(beat(light, base).change, wire::WorkerChange::Online);
    EXPECT_EQ(age(base + one.offline_ms).size(), 2u)
        << "nobody looked at it after it had come back";
    EXPECT_TRUE(partition_.forget(one.name));
    base += 100'000;
  }
  EXPECT_TRUE(age(base + 100'000).empty());
}

TEST_F(PartitionTest, AWorkerMayChangeItsTimeAndGiveItBack) {
  TestWorker worker{.id = "w"};
  const auto say = [&](uint32_t offline_after_ms, int64_t now_ms) {
    wire::Heartbeat next = worker.beat();
    next.offline_after_ms = offline_after_ms;
    beat(next, now_ms);
  };
  say(0, 0);
  say(60'000, 1'000);
  EXPECT_TRUE(age(25'000).empty());
  say(4'000, 25'000);
  EXPECT_EQ(age(29'000).size(), 2u);
  say(0, 30'000);
  EXPECT_TRUE(age(39'999).empty());
  EXPECT_EQ(age(40'000).size(), 1u);
}

// The count of such a worker was off by its placements until they expired.
TEST_F(PartitionTest, ABeatThatCountsAllReplacesWhatIsHeld) {
  TestWorker worker{.id = "w", .slots = 10};
  beat(worker);
  NodeDemand demand;
  demand.amounts[kSlots] = 1;
  const WorkerIndex row = *partition_.find("w");
  Claim claims[3];
  for (Claim& claim : claims)
    ASSERT_EQ(tables_.fleet.claim(row, 0, demand, nullptr, claim), ClaimStatus::Claimed);
  EXPECT_EQ(node("w").free[kSlots], 7);
  worker.current_tasks = 2;
  wire::Heartbeat next = worker.beat();
  next.counts_all = true;
  EXPECT_TRUE(beat(next).freed);
  EXPECT_EQ(node("w").free[kSlots], 8);
  for (const Claim& claim : claims)
    tables_.fleet.give_back(claim.worker, claim.generation, Holding::of(demand, claim.gpus), true);
  EXPECT_EQ(node("w").free[kSlots], 8) << "what had been dropped was given back as well";
}

TEST_F(PartitionTest, ALeavingWorkerIsOfflineAtOnce) {
  TestWorker worker{.id = "w"};
  beat(worker);
  wire::Heartbeat last = worker.beat();
  last.leaving = true;
  EXPECT_EQ(beat(last).change, wire::WorkerChange::Offline);
  EXPECT_NE(flags("w") & kOffline, 0u);
  EXPECT_TRUE(age(60'000).empty());
}

TEST_F(PartitionTest, DrainCordonAndUndrainShowTheirReason) {
  TestWorker worker{.id = "w"};
  beat(worker);
  EXPECT_FALSE(partition_.set_action("nobody", wire::WorkerAction::Drain, ""));
  EXPECT_TRUE(partition_.set_action("w", wire::WorkerAction::Drain, "new kernel"));
  EXPECT_TRUE(beat(worker).drain);
  EXPECT_FALSE(is_placeable(flags("w")));
  EXPECT_TRUE(partition_.set_action("w", wire::WorkerAction::Cordon, ""));
  EXPECT_TRUE(partition_.set_action("w", wire::WorkerAction::Undrain, ""));
  EXPECT_TRUE(is_placeable(flags("w")));
  EXPECT_FALSE(beat(worker).drain);
}

TEST_F(PartitionTest, ForgettingWritesNoReasonIntoTheTable) {
  TestWorker worker{.id = "w"};
  beat(worker);
  const WorkerIndex at = *partition_.find("w");
  const std::string reason(kReasonBytesMax, 'r');
  EXPECT_TRUE(partition_.set_action("w", wire::WorkerAction::Forget, reason));
  EXPECT_FALSE(partition_.set_action("w", wire::WorkerAction::Forget, reason));
  EXPECT_EQ(get(tables_.fleet.segment(0).text_tail[row_of(at)].words[0]), 0u)
      << "a hundred thousand rows forgotten would cost 37 MB";
}

TEST_F(PartitionTest, AForgottenWorkersRowIsUsedAgainWithoutItsPast) {
  TestWorker first{.id = "first", .tags = {"a"}, .slots = 4, .current_tasks = 2};
  beat(first);
  NodeDemand demand;
  Claim claim;
  WorkerIndex row = *partition_.find("first");
  ASSERT_EQ(tables_.fleet.claim(row, 0, demand, nullptr, claim), ClaimStatus::Claimed);
  EXPECT_TRUE(partition_.forget("first"));
  EXPECT_FALSE(partition_.forget("first"));
  EXPECT_EQ(having("a"), 0u);
  TestWorker second{.id = "second", .slots = 3};
  beat(second);
  ASSERT_EQ(*partition_.find("second"), row);
  tables_.fleet.give_back(claim.worker, claim.generation, Holding::of(demand, 0), true);
  EXPECT_EQ(node("second").free[kSlots], 3) << "a release for the old tenant reached the new one";
  EXPECT_EQ(
      tables_.fleet.claim(row, claim.generation, demand, nullptr, claim), ClaimStatus::Changed);
}

TEST_F(PartitionTest, ForgettingASuspiciousWorkerLeavesTheAgeListWhole) {
  TestWorker a{.id = "a"}, b{.id = "b"}, c{.id = "c"};
  beat(a, 0);
  beat(b, 1);
  beat(c, 2);
  EXPECT_EQ(age(10'100).size(), 3u);
  EXPECT_TRUE(partition_.forget("b"));
  std::vector<Change> changes = age(20'100);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].worker, "a");
  EXPECT_EQ(changes[1].worker, "c");
}

TEST(Partition, TheTableFullRefusesAndForgettingMakesRoom) {
  Settings settings = small_settings();
  settings.workers_max = 3;
  Tables tables(settings);
  Partition partition({0}, tables.fleet, tables.names, tables.settings);
  BeatOutcome outcome;
  for (int i = 0; i < 4; ++i) {
    TestWorker worker{.id = "w" + std::to_string(i)};
    outcome = {};
    partition.heartbeat(Instant{}, worker.beat(), outcome);
  }
  EXPECT_EQ(outcome.refusal, wire::Refusal::LimitReached);
  EXPECT_NE(outcome.message.find("max-workers"), std::string::npos);
  partition.forget("w0");
  TestWorker again{.id = "w3"};
  outcome = {};
  partition.heartbeat(Instant{}, again.beat(), outcome);
  EXPECT_EQ(outcome.refusal, wire::Refusal::None);
}

}  // namespace
}  // namespace berth::core
