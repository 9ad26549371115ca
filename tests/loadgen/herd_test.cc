#include "loadgen/herd.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "wire/decode.h"
#include "wire/frame.h"

namespace berth::loadgen {
namespace {

using core::Duration;
using core::Instant;

struct World {
  World(uint32_t workers, uint32_t first, uint32_t step)
      : workload({.workers = workers}),
        beats(encoder, workload, 9),
        herd(encoder, workload, beats, 9, first, step) {}

  // Every request sent so far, in order, each answered with `reply`.
  template <typename See>
  size_t serve(const wire::Reply& reply, See see) {
    Bytes sent;
    sent.swap(out);
    size_t count = 0;
    for (size_t at = 0; at < sent.size(); ++count) {
      wire::Frame frame;
      size_t bytes = 0;
      EXPECT_EQ(
          wire::next_frame(std::span(sent).subspan(at), 1 << 20, frame, bytes),
          wire::FrameStatus::Ok);
      EXPECT_EQ(decoder.decode(frame.payload, request), wire::DecodeStatus::Ok);
      see(request);
      herd.on_reply(frame.request, reply);
      at += bytes;
    }
    return count;
  }

  Workload workload;
  wire::Encoder encoder;
  wire::Decoder decoder;
  wire::Request request;
  BeatFrames beats;
  Herd herd;
  Bytes out;
};

TEST(Herd, RegistersAndForgetsEachOfItsWorkersOnceAndNoOthers) {
  World world(5'000, 3, 4);
  std::map<std::string, int> registered, forgotten;
  world.herd.rewind();
  while (!world.herd.settled()) {
    world.herd.enroll(world.out);
    world.serve(wire::HeartbeatReply{.accepted = true}, [&](const wire::Request& r) {
      const auto& beat = std::get<wire::Heartbeat>(r);
      EXPECT_TRUE(beat.has_profile);
      EXPECT_EQ(beat.tags.size(), 4u);
      EXPECT_EQ(beat.capacity.slots, 64);
      ++registered[std::string(beat.worker)];
    });
  }
  world.herd.rewind();
  while (!world.herd.settled()) {
    world.herd.dismiss(world.out);
    world.serve(wire::Done{}, [&](const wire::Request& r) {
      const auto& set = std::get<wire::SetWorker>(r);
      EXPECT_EQ(set.action, wire::WorkerAction::Forget);
      ++forgotten[std::string(set.worker)];
    });
  }
  EXPECT_EQ(registered.size(), 1'250u);
  EXPECT_EQ(registered, forgotten);
  for (size_t i = 3; i < 5'000; i += 4)
    EXPECT_EQ(registered[world.workload.workers()[i].id], 1);
  EXPECT_EQ(world.herd.problem(), "");
}

TEST(Herd, KeepsEveryWorkerAliveOnceAnInterval) {
  World world(100, 0, 1);
  world.herd.start_keeping({1'000'000}, Duration::milliseconds(1'000));
  std::map<std::string, int> beats;
  for (int64_t ms = 0; ms <= 5'000; ms += 20) {
    world.herd.keep(Instant{1'000'000} + Duration::milliseconds(ms), world.out);
    world.serve(wire::HeartbeatReply{.accepted = true}, [&](const wire::Request& r) {
      ++beats[std::string(std::get<wire::Heartbeat>(r).worker)];
    });
  }
  EXPECT_EQ(beats.size(), 100u);
  for (const auto& [worker, count] : beats)
    EXPECT_EQ(count, 5) << worker;
}

TEST(Herd, SaysWhatWentWrong) {
  struct Case {
    const char* name;
    wire::Reply reply;
    const char* said;
  };
  const Case cases[] = {
      {"a full table",
       wire::HeartbeatReply{.code = wire::Refusal::LimitReached, .message = "the table is full"},
       "the table is full"},
      {"a forgetful server",
       wire::HeartbeatReply{.accepted = true, .resend_profile = true},
       "has lost a worker"},
      {"another answer", wire::Pong{}, "a pong"},
  };
  for (const Case& c : cases) {
    World world(1, 0, 1);
    world.herd.rewind();
    world.herd.enroll(world.out);
    world.serve(c.reply, [](const wire::Request&) {});
    EXPECT_NE(world.herd.problem().find(c.said), std::string::npos)
        << c.name << ": " << world.herd.problem();
  }
}

}  // namespace
}  // namespace berth::loadgen
