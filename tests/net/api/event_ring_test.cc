#include "net/api/event_ring.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace berth::net {
namespace {

using wire::EventKind;
using Ids = std::vector<uint64_t>;

wire::JobEvent job_event(uint64_t sequence, uint64_t job = 7, uint32_t count = 1) {
  wire::JobEvent event;
  event.sequence = sequence;
  event.at_ms = 1'700'000'000'123;
  event.job = {job};
  event.count = count;
  event.worker = "w1";
  return event;
}

/// The ids of whole events; empty when one is divided.
Ids ids_of(std::string_view text) {
  Ids ids;
  while (!text.empty()) {
    const size_t end = text.find("\n\n");
    if (!text.starts_with("id: ") || end == text.npos) return {};
    ids.push_back(std::stoull(std::string(text.substr(4))));
    text.remove_prefix(end + 2);
  }
  return ids;
}

TEST(EventRing, EncodesEachKindAsTheCommandLineShowsIt) {
  wire::JobEvent worker{.sequence = 2, .worker = "w\"1", .kind = EventKind::Worker};
  worker.worker_change = wire::WorkerChange::Draining;
  worker.reason = "new disk";
  wire::JobEvent failed = job_event(1);
  failed.state = wire::JobState::Failed;
  failed.attempt = 2;
  failed.error = wire::ErrorClass::Oom;
  const struct {
    wire::JobEvent event;
    const char* json;
  } cases[] = {
      {failed,
       R"({"sequence":1,"at":"2023-11-14T22:13:20.123Z","kind":"job","job_id":7,"count":1,)"
       R"("state":"FAILED","attempt":2,"worker_id":"w1","error":"oom","reason":null})"},
      {worker,
       R"({"sequence":2,"at":"1970-01-01T00:00:00.000Z","kind":"worker","worker_id":"w\"1",)"
       R"("change":"draining","reason":"new disk"})"},
      {{.sequence = 3, .count = 5, .kind = EventKind::Plan, .plan = 9},
       R"({"sequence":3,"at":"1970-01-01T00:00:00.000Z","kind":"plan","plan_id":9,)"
       R"("of":"requests","placed":5})"},
      {{.sequence = 5,
        .count = 41,
        .reason = "a plan did not come in time",
        .kind = EventKind::Plan,
        .plan = 9,
        .plan_of = wire::PlanOf::Jobs,
        .plan_cause = wire::PlanCause::WorkerLost,
        .plan_outcome = wire::PlanOutcome::Late,
        .moved = 2},
       R"({"sequence":5,"at":"1970-01-01T00:00:00.000Z","kind":"plan","plan_id":9,"of":"jobs",)"
       R"("outcome":"late","cause":"worker_lost","planned":41,"moved":2,)"
       R"("reason":"a plan did not come in time"})"},
      {{.sequence = 6, .kind = EventKind::Server, .server_change = wire::ServerChange::Draining},
       R"({"sequence":6,"at":"1970-01-01T00:00:00.000Z","kind":"server","change":"draining"})"},
  };
  EventRing ring(1 << 16);
  uint64_t told = 0;
  for (const auto& one : cases) {
    ring.add(one.event);
    EXPECT_EQ(
        ring.next(told, 1 << 16),
        "id: " + std::to_string(one.event.sequence) + "\ndata: " + one.json + "\n\n");
  }
}

TEST(EventRing, GivesPiecesOfWholeEventsFromAnyPlace) {
  EventRing ring(1 << 20);
  for (uint64_t i = 1; i <= 100; ++i)
    ring.add(job_event(i));
  for (uint64_t from = 0; from <= 100; from += 20) {
    uint64_t told = from;
    Ids seen;
    for (std::string_view piece = ring.next(told, 1'000); !piece.empty();
         piece = ring.next(told, 1'000)) {
      EXPECT_LE(piece.size(), 1'000u);
      for (const uint64_t id : ids_of(piece))
        seen.push_back(id);
      ASSERT_EQ(seen.back(), told);
    }
    ASSERT_EQ(seen.size(), 100 - from);
    if (!seen.empty()) {
      EXPECT_EQ(seen.front(), from + 1);
    }
  }
  uint64_t told = 0;
  EXPECT_EQ(ids_of(ring.next(told, 1)), Ids{1}) << "one that is larger than what was asked for";
}

TEST(EventRing, DropsTheOldestAndDividesNoneWhereItTurnsRound) {
  EventRing ring(5'000);
  for (uint64_t i = 1; i <= 1'000; ++i) {
    ring.add(job_event(i));
    ASSERT_EQ(ring.last(), i);
    uint64_t told = ring.begin();
    Ids seen;
    while (told < i) {
      const Ids some = ids_of(ring.next(told, 1 << 20));
      ASSERT_FALSE(some.empty()) << "after " << i;
      seen.insert(seen.end(), some.begin(), some.end());
    }
    ASSERT_EQ(seen.size(), i - ring.begin());
    for (size_t at = 0; at < seen.size(); ++at)
      ASSERT_EQ(seen[at], ring.begin() + 1 + at);
  }
  EXPECT_GT(ring.begin(), 970u);
  EXPECT_LT(ring.begin(), 985u);
}

TEST(EventRing, PassesWhatAFilterWants) {
  EventRing ring(1 << 16);
  ring.add(job_event(1, 7));
  ring.add({.sequence = 2, .worker = "w2", .kind = EventKind::Worker});
  ring.add(job_event(3, 10, 5));
  ring.add({.sequence = 4, .kind = EventKind::Plan});
  const struct {
    const char* name;
    EventFilter filter;
    Ids ids;
  } cases[] = {
      {"everything", {}, {1, 2, 3, 4}},
      {"two kinds", {.kinds = 0b0110}, {2, 4}},
      {"a worker", {.worker = worker_key("w2")}, {2}},
      {"a worker of jobs", {.worker = worker_key("w1")}, {1, 3}},
      {"no such worker", {.worker = worker_key("w")}, {}},
      {"a job, and nothing that is none", {.jobs = {{7}, {7}}}, {1}},
      {"an element of an array", {.jobs = {{14}, {14}}}, {3}},
      {"behind it", {.jobs = {{15}, {20}}}, {}},
      {"a range across several", {.jobs = {{1}, {10}}}, {1, 3}},
      {"a state, which only jobs have", {.kinds = 0b0001, .states = 0b0001}, {1, 3}},
      {"another state", {.kinds = 0b0001, .states = 0b0010}, {}},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    uint64_t told = 0;
    std::string text;
    ring.next(told, one.filter, 100, text);
    EXPECT_EQ(ids_of(text), one.ids);
    EXPECT_EQ(told, 4u) << "what does not pass has been looked at, too";
  }
  EXPECT_TRUE(EventFilter{}.wants_all());
  EXPECT_FALSE((EventFilter{.kinds = 7}).wants_all());
  EXPECT_FALSE((EventFilter{.states = 7}).wants_all());
}

TEST(EventRing, WaitsBeforeAJobThatIsNotKnownYet) {
  EventRing ring(1 << 16);
  ring.add(job_event(1, 7));
  ring.add(job_event(2, 8));
  ring.add({.sequence = 3, .kind = EventKind::Plan});
  ring.add(job_event(4, 9));
  uint64_t told = 0;
  std::string text;
  const auto judge = [](uint64_t job) {
    if (job == 9) return EventRing::Verdict::Wait;
    return job == 8 ? EventRing::Verdict::Take : EventRing::Verdict::Skip;
  };
  ring.next(told, {}, 100, text, judge);
  EXPECT_EQ(ids_of(text), (Ids{2, 3})) << "of others than jobs there is nothing to know";
  EXPECT_EQ(told, 3u);
}

TEST(EventRing, BeginsWhereItIsTold) {
  EventRing ring(1 << 16);
  EXPECT_EQ(ring.begin(), 0u);
  ring.add(job_event(50));
  EXPECT_EQ(ring.begin(), 49u) << "where the first stands";
  ring.clear(30);
  EXPECT_EQ(ring.begin(), 30u);
  EXPECT_EQ(ring.last(), 30u);
  ring.add(job_event(50));
  EXPECT_EQ(ring.begin(), 30u) << "there was none between";
}

}  // namespace
}  // namespace berth::net
