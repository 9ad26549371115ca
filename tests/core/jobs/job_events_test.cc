#include "core/jobs/job_events.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/tokens.h"

namespace berth::core {
namespace {

using wire::EventKind;
using wire::WorkerChange;
using Lines = std::vector<std::string>;

constexpr wire::ConnectionId kAll{1}, kOther{2};
constexpr uint64_t kFloor = uint64_t{3} << 40;
constexpr uint32_t kEverything = ~0u;

std::string line_of(const wire::JobEvent& event) {
  std::string line = std::to_string(event.sequence - kFloor) + " ";
  switch (event.kind) {
    case EventKind::Job:
      return line + "j" + std::to_string(event.job.value) + " " +
             std::string(wire::job_state_token(event.state)) + " " + std::string(event.worker);
    case EventKind::Worker:
      return line + std::string(event.worker) + " " +
             std::string(wire::worker_change_token(event.worker_change)) + " " +
             std::string(event.reason);
    case EventKind::Plan:
      line += "plan " + std::to_string(event.plan);
      if (event.plan_of == wire::PlanOf::Requests) {
        return line + " placed " + std::to_string(event.count);
      }
      return line + " " + std::string(wire::plan_outcome_token(event.plan_outcome)) + " " +
             std::string(wire::plan_cause_token(event.plan_cause)) + " " +
             std::to_string(event.count) + " moved " + std::to_string(event.moved) + " " +
             std::string(event.reason);
    case EventKind::Server: break;
  }
  return line + "server " + std::string(wire::server_change_token(event.server_change));
}

class EventStream : public testing::Test {
 protected:
  EventStream() { events_.on_start(kFloor); }

  /// A job, a worker, a plan, the server, in this order.
  void something_of_each() {
    wire::JobEvent job{.job = {7}, .state = wire::JobState::Running, .worker = "w1"};
    events_.add(job, &outbox_.rows());
    worker("w1", WorkerChange::Draining, "new disk");
    events_.add({.count = 5, .kind = EventKind::Plan, .plan = 9});
    events_.add({.kind = EventKind::Server, .server_change = wire::ServerChange::Draining});
  }
  /// Its text is gone when this returns.
  void worker(std::string name, WorkerChange change, std::string reason = "") {
    events_.add(
        {.worker = name, .reason = reason, .kind = EventKind::Worker, .worker_change = change});
  }
  bool watch(wire::ConnectionId who, uint32_t kinds, uint64_t after = 0) {
    wire::WatchJobs watch;
    watch.kinds = kinds;
    watch.after = after;
    return events_.watch(who, watch);
  }
  /// What this connection is told, and what it was told in the shape of `Watch` after `plain`.
  Lines told(wire::ConnectionId to = kAll) {
    Effects effects;
    while (events_.tell(outbox_)) {}
    StoreBatch group;
    outbox_.close(group, effects);
    stored_ = group.events.size();
    if (!group.empty()) outbox_.on_durable(group.sequence, effects);
    Lines lines;
    for (const Outgoing& out : effects.messages) {
      if (out.to != to) continue;
      if (const auto* page = std::get_if<wire::JobEvents>(&out.message)) {
        for (const wire::JobEvent& event : page->events)
          lines.push_back(line_of(event));
      } else if (const auto* one = std::get_if<wire::WorkerEvent>(&out.message)) {
        lines.push_back(
            "plain " + std::to_string(one->sequence - kFloor) + " " + std::string(one->worker) +
            " " + std::string(wire::worker_change_token(one->change)));
      } else {
        lines.emplace_back("refused");
      }
    }
    return lines;
  }

  JobEvents events_{8};
  Outbox outbox_;
  size_t stored_ = 0;
};

TEST_F(EventStream, OfAllKindsHasOneSequence) {
  ASSERT_TRUE(watch(kAll, kEverything));
  something_of_each();
  EXPECT_EQ(
      told(),
      Lines(
          {"1 j7 RUNNING w1", "2 w1 draining new disk", "3 plan 9 placed 5", "4 server draining"}));
  EXPECT_EQ(stored_, 1u) << "of jobs alone";
}

TEST_F(EventStream, IsNarrowedByKindJobAndWorker) {
  const wire::JobRange seventh{{7}, {7}}, eighth{{8}, {8}};
  const struct {
    const char* name;
    wire::WatchJobs watch;
    Lines told;
  } cases[] = {
      {"who asks for no kind knows of jobs alone", {}, {"1 j7 RUNNING w1"}},
      {"two kinds", {.kinds = 0b1010}, {"2 w1 draining new disk", "4 server draining"}},
      {"a kind that nobody knows", {.kinds = 1u << 20}, {}},
      {"one job, whatever the kinds", {.jobs = {&seventh, 1}, .kinds = 15}, {"1 j7 RUNNING w1"}},
      {"another job", {.jobs = {&eighth, 1}, .kinds = 15}, {}},
      {"one worker", {.kinds = 15, .worker = "w1"}, {"1 j7 RUNNING w1", "2 w1 draining new disk"}},
      {"another worker", {.kinds = 15, .worker = "w"}, {}},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    events_ = JobEvents(8);
    events_.on_start(kFloor);
    ASSERT_TRUE(events_.watch(kAll, one.watch));
    something_of_each();
    EXPECT_EQ(told(), one.told);
  }
}

TEST_F(EventStream, ResumesBehindAnyEventThatIsKept) {
  something_of_each();
  ASSERT_TRUE(watch(kAll, kEverything, kFloor + 2));
  EXPECT_EQ(told(), Lines({"3 plan 9 placed 5", "4 server draining"}));
  ASSERT_TRUE(watch(kAll, kEverything, kFloor + 4));
  EXPECT_EQ(told(), Lines());
  EXPECT_FALSE(watch(kAll, kEverything, kFloor + 5)) << "was never said";
}

TEST_F(EventStream, IsTooOldWhereAnEventOfAnyKindWasDropped) {
  for (int i = 0; i < 10; ++i)
    worker("w" + std::to_string(i), WorkerChange::Registered);
  EXPECT_FALSE(watch(kAll, wire::bit_of(EventKind::Job), kFloor + 1));
  EXPECT_TRUE(watch(kAll, kEverything, kFloor + 2));
  EXPECT_EQ(told().size(), 8u);
}

TEST_F(EventStream, NeverGivesASequenceAgainWhateverWasStored) {
  something_of_each();
  const uint64_t told_last = kFloor + 4;
  JobEvents next(8);
  next.on_start(kFloor + (uint64_t{1} << 40));
  next.restore({.sequence = kFloor + 1, .job = {7}});
  wire::WatchJobs resumed;
  resumed.after = told_last;
  resumed.kinds = kEverything;
  EXPECT_TRUE(next.watch(kAll, resumed)) << "what it saw last was of a worker, and has no row";
  next.add({.kind = EventKind::Server});
  events_ = std::move(next);
  EXPECT_EQ(told(), Lines({std::to_string((uint64_t{1} << 40) + 1) + " server started"}));
}

TEST_F(EventStream, TellsOlderClientsOfWorkersInTheirOwnShape) {
  events_.watch_workers(kOther);
  ASSERT_TRUE(watch(kOther, 0));
  something_of_each();
  EXPECT_EQ(told(kOther), Lines({"plain 2 w1 draining", "1 j7 RUNNING w1"}));
  events_.unwatch(kOther);
  something_of_each();
  EXPECT_EQ(told(kOther), Lines({"plain 6 w1 draining"}));
  events_.unwatch_workers(kOther);
  something_of_each();
  EXPECT_EQ(told(kOther), Lines());
}

TEST_F(EventStream, EndsAWatchThatFellBehindAndSaysSo) {
  ASSERT_TRUE(watch(kAll, kEverything));
  events_.watch_workers(kOther);
  for (int i = 0; i < 10; ++i)
    worker("w", WorkerChange::Online);
  EXPECT_EQ(told(), Lines({"refused"}));
  for (int i = 0; i < 10; ++i)
    worker("w", WorkerChange::Online);
  EXPECT_EQ(told(kOther).size(), 8u) << "an older client sees the gap in the sequence";
}

}  // namespace
}  // namespace berth::core
