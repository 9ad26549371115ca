// Real threads on one table of reservations; run under the thread sanitizer as well.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/tables/reservations.h"

namespace berth::core {
namespace {

constexpr uint32_t kThreads = 3;
constexpr int kSteps = 20'000;
constexpr uint64_t kTasks = 600;  // few, so that the threads meet; enough for the index to grow

/// What one thread added, and what it or the sweep took out.
struct Tally {
  uint64_t added = 0;
  uint64_t removed = 0;
};

Tally hammer(Reservations& table, uint32_t thread, std::atomic<int64_t>& now_ms) {
  Tally tally;
  Rng rng(thread + 1);
  std::vector<wire::ReservationId> mine;
  std::vector<Reservation> expired;
  Reservation out;
  for (int step = 0; step < kSteps; ++step) {
    std::string name = "task-" + std::to_string(rng.below(kTasks));
    TaskKey task(name);
    Instant now = Instant{} + Duration::milliseconds(now_ms.fetch_add(1));
    switch (rng.below(6)) {
      case 0:
      case 1: {
        Reservation wanted;
        wanted.worker = {thread};
        wanted.generation = 1;
        wanted.expires = now + Duration::milliseconds(1 + static_cast<int64_t>(rng.below(5'000)));
        if (table.add(task, thread, wanted) == AddStatus::Added) {
          ++tally.added;
          mine.push_back(wanted.id);
        }
        break;
      }
      case 2:
        if (mine.empty()) break;
        if (table.remove(mine.back(), thread, out)) {
          ++tally.removed;
          EXPECT_EQ(out.worker.value, thread) << "an id reached another thread's reservation";
        }
        EXPECT_FALSE(table.remove(mine.back(), thread, out)) << "taken out twice";
        mine.pop_back();
        break;
      case 3: tally.removed += table.remove(task, thread, out) ? 1 : 0; break;
      case 4: {
        bool first = false;
        table.report(task, {thread}, 1, now + Duration::milliseconds(300), out, first);
        break;
      }
      case 5:
        expired.clear();
        table.expire(now, thread, expired);
        tally.removed += expired.size();
        break;
    }
  }
  return tally;
}

TEST(ReservationsStress, EveryOneIsTakenOutExactlyOnce) {
  Reservations table(10'000, kThreads);
  std::atomic<int64_t> now_ms{1};
  std::vector<Tally> tallies(kThreads);
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { tallies[i] = hammer(table, i, now_ms); });
  }
  for (std::thread& thread : threads)
    thread.join();
  uint64_t left = 0;
  for (const Tally& tally : tallies)
    left += tally.added - tally.removed;
  EXPECT_EQ(table.size(), left);
  std::vector<Reservation> expired;
  Instant end = Instant{} + Duration::milliseconds(now_ms.load() + 10'000);
  for (uint32_t i = 0; i < kThreads; ++i)
    table.expire(end, i, expired);
  EXPECT_EQ(expired.size(), left);
  EXPECT_EQ(table.size(), 0u);
  // All of the limit is to be had again.
  Reservation reservation;
  reservation.expires = end;
  uint32_t fits = 0;
  while (table.add("again-" + std::to_string(fits), 0, reservation) == AddStatus::Added)
    ++fits;
  EXPECT_GE(fits, 10'000u * 15 / 16);
}

}  // namespace
}  // namespace berth::core
