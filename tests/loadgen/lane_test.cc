#include "loadgen/lane.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "wire/decode.h"
#include "wire/frame.h"

namespace berth::loadgen {
namespace {

using core::Instant;

// A lane and a server that answers each frame as it is told, both in memory.
struct World {
  explicit World(Scenario scenario, uint32_t depth = 4, WorkloadOptions options = {.workers = 10})
      : workload(options),
        frames(encoder, workload, 77, {.run = 5}),
        herd(encoder, workload, frames.beat, 77, 0, 1),
        lane(
            {.scenario = scenario, .depth = depth, .match_none = workload.matching() == 0},
            workload,
            frames,
            encoder,
            herd,
            tally) {}

  using Answer = std::function<wire::Reply(const wire::Request&)>;

  void start_all(Instant due) {
    while (lane.has_room())
      lane.start(due, out);
  }

  // Decodes what has been sent, answers every request, and returns how many there were.
  size_t serve(Instant now, const Answer& answer) {
    Bytes sent;
    sent.swap(out);
    size_t at = 0, count = 0;
    for (; at < sent.size(); ++count) {
      wire::Frame frame;
      size_t bytes = 0;
      EXPECT_EQ(
          wire::next_frame(std::span(sent).subspan(at), 1 << 20, frame, bytes),
          wire::FrameStatus::Ok);
      EXPECT_NE(frame.request.value, 0u);
      EXPECT_TRUE(ids.insert(frame.request.value).second) << "a request id was used twice";
      EXPECT_EQ(decoder.decode(frame.payload, request), wire::DecodeStatus::Ok);
      lane.on_reply(now, frame.request, answer(request));
      at += bytes;
    }
    lane.end_turn(now, out);
    return count;
  }

  Workload workload;
  wire::Encoder encoder;
  wire::Decoder decoder;
  wire::Request request;
  LaneFrames frames;
  Herd herd;
  Tally tally;
  Lane lane;
  Bytes out;
  std::set<uint32_t> ids;
};

// What a server that does all right would say.
wire::Reply right_answer(const World& world, const wire::Request& request) {
  static uint64_t reservation = 0;
  if (const auto* ping = std::get_if<wire::Ping>(&request)) {
    return wire::Pong{.payload = ping->payload};
  }
  if (std::holds_alternative<wire::Heartbeat>(request))
    return wire::HeartbeatReply{.accepted = true};
  if (std::holds_alternative<wire::Place>(request)) {
    return wire::Placed{.worker = world.workload.workers()[0].id, .reservation = {++reservation}};
  }
  const auto& release = std::get<wire::Release>(request);
  return wire::Released{.released = static_cast<uint32_t>(release.reservations.size())};
}

TEST(Lane, CountsAndTimesWhatIsAnsweredRight) {
  for (Scenario scenario :
       {Scenario::Ping, Scenario::Heartbeat, Scenario::Schedule, Scenario::Mixed}) {
    World world(scenario);
    for (int round = 0; round < 100; ++round) {
      world.start_all({1'000});
      EXPECT_EQ(world.lane.in_flight(), 4u);
      world.serve({6'000}, [&](const wire::Request& r) { return right_answer(world, r); });
    }
    world.lane.release_all(world.out);
    world.serve({6'000}, [&](const wire::Request& r) { return right_answer(world, r); });
    EXPECT_TRUE(world.lane.idle());
    EXPECT_EQ(world.tally.requests, 400u);
    EXPECT_EQ(world.tally.errors, 0u) << world.tally.first_error;
    EXPECT_EQ(world.tally.latency.count(), 400u);
    EXPECT_EQ(world.tally.latency.max().ns, 5'000);
    EXPECT_EQ(world.tally.releases, world.tally.placements);
  }
}

TEST(Lane, EveryPlacementIsANewTaskWithTwoTags) {
  World world(Scenario::Schedule, 8);
  std::set<std::string> tasks;
  for (int round = 0; round < 50; ++round) {
    world.start_all({1});
    world.serve({2}, [&](const wire::Request& r) {
      if (const auto* place = std::get_if<wire::Place>(&r)) {
        EXPECT_TRUE(tasks.insert(std::string(place->task)).second) << place->task;
        EXPECT_EQ(place->requirements.all_tags.size(), 2u);
        EXPECT_EQ(place->demand.slots, 1);
      }
      return right_answer(world, r);
    });
  }
  EXPECT_EQ(tasks.size(), 400u);
}

TEST(Lane, WhatIsPlacedIsReleasedInOneFrameWhenItIsMuchOrHasBeenHeldLong) {
  constexpr int64_t kLong = Lane::kHeldMax.ns;
  struct Case {
    const char* name;
    uint32_t placed;
    int64_t later_ns;
    size_t frames;
  };
  const Case cases[] = {
      {"a few, at once", 5, 0, 0},
      {"a few, just before the time", 5, kLong - 1, 0},
      {"a few, held for long", 5, kLong, 1},
      {"many, at once", Lane::kReleaseMin, 0, 1},
  };
  for (const Case& c : cases) {
    World world(Scenario::Schedule, c.placed);
    auto answer = [&](const wire::Request& r) {
      return right_answer(world, r);
    };
    world.start_all({1});
    world.serve({2}, answer);
    world.lane.end_turn({2 + c.later_ns}, world.out);
    EXPECT_EQ(world.serve({3}, answer), c.frames) << c.name;
    EXPECT_EQ(world.tally.releases, c.frames * c.placed) << c.name;
    EXPECT_EQ(world.lane.idle(), c.frames == 1) << c.name;
    world.lane.release_all(world.out);
    world.serve({4}, answer);
    EXPECT_EQ(world.tally.releases, c.placed) << c.name;
    EXPECT_TRUE(world.lane.idle()) << c.name;
  }
}

TEST(Lane, HeartbeatsAreOfTheHerdInTurnAndTheirSequenceGrows) {
  World world(Scenario::Heartbeat, 3, {.workers = 5});
  uint64_t last = 0;
  size_t next = 0;
  for (int round = 0; round < 20; ++round) {
    world.start_all({1});
    world.serve({2}, [&](const wire::Request& r) {
      const auto& beat = std::get<wire::Heartbeat>(r);
      const WorkerProfile& worker = world.workload.workers()[next++ % 5];
      EXPECT_EQ(beat.worker, worker.id);
      EXPECT_EQ(beat.current_tasks, worker.current_tasks);
      EXPECT_EQ(beat.epoch, 77u);
      EXPECT_GT(beat.sequence, last);
      EXPECT_FALSE(beat.has_profile);
      last = beat.sequence;
      return right_answer(world, r);
    });
  }
}

TEST(Lane, AWrongAnswerIsAnErrorAndIsNotTimed) {
  struct Case {
    const char* name;
    Scenario scenario;
    World::Answer answer;
  };
  auto always = [](wire::Reply reply) {
    return [reply](const wire::Request&) {
      return reply;
    };
  };
  const Case cases[] = {
      {"another payload", Scenario::Ping, always(wire::Pong{.payload = 0xBAD})},
      {"another kind", Scenario::Ping, always(wire::Done{})},
      {"a refusal", Scenario::Ping, always(wire::Refused{.code = wire::Refusal::Busy})},
      {"a heartbeat not accepted", Scenario::Heartbeat, always(wire::HeartbeatReply{})},
      {"a worker that was lost",
       Scenario::Heartbeat,
       always(wire::HeartbeatReply{.accepted = true, .resend_profile = true})},
      {"no place", Scenario::Schedule, always(wire::Unplaced{})},
      {"no reservation", Scenario::Schedule, always(wire::Placed{.worker = "lg-"})},
      {"somebody else's worker",
       Scenario::Schedule,
       always(wire::Placed{.worker = "host-1", .reservation = {1}})},
  };
  for (const Case& c : cases) {
    World world(c.scenario, 1);
    world.start_all({1});
    world.serve({2}, c.answer);
    EXPECT_EQ(world.tally.errors, 1u) << c.name;
    EXPECT_EQ(world.tally.requests, 1u) << c.name;
    EXPECT_EQ(world.tally.latency.count(), 0u) << c.name;
    EXPECT_NE(world.tally.first_error, "") << c.name;
    EXPECT_TRUE(world.lane.has_room()) << c.name;
  }
}

TEST(Lane, AnAnswerNobodyAskedForIsAnError) {
  World world(Scenario::Ping, 2);
  world.lane.on_reply({1}, {4'097}, wire::Pong{});
  EXPECT_EQ(world.tally.errors, 1u);
  world.lane.start({1}, world.out);
  wire::Frame frame;
  size_t bytes = 0;
  ASSERT_EQ(wire::next_frame(world.out, 1 << 20, frame, bytes), wire::FrameStatus::Ok);
  world.serve({2}, [&](const wire::Request& r) { return right_answer(world, r); });
  EXPECT_EQ(world.tally.errors, 1u);
  world.lane.on_reply({3}, frame.request, wire::Pong{});
  EXPECT_EQ(world.tally.errors, 2u) << "a request answered twice";
}

TEST(Lane, AReleaseThatDidNotReleaseIsAnError) {
  World world(Scenario::Schedule, 2);
  world.start_all({1});
  world.serve({2}, [&](const wire::Request& r) { return right_answer(world, r); });
  world.lane.release_all(world.out);
  world.serve(
      {3}, [](const wire::Request&) { return wire::Released{.released = 1, .unknown = 1}; });
  EXPECT_EQ(world.tally.errors, 1u);
  EXPECT_TRUE(world.lane.idle());
}

TEST(Lane, WhereNothingMatchesNoPlaceIsTheRightAnswer) {
  World world(Scenario::Schedule, 2, {.workers = 10, .match = 0});
  world.start_all({1});
  world.serve({2}, [](const wire::Request&) { return wire::Unplaced{}; });
  EXPECT_EQ(world.tally.errors, 0u);
  world.start_all({3});
  world.serve({4}, [&](const wire::Request& r) { return right_answer(world, r); });
  EXPECT_EQ(world.tally.errors, 2u) << "a placement where none could be";
}

TEST(Lane, WhatIsGivenUpIsAnErrorEach) {
  World world(Scenario::Ping, 3);
  world.start_all({1});
  world.lane.give_up();
  EXPECT_EQ(world.tally.errors, 3u);
  EXPECT_EQ(world.tally.requests, 3u);
  EXPECT_TRUE(world.lane.idle());
}

}  // namespace
}  // namespace berth::loadgen
