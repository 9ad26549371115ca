#include "core/tables/reservations.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "core/base/rng.h"

namespace berth::core {
namespace {

Reservation on(uint32_t worker, int64_t expires_ms) {
  Reservation reservation;
  reservation.worker = {worker};
  reservation.generation = 1;
  reservation.expires = Instant{} + Duration::milliseconds(expires_ms);
  return reservation;
}

Instant at_ms(int64_t ms) {
  return Instant{} + Duration::milliseconds(ms);
}

TEST(Reservations, OneForATask) {
  Reservations table(10);
  Reservation first = on(1, 1'000);
  EXPECT_EQ(table.add("t", 0, first), AddStatus::Added);
  EXPECT_NE(first.id.value, 0u);
  Reservation second = on(2, 1'000);
  EXPECT_EQ(table.add("t", 0, second), AddStatus::Exists);
  EXPECT_EQ(second.worker, WorkerIndex{1});
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(table.size(), 1u);
}

TEST(Reservations, AnIdIsGoodOnce) {
  Reservations table(10);
  Reservation held = on(1, 1'000);
  table.add("t", 0, held);
  wire::ReservationId first = held.id;
  Reservation gone;
  EXPECT_TRUE(table.remove(first, 0, gone));
  EXPECT_FALSE(table.remove(first, 0, gone));
  // The node is used again; the old id must not reach its new tenant.
  Reservation next = on(2, 1'000);
  table.add("t", 0, next);
  EXPECT_NE(next.id, first);
  EXPECT_FALSE(table.remove(first, 0, gone));
  EXPECT_TRUE(table.remove("t", 0, gone));
  EXPECT_EQ(gone.worker, WorkerIndex{2});
}

TEST(Reservations, UnknownIdsAreUnknown) {
  Reservations table(10);
  Reservation gone;
  for (uint64_t id : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 63, UINT64_MAX}) {
    EXPECT_FALSE(table.remove(wire::ReservationId{id}, 0, gone)) << id;
  }
  EXPECT_FALSE(table.remove("nobody", 0, gone));
}

TEST(Reservations, RefusesWhenFull) {
  Reservations table(2);
  Reservation a = on(1, 1'000), b = on(1, 1'000), c = on(1, 1'000);
  EXPECT_EQ(table.add("a", 0, a), AddStatus::Added);
  EXPECT_EQ(table.add("b", 0, b), AddStatus::Added);
  EXPECT_EQ(table.add("c", 0, c), AddStatus::Full);
  Reservation gone;
  table.remove("a", 0, gone);
  EXPECT_EQ(table.add("c", 0, c), AddStatus::Added);
}

TEST(Reservations, AReportedTaskLivesWhileItIsListed) {
  Reservations table(10);
  Reservation held = on(1, 1'000);
  table.add("t", 0, held);
  Reservation settled;
  bool first = false;
  EXPECT_FALSE(table.report("t", {2}, 1, at_ms(5'000), settled, first)) << "another worker";
  EXPECT_FALSE(table.report("t", {1}, 2, at_ms(5'000), settled, first))
      << "another life of the row";
  EXPECT_TRUE(table.report("t", {1}, 1, at_ms(5'000), settled, first));
  EXPECT_TRUE(first);
  EXPECT_TRUE(table.report("t", {1}, 1, at_ms(6'000), settled, first));
  EXPECT_FALSE(first);
  std::vector<Reservation> expired;
  table.expire(at_ms(5'900), 0, expired);
  EXPECT_TRUE(expired.empty());
  table.expire(at_ms(6'200), 0, expired);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_TRUE(expired[0].reported);
}

TEST(Reservations, LongTaskIdsAreKeptWhole) {
  Reservations table(10);
  std::string a(100, 'a'), b = a;
  b.back() = 'b';
  Reservation first = on(1, 1'000), second = on(2, 1'000);
  EXPECT_EQ(table.add(a, 0, first), AddStatus::Added);
  EXPECT_EQ(table.add(b, 0, second), AddStatus::Added);
  Reservation found;
  ASSERT_TRUE(table.find(b, found));
  EXPECT_EQ(found.worker, WorkerIndex{2});
}

// Whatever the lives, nothing expires early, and within 200 ms of its time it is gone.
TEST(Reservations, ExpireOnTimeOverRandomLives) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Reservations table(100'000);
    Rng rng(seed);
    std::map<std::string, int64_t> live;
    // Starting late shows that the wheel does not assume a clock that starts at zero.
    int64_t now = static_cast<int64_t>(rng.below(1'000'000'000));
    for (int step = 0; step < 3'000; ++step) {
      now += static_cast<int64_t>(rng.below(60));
      if (rng.below(200) == 0) now += static_cast<int64_t>(rng.below(200'000));
      for (int i = 0; i < 3; ++i) {
        std::string task = std::to_string(rng.below(5'000));
        Reservation held =
            on(1, now + 1 + static_cast<int64_t>(rng.below(i == 0 ? 300'000 : 3'000)));
        if (table.add(task, 0, held) == AddStatus::Added) live[task] = held.expires.ns / 1'000'000;
      }
      std::vector<Reservation> expired;
      table.expire(at_ms(now), 0, expired);
      for (const Reservation& gone : expired) {
        EXPECT_LE(gone.expires.ns / 1'000'000, now) << "seed " << seed << ": expired early";
      }
      std::erase_if(live, [&](const auto& entry) { return entry.second <= now; });
      ASSERT_EQ(table.size(), live.size()) << "seed " << seed << " at " << now << " ms";
    }
  }
}

}  // namespace
}  // namespace berth::core
