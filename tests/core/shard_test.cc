#include "core/shard.h"

#include <functional>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/core/support/workers.h"

namespace berth::core {
namespace {

constexpr wire::ConnectionId kClient{7};
constexpr wire::RequestId kRequest{42};

class ShardTest : public testing::Test {
 protected:
  /// The one reply to `request`.
  template <typename Reply>
  Reply ask(const wire::Request& request) {
    effects_.clear();
    std::vector<std::byte> payload(16);
    shard_.step({now_, 1'000}, kClient, kRequest, request, payload, effects_);
    EXPECT_EQ(effects_.messages.size(), 1u);
    EXPECT_EQ(effects_.messages[0].to, kClient);
    EXPECT_EQ(effects_.messages[0].request, kRequest);
    const auto* reply = std::get_if<Reply>(&effects_.messages[0].message);
    EXPECT_NE(reply, nullptr) << "kind " << effects_.messages[0].message.index();
    return reply == nullptr ? Reply{} : *reply;
  }
  void beat(TestWorker& worker) { EXPECT_TRUE(ask<wire::HeartbeatReply>(worker.beat()).accepted); }
  void tick(int64_t ms) {
    now_ = now_ + Duration::milliseconds(ms);
    effects_.clear();
    shard_.on_tick({now_, 1'000 + ms}, effects_);
  }
  static wire::Place place(std::string_view task, uint32_t hold_ms = 0) {
    wire::Place place;
    place.task = task;
    place.hold_ms = hold_ms;
    return place;
  }
  std::map<std::string, uint32_t> eliminated(const wire::Explanation& why) {
    std::map<std::string, uint32_t> counts;
    for (const wire::Elimination& one : why.eliminated)
      counts[std::string(one.requirement)] = one.workers;
    return counts;
  }

  Tables tables_{small_settings()};
  Shard shard_{{0}, tables_, {"berthd test", "", 1, 1 << 20}};
  Effects effects_;
  Instant now_{Duration::seconds(1'000).ns};
};

TEST_F(ShardTest, GreetsThoseItUnderstands) {
  wire::Welcome welcome = ask<wire::Welcome>(wire::Hello{});
  EXPECT_EQ(welcome.offline_after_ms, 20'000u);
  EXPECT_TRUE(effects_.closes.empty());
  wire::Hello old;
  old.version = 0;
  EXPECT_EQ(ask<wire::Refused>(old).code, wire::Refusal::Unsupported);
  EXPECT_EQ(effects_.closes.size(), 1u);
  wire::Hello stranger;
  stranger.magic = 0x47455420;  // "GET "
  EXPECT_EQ(ask<wire::Refused>(stranger).code, wire::Refusal::BadRequest);
}

TEST_F(ShardTest, AsksForItsToken) {
  Shard guarded({0}, tables_, {"berthd test", "secret", 1, 1 << 20});
  const struct {
    std::string_view token;
    bool welcome;
  } cases[] = {
      {"secret", true}, {"", false}, {"secre", false}, {"secrets", false}, {"Secret", false}};
  for (const auto& one : cases) {
    wire::Hello hello;
    hello.token = one.token;
    effects_.clear();
    guarded.step({now_, 0}, kClient, kRequest, hello, {}, effects_);
    EXPECT_EQ(std::holds_alternative<wire::Welcome>(effects_.messages[0].message), one.welcome)
        << one.token;
  }
}

TEST_F(ShardTest, PlacesOnceForATaskAndAgainAfterItsTime) {
  TestWorker worker{.id = "w", .slots = 1};
  beat(worker);
  wire::Placed first = ask<wire::Placed>(place("t", 500));
  EXPECT_EQ(first.worker, "w");
  EXPECT_EQ(first.expires_in_ms, 500u);
  EXPECT_EQ(first.load, 1.0);
  uint64_t id = first.reservation.value;
  wire::Placed again = ask<wire::Placed>(place("t", 500));
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.reservation.value, id);
  EXPECT_EQ(eliminated(ask<wire::Unplaced>(place("other")).explanation)["slots"], 1u);
  tick(700);
  EXPECT_EQ(tables_.reservations.size(), 0u);
  EXPECT_FALSE(ask<wire::Placed>(place("t")).repeated);
}

TEST_F(ShardTest, AnExpiredTaskNeedNotWaitForTheSweep) {
  TestWorker worker{.id = "w", .slots = 1};
  beat(worker);
  ask<wire::Placed>(place("t", 500));
  now_ = now_ + Duration::milliseconds(501);
  EXPECT_FALSE(ask<wire::Placed>(place("t", 500)).repeated);
  EXPECT_EQ(tables_.reservations.size(), 1u);
}

TEST_F(ShardTest, SilenceCountsOnlyWhileTheServerListens) {
  TestWorker worker{.id = "w", .slots = 1};
  beat(worker);
  ask<wire::Placed>(place("t", 500));
  now_ = now_ + Duration::seconds(30);  // the process was stopped: no tick came
  shard_.on_standstill({now_, 1'000});
  tick(50);
  EXPECT_EQ(tables_.fleet.workers_with(wire::WorkerStatus::Online), 1u);
  EXPECT_EQ(tables_.reservations.size(), 1u) << "a heartbeat that renews it may wait to be read";
  tick(1'000);
  EXPECT_EQ(tables_.reservations.size(), 0u);
  tick(9'000);
  EXPECT_EQ(tables_.fleet.workers_with(wire::WorkerStatus::Suspicious), 1u);
  tick(10'000);
  EXPECT_EQ(tables_.fleet.workers_with(wire::WorkerStatus::Offline), 1u);
}

// A cooling worker without the tag was counted under `cooldown`, and hid that no waiting would
// help.
TEST_F(ShardTest, ExplainsWhatNoWaitingChangesBeforeWhatPasses) {
  TestWorker worker{.id = "w", .tags = {"cpu"}, .slots = 2, .cpu_milli = 8'000};
  beat(worker);
  wire::Place held = place("held");
  held.demand.cpu_milli = 3'000;
  ask<wire::Placed>(held);
  const auto cool = [&] {
    effects_.clear();
    shard_.on_cooldown({now_, 1'000}, {"w", now_ + Duration::seconds(60)}, effects_);
  };
  const std::string_view fpga[] = {"fpga"};
  struct Case {
    const char* name;
    wire::TextList tags;
    int64_t cpu_milli;
    bool cooling;
    const char* token;
    int64_t asked;
    int64_t largest;
  };
  const Case cases[] = {
      {"has no room now", {}, 6'000, false, "cpu", 6'000, 5'000},
      {"is too small", {}, 64'000, false, "cpu", 64'000, 5'000},
      {"lacks the tag", fpga, 0, false, "tag:fpga", 0, 0},
      {"lacks the tag, and cools down", fpga, 0, true, "tag:fpga", 0, 0},
      {"is too small, and cools down", {}, 64'000, true, "cpu", 64'000, 5'000},
      {"has no room now, and cools down", {}, 6'000, true, "cooldown", 0, 0},
      {"would fit, and cools down", {}, 1'000, true, "cooldown", 0, 0},
  };
  for (const Case& c : cases) {
    if (c.cooling) cool();
    wire::Place asked = place("t");
    asked.requirements.all_tags = c.tags;
    asked.demand.cpu_milli = c.cpu_milli;
    const auto unplaced = ask<wire::Unplaced>(asked);
    ASSERT_EQ(unplaced.explanation.eliminated.size(), 1u) << c.name;
    const wire::Elimination& out = unplaced.explanation.eliminated[0];
    EXPECT_EQ(out.requirement, c.token) << c.name;
    EXPECT_EQ(out.workers, 1u) << c.name;
    EXPECT_EQ(out.asked, c.asked) << c.name;
    EXPECT_EQ(out.largest, c.largest) << c.name;
  }
}

TEST_F(ShardTest, ExplainsTheLargestOfEachResource) {
  TestWorker small{.id = "small", .tags = {"small"}, .slots = 9, .memory_mib = 512, .gpus = {"t4"}};
  TestWorker large{.id = "large", .slots = 9, .memory_mib = 4'096, .gpus = {"t4", "t4"}};
  beat(small);
  beat(large);
  const std::string_view on_small[] = {"small"};
  wire::Place half = place("half");
  half.requirements.all_tags = on_small;
  half.demand.gpu_count = 1;
  half.demand.gpu_milli = 400;
  ask<wire::Placed>(half);
  struct Case {
    const char* token;
    wire::Demand demand;
    int64_t asked;
    int64_t largest;
  };
  const Case cases[] = {
      {"slots", {.slots = 10}, 10, 9},
      {"memory", {.memory_mib = 8'192}, 8'192, 4'096},
      {"gpu", {.gpu_count = 3, .gpu_milli = 1'000}, 3'000, 2'000},
  };
  for (const Case& c : cases) {
    wire::Place asked = place("t");
    asked.demand = c.demand;
    const auto unplaced = ask<wire::Unplaced>(asked);
    ASSERT_EQ(unplaced.explanation.eliminated.size(), 1u) << c.token;
    const wire::Elimination& out = unplaced.explanation.eliminated[0];
    EXPECT_EQ(out.requirement, c.token);
    EXPECT_EQ(out.workers, 2u) << c.token;
    EXPECT_EQ(out.asked, c.asked) << c.token;
    EXPECT_EQ(out.largest, c.largest) << c.token;
  }
}

TEST_F(ShardTest, TellsWhatItLookedAtWhenThatIsMuch) {
  std::vector<TestWorker> workers = {{.id = "a", .slots = 2}, {.id = "b", .slots = 2}};
  for (TestWorker& worker : workers)
    beat(worker);
  auto looked_at = [&](const wire::Request& request) {
    effects_.looked_at = 0;
    effects_.clear();
    shard_.step({now_, 1'000}, kClient, kRequest, request, {}, effects_);
    return effects_.looked_at;
  };
  wire::Place explained = place("explained");
  explained.explain = true;
  wire::Place scored = place("scored");
  scored.policy = wire::Policy::BestFit;
  wire::Place impossible = place("impossible");
  impossible.demand.slots = 9;
  wire::Place patient = place("patient");
  patient.demand.slots = 9;
  patient.wait_ms = 1'000;
  EXPECT_EQ(looked_at(wire::Ping{1}), 0u);
  EXPECT_EQ(looked_at(place("plain")), 0u);
  EXPECT_EQ(looked_at(explained), 2u);
  EXPECT_EQ(looked_at(scored), 2u);
  EXPECT_EQ(looked_at(impossible), 2u);
  EXPECT_EQ(looked_at(patient), 2u);
  EXPECT_GT(looked_at(wire::ListWorkers{}), 2u);
  EXPECT_GT(looked_at(wire::GetStats{}), 2u);
  EXPECT_GT(looked_at(wire::SetWorker{"a", wire::WorkerAction::Cordon, ""}), 2u);
}

TEST_F(ShardTest, WhoCanWaitForFgdIsPlacedWithTheOthersThatDo) {
  TestWorker worker{.id = "a", .slots = 2};
  beat(worker);
  wire::Place fgd = place("t");
  fgd.policy = wire::Policy::Fgd;
  ask<wire::Placed>(fgd);
  fgd.task = "patient";
  fgd.wait_ms = 1'000;
  effects_.clear();
  shard_.step({now_, 1'000}, kClient, kRequest, fgd, {}, effects_);
  EXPECT_TRUE(effects_.messages.empty()) << "though there is room";
  ASSERT_EQ(effects_.ledger.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<WaitForPlace>(effects_.ledger[0]));
}

TEST_F(ShardTest, CountsEveryWorkerOnceInAnExplanation) {
  std::vector<TestWorker> workers = {
      {.id = "fits-not", .tags = {"gpu", "fast"}, .slots = 4, .cpu_milli = 1'000},
      {.id = "no-tag", .tags = {"gpu"}, .slots = 4, .cpu_milli = 9'000},
      {.id = "full", .tags = {"gpu", "fast"}, .slots = 1, .cpu_milli = 9'000, .current_tasks = 1},
      {.id = "cordoned", .tags = {"gpu", "fast"}, .slots = 4, .cpu_milli = 9'000},
      {.id = "banned", .tags = {"gpu", "fast", "spot"}, .slots = 4, .cpu_milli = 9'000},
      {.id = "elsewhere", .tags = {"gpu", "fast"}, .labels = {{"zone", "b"}}, .cpu_milli = 9'000},
  };
  for (TestWorker& worker : workers)
    beat(worker);
  ask<wire::Done>(wire::SetWorker{"cordoned", wire::WorkerAction::Cordon, "disk"});
  std::string_view all[] = {"gpu", "fast"};
  std::string_view none[] = {"spot", "unheard-of"};
  wire::Label anti[] = {{"zone", "b"}};
  wire::Place wanted = place("t");
  wanted.requirements.all_tags = all;
  wanted.requirements.none_tags = none;
  wanted.requirements.anti_affinity = anti;
  wanted.demand.cpu_milli = 2'000;
  wire::Unplaced unplaced = ask<wire::Unplaced>(wanted);
  EXPECT_EQ(unplaced.reason, wire::NoPlace::Eliminated);
  EXPECT_EQ(unplaced.explanation.workers, 6u);
  std::map<std::string, uint32_t> expected = {
      {"cordoned", 1},
      {"tag:fast", 1},
      {"not:spot", 1},
      {"not_label:zone=b", 1},
      {"slots", 1},
      {"cpu", 1}};
  EXPECT_EQ(eliminated(unplaced.explanation), expected);
}

TEST_F(ShardTest, SaysThatThereIsNobody) {
  EXPECT_EQ(ask<wire::Unplaced>(place("t")).reason, wire::NoPlace::NoWorkers);
}

TEST_F(ShardTest, SpreadsOverTheLeastLoadedValueOfALabel) {
  TestWorker a{.id = "a", .labels = {{"zone", "x"}}, .slots = 10, .current_tasks = 5};
  TestWorker b{.id = "b", .labels = {{"zone", "x"}}, .slots = 10, .current_tasks = 0};
  TestWorker c{.id = "c", .labels = {{"zone", "y"}}, .slots = 10, .current_tasks = 1};
  TestWorker d{.id = "d", .slots = 10};
  for (TestWorker* worker : {&a, &b, &c, &d})
    beat(*worker);
  wire::Place wanted = place("t");
  wanted.requirements.spread_by = "zone";
  EXPECT_EQ(ask<wire::Placed>(wanted).worker, "c");
  wanted.requirements.spread_by = "rack";
  wanted.task = "u";
  EXPECT_EQ(eliminated(ask<wire::Unplaced>(wanted).explanation)["label:rack"], 4u);
}

TEST_F(ShardTest, ExcludesWorkersThatHaveRefused) {
  TestWorker a{.id = "a", .slots = 10};
  TestWorker b{.id = "b", .slots = 10, .current_tasks = 5};
  beat(a);
  beat(b);
  std::string_view refused[] = {"a"};
  wire::Place wanted = place("t");
  wanted.requirements.exclude_workers = refused;
  EXPECT_EQ(ask<wire::Placed>(wanted).worker, "b");
}

TEST_F(ShardTest, APlaceThatWaitsGoesToTheLedgerWithItsBytes) {
  wire::Place wanted = place("t");
  wanted.wait_ms = 1'000;
  std::vector<std::byte> payload(24, std::byte{5});
  shard_.step({now_, 0}, kClient, kRequest, wanted, payload, effects_);
  EXPECT_TRUE(effects_.messages.empty());
  ASSERT_EQ(effects_.ledger.size(), 1u);
  EXPECT_EQ(std::get<WaitForPlace>(effects_.ledger[0]).frame, payload);
  effects_.clear();
  shard_.on_closed(kClient, effects_);
  ASSERT_EQ(effects_.ledger.size(), 1u);
  EXPECT_EQ(std::get<CancelWaits>(effects_.ledger[0]).from, kClient);
}

TEST_F(ShardTest, TellsTheLedgerOfFreedCapacityOnlyWhileSomethingWaits) {
  TestWorker worker{.id = "w", .slots = 1};
  beat(worker);
  uint64_t id = ask<wire::Placed>(place("t")).reservation.value;
  wire::Release release;
  release.reservations = {&id, 1};
  EXPECT_EQ(ask<wire::Released>(release).released, 1u);
  EXPECT_TRUE(effects_.ledger.empty());
  tables_.waiting = 1;
  id = ask<wire::Placed>(place("t")).reservation.value;
  EXPECT_EQ(ask<wire::Released>(release).released, 1u);
  EXPECT_EQ(effects_.ledger.size(), 1u);
  EXPECT_EQ(ask<wire::Released>(release).unknown, 1u);
}

TEST_F(ShardTest, AListedTaskIsTheWorkersOwnUntilItIsListedNoMore) {
  TestWorker worker{.id = "w", .slots = 2};
  beat(worker);
  ask<wire::Placed>(place("t", 1'000));
  std::string_view running[] = {"t", "not-ours"};
  wire::Heartbeat listed = worker.beat();
  listed.has_running = true;
  listed.running_tasks = running;
  listed.current_tasks = 2;
  EXPECT_TRUE(ask<wire::HeartbeatReply>(listed).accepted);
  EXPECT_EQ(tables_.fleet.segment(0).rows[0].free[0].load(), 0) << "the task was counted twice";
  tick(5'000);
  EXPECT_EQ(tables_.reservations.size(), 1u) << "a running task outlived its hold and was dropped";
  worker.current_tasks = 0;
  beat(worker);
  tick(6'000);
  EXPECT_EQ(tables_.reservations.size(), 0u);
  EXPECT_EQ(tables_.fleet.segment(0).rows[0].free[0].load(), 2);
}

TEST_F(ShardTest, TellsTheLedgerOfEveryChangeOfAWorkerAndWhy) {
  const auto told = [&] {
    std::vector<std::pair<wire::WorkerChange, std::string>> changes;
    for (const LedgerEvent& event : effects_.ledger) {
      const auto* changed = std::get_if<WorkerChanged>(&event);
      if (changed == nullptr) continue;
      EXPECT_EQ(changed->worker, "w");
      changes.emplace_back(changed->change, changed->reason);
    }
    effects_.clear();
    return changes;
  };
  using Changes = std::vector<std::pair<wire::WorkerChange, std::string>>;
  TestWorker worker{.id = "w"};
  beat(worker);
  EXPECT_EQ(told(), (Changes{{wire::WorkerChange::Registered, ""}}));
  beat(worker);
  EXPECT_EQ(told(), Changes{});
  ask<wire::Done>(wire::SetWorker{"w", wire::WorkerAction::Drain, "new disk"});
  EXPECT_EQ(told(), (Changes{{wire::WorkerChange::Draining, "new disk"}}));
  tick(10'000);
  ASSERT_EQ(effects_.ledger.size(), 1u);
  EXPECT_EQ(told().front().first, wire::WorkerChange::Suspicious);
  ask<wire::Done>(wire::SetWorker{"w", wire::WorkerAction::Forget, ""});
  EXPECT_EQ(told(), (Changes{{wire::WorkerChange::Forgotten, ""}}));
}

TEST_F(ShardTest, ListsEveryWorkerOnceOverPagesThatFitAFrame) {
  std::set<std::string> expected;
  for (int i = 0; i < 700; ++i) {
    TestWorker worker{.id = "w" + std::to_string(i)};
    for (int tag = 0; tag < 60; ++tag) {
      worker.tags.push_back(std::string(100, 'x') + std::to_string(tag));
    }
    beat(worker);
    expected.insert(worker.id);
  }
  ask<wire::Done>(wire::SetWorker{"w350", wire::WorkerAction::Forget, ""});
  expected.erase("w350");
  std::set<std::string> seen;
  wire::ListWorkers list;
  do {
    wire::WorkerPage page = ask<wire::WorkerPage>(list);
    size_t bytes = 0;
    for (const wire::WorkerRow& row : page.rows) {
      EXPECT_TRUE(seen.insert(std::string(row.id)).second) << row.id;
      for (std::string_view tag : row.tags)
        bytes += tag.size();
    }
    EXPECT_LT(bytes, 500'000u);
    list.cursor = page.next_cursor;
  } while (list.cursor != 0);
  EXPECT_EQ(seen, expected);
}

TEST_F(ShardTest, RefusesRequestsThatMakeNoSense) {
  TestWorker worker{.id = "w", .slots = 100, .gpus = {"T4", "T4"}};
  beat(worker);
  const std::string long_id(129, 't');
  std::vector<std::string_view> tags(65, "t");
  struct Case {
    const char* name;
    std::function<void(wire::Place&)> spoil;
  };
  const Case cases[] = {
      {"no task id",
       [](wire::Place& p) {
         p.task = "";
       }},
      {"long task id",
       [&](wire::Place& p) {
         p.task = long_id;
       }},
      {"control character",
       [](wire::Place& p) {
         p.task = "a\tb";
       }},
      {"no slots",
       [](wire::Place& p) {
         p.demand.slots = 0;
       }},
      {"negative cpu",
       [](wire::Place& p) {
         p.demand.cpu_milli = -1;
       }},
      {"absurd memory",
       [](wire::Place& p) {
         p.demand.memory_mib = INT64_MAX;
       }},
      {"a fraction of two devices",
       [](wire::Place& p) {
         p.demand.gpu_count = 2;
         p.demand.gpu_milli = 500;
       }},
      {"no share of a device",
       [](wire::Place& p) {
         p.demand.gpu_count = 1;
         p.demand.gpu_milli = 0;
       }},
      {"more than a device",
       [](wire::Place& p) {
         p.demand.gpu_count = 1;
         p.demand.gpu_milli = 1'001;
       }},
      {"65 tags",
       [&](wire::Place& p) {
         p.requirements.all_tags = tags;
       }},
      {"a hold of two days",
       [](wire::Place& p) {
         p.hold_ms = 2 * 86'400'000;
       }},
  };
  for (const Case& wrong : cases) {
    wire::Place wanted = place("t");
    wrong.spoil(wanted);
    wire::Refused refused = ask<wire::Refused>(wanted);
    EXPECT_EQ(refused.code, wire::Refusal::BadRequest) << wrong.name;
    EXPECT_FALSE(refused.message.empty()) << wrong.name;
  }
  EXPECT_EQ(tables_.reservations.size(), 0u);
}

}  // namespace
}  // namespace berth::core
