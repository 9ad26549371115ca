// A snapshot taken while workers change: every row must be one that existed, names and all.

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "core/plan/snapshot.h"
#include "tests/core/support/workers.h"

namespace berth::core {
namespace {

constexpr int kWorkers = 20;
constexpr int kChanges = 1'000;

/// One of two lives of a worker: with the tag `even` and an even number of slots, or `odd` and odd.
TestWorker in_life(int number, int life) {
  TestWorker worker;
  worker.id = "w" + std::to_string(number);
  worker.tags = {life % 2 == 0 ? "even" : "odd", "all"};
  worker.slots = 10 + life % 2;
  worker.sequence = static_cast<uint64_t>(life);
  return worker;
}

TEST(SnapshotStress, ARowIsNeverHalfOfOneProfileAndHalfOfAnother) {
  const Settings settings = small_settings();
  Names names(settings.names_max);
  Fleet fleet(settings);
  Partition owner({0}, fleet, names, settings);
  std::atomic<bool> done{false};
  std::thread changer([&] {
    for (int life = 0; life < kChanges; ++life) {
      for (int i = 0; i < kWorkers; ++i) {
        BeatOutcome outcome;
        owner.heartbeat(Instant{} + Duration::seconds(1), in_life(i, life).beat(), outcome);
        if (life % 97 == 0) owner.forget("w" + std::to_string(i));
      }
    }
    done.store(true, std::memory_order_release);
  });
  uint64_t rows = 0;
  uint64_t wrong = 0;
  std::vector<SnapshotWorker> workers;
  while (!done.load(std::memory_order_acquire)) {
    snapshot_workers(fleet, workers);
    for (const SnapshotWorker& worker : workers) {
      ++rows;
      Query even;
      even.all = {names.find(NameKind::Tag, "even")};
      Query odd;
      odd.all = {names.find(NameKind::Tag, "odd")};
      bool is_even = worker.node.capacity[0] % 2 == 0;
      if (worker.names.size() != 2) ++wrong;
      if (has_names(worker, even) != is_even || has_names(worker, odd) == is_even) ++wrong;
    }
  }
  changer.join();
  EXPECT_EQ(wrong, 0u) << "of " << rows;
}

}  // namespace
}  // namespace berth::core
