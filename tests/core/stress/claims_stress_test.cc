// Real threads on the shared tables; run under the thread sanitizer as well.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/placement/placement.h"
#include "core/tables/partition.h"
#include "tests/core/support/workers.h"

namespace berth::core {
namespace {

constexpr uint16_t kShards = 2;
constexpr int kWorkers = 24;
constexpr int kRounds = 4'000;

/// Says, for every worker at every moment, how many tasks hold a slot; never more than it has.
class Occupancy {
 public:
  explicit Occupancy(int64_t slots) : slots_(slots), held_(kWorkers) {}
  void take(std::string_view worker) {
    EXPECT_LE(held_[number(worker)].fetch_add(1) + 1, slots_) << worker << " is over capacity";
  }
  void give(std::string_view worker) { held_[number(worker)].fetch_sub(1); }

 private:
  static size_t number(std::string_view worker) {
    return std::stoul(std::string(worker.substr(1)));
  }
  int64_t slots_;
  std::vector<std::atomic<int64_t>> held_;
};

struct Shared {
  Shared() {
    for (uint16_t i = 0; i < kShards; ++i) {
      partitions.push_back(std::make_unique<Partition>(
          wire::ShardId{i}, tables.fleet, tables.names, tables.settings));
    }
    for (int i = 0; i < kWorkers; ++i) {
      TestWorker& worker = workers.emplace_back();
      worker.id = "w" + std::to_string(i);
      worker.tags = {"all", i % 2 == 0 ? "even" : "odd"};
      worker.slots = 3;
      worker.gpus = {"T4"};
      beat(worker);
    }
  }
  void beat(TestWorker& worker) {
    BeatOutcome outcome;
    partitions[tables.fleet.owner_of(worker.id).value]->heartbeat(
        Instant{1}, worker.beat(), outcome);
    EXPECT_EQ(outcome.refusal, wire::Refusal::None);
  }

  Tables tables{small_settings(kShards)};
  std::vector<std::unique_ptr<Partition>> partitions;
  std::vector<TestWorker> workers;
};

void place_and_release(
    Shared& shared, Occupancy& occupancy, uint32_t thread, std::string_view tag) {
  Placement placement(shared.tables, thread, thread);
  std::vector<std::string_view> tags = {"all", tag};
  std::vector<std::pair<uint64_t, std::string>> held;
  Arena text;
  Query query;
  for (int round = 0; round < kRounds; ++round) {
    std::string task = std::to_string(thread) + "." + std::to_string(round);
    wire::Place place;
    place.task = task;
    place.requirements.all_tags = tags;
    place.policy = static_cast<wire::Policy>(round % wire::kPolicyCount);
    if (round % 3 == 0) {
      place.demand.gpu_count = 1;
      place.demand.gpu_milli = 300;
    }
    std::string_view error;
    ASSERT_TRUE(compile_query(place, shared.tables.names, query, text, error)) << error;
    wire::Reply reply =
        placement.place({Instant{1}, 0}, place, placement.expect(place.task), query, text);
    if (const auto* placed = std::get_if<wire::Placed>(&reply)) {
      occupancy.take(placed->worker);
      held.emplace_back(placed->reservation.value, std::string(placed->worker));
    }
    bool full = !std::holds_alternative<wire::Placed>(reply) || held.size() > 12;
    while (full && !held.empty()) {
      // Ours to give before another can take it: counted down first.
      occupancy.give(held.back().second);
      wire::Release release;
      release.reservations = {&held.back().first, 1};
      EXPECT_EQ(placement.release(release).released, 1u);
      held.pop_back();
    }
    text.clear();
  }
  for (auto& [id, worker] : held) {
    occupancy.give(worker);
    wire::Release release;
    release.reservations = {&id, 1};
    placement.release(release);
  }
}

TEST(ClaimsStress, NoInterleavingExceedsCapacityOrLosesAny) {
  Shared shared;
  Occupancy occupancy(3);
  std::atomic<bool> stop{false};
  std::vector<std::thread> placers;
  for (uint32_t thread = 0; thread < 3; ++thread) {
    placers.emplace_back([&, thread] {
      place_and_release(shared, occupancy, thread, thread == 0 ? "even" : "odd");
    });
  }
  // The owners beat, cordon and uncordon meanwhile, each its own workers.
  std::vector<std::thread> owners;
  for (uint16_t shard = 0; shard < kShards; ++shard) {
    owners.emplace_back([&, shard] {
      for (int round = 0; !stop.load(); ++round) {
        for (TestWorker& worker : shared.workers) {
          if (shared.tables.fleet.owner_of(worker.id).value != shard) continue;
          if (round % 7 == 0) worker.tags.back() = worker.tags.back() == "odd" ? "odd" : "even";
          shared.beat(worker);
          auto action = round % 2 == 0 ? wire::WorkerAction::Cordon : wire::WorkerAction::Undrain;
          if (worker.id.back() == '3') shared.partitions[shard]->set_action(worker.id, action, "");
        }
        std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : placers)
    thread.join();
  stop = true;
  for (std::thread& thread : owners)
    thread.join();

  EXPECT_EQ(shared.tables.reservations.size(), 0u);
  for (uint32_t at = 0; at < shared.tables.fleet.segment_count(); ++at) {
    const Segment& segment = shared.tables.fleet.segment(at);
    for (uint32_t row = 0; row < segment.used.load(); ++row) {
      NodeState node;
      uint32_t flags = 0;
      uint32_t generation = 0;
      ASSERT_TRUE(shared.tables.fleet.read_node(worker_index(at, row), node, flags, generation));
      EXPECT_EQ(node.free[0], 3) << "slots were lost or made up";
      EXPECT_EQ(node.gpu_free[0], 1'000);
      EXPECT_EQ(segment.rows[row].held.load(), 0);
    }
  }
}

TEST(ClaimsStress, OneTaskAskedForEverywhereAtOnceGetsOnePlace) {
  Shared shared;
  for (int round = 0; round < 200; ++round) {
    std::string task = "task" + std::to_string(round);
    std::vector<std::string> answers(3);
    std::vector<std::thread> threads;
    for (uint32_t thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&, thread] {
        Placement placement(shared.tables, thread, thread);
        Arena text;
        Query query;
        wire::Place place;
        place.task = task;
        std::string_view error;
        compile_query(place, shared.tables.names, query, text, error);
        wire::Reply reply =
            placement.place({Instant{1}, 0}, place, placement.expect(place.task), query, text);
        const auto* placed = std::get_if<wire::Placed>(&reply);
        if (placed != nullptr) {
          answers[thread] =
              std::string(placed->worker) + "/" + std::to_string(placed->reservation.value);
        }
      });
    }
    for (std::thread& thread : threads)
      thread.join();
    EXPECT_FALSE(answers[0].empty());
    EXPECT_EQ(answers[0], answers[1]);
    EXPECT_EQ(answers[0], answers[2]);
    EXPECT_EQ(shared.tables.reservations.size(), 1u);
    Placement placement(shared.tables, 0, 0);
    std::string_view name = task;
    wire::Release release;
    release.tasks = {&name, 1};
    EXPECT_EQ(placement.release(release).released, 1u);
  }
}

}  // namespace
}  // namespace berth::core
