// What one message costs on the wire's side of a loop turn: encoding into a reused buffer, and
// splitting, verifying and reading a frame that is already in the cache.

#include <cstdio>
#include <cstdlib>
#include <vector>

#include <benchmark/benchmark.h>

#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"

namespace berth::wire {
namespace {

constexpr Text kTags[] = {"gpu", "ssd", "x86-64", "zone-a"};
constexpr TextList kTwoTags(kTags, 2);

Request routine_beat() {
  return Heartbeat{
      .worker = "worker-000123",
      .epoch = 1'700'000'000,
      .sequence = 77,
      .current_tasks = 3,
      .usage = {1250.5, 2048, 333}};
}

Request profile_beat() {
  Heartbeat beat = std::get<Heartbeat>(routine_beat());
  beat.has_profile = true;
  beat.address = "10.0.0.1:9000";
  beat.tags = kTags;
  beat.capacity = {.slots = 8, .cpu_milli = 16'000, .memory_mib = 65'536};
  return beat;
}

Request place() {
  return Place{
      .task = "task-0000001234",
      .demand = {.cpu_milli = 500, .memory_mib = 256},
      .requirements = {.all_tags = kTwoTags}};
}

Request release() {
  static constexpr uint64_t kReservation[] = {0x1122334455667788};
  return Release{.reservations = kReservation};
}

Request ping() {
  return Ping{7};
}

Reply placed() {
  return Placed{
      .worker = "worker-000123",
      .address = "10.0.0.1:9000",
      .reservation = {0x1122334455667788},
      .expires_in_ms = 10'000,
      .load = 0.625};
}

Reply beat_reply() {
  return HeartbeatReply{.accepted = true, .server_time_ms = 1'700'000'000'123};
}

Reply released() {
  return Released{1, 0};
}

Reply pong() {
  return Pong{7};
}

template <typename Variant>
void encode(benchmark::State& state, Variant (*make)()) {
  const Variant message = make();
  Encoder encoder;
  std::vector<std::byte> out;
  out.reserve(4096);
  for (auto _ : state) {
    out.clear();
    encoder.encode({1}, message, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}

template <typename Variant>
void decode(benchmark::State& state, Variant (*make)()) {
  Encoder encoder;
  std::vector<std::byte> bytes;
  encoder.encode({1}, make(), bytes);
  Decoder decoder;
  Variant message;
  for (auto _ : state) {
    Frame frame;
    size_t frame_bytes = 0;
    benchmark::DoNotOptimize(bytes.data());
    benchmark::ClobberMemory();
    if (next_frame(bytes, kMaxFrameBytesDefault, frame, frame_bytes) != FrameStatus::Ok ||
        decoder.decode(frame.payload, message) != DecodeStatus::Ok) {
      std::fputs("wire_bench: a frame that was just encoded cannot be read\n", stderr);
      std::exit(1);
    }
    benchmark::DoNotOptimize(&message);
  }
  state.counters["bytes"] = static_cast<double>(bytes.size());
}

BENCHMARK_CAPTURE(encode, ping, ping);
BENCHMARK_CAPTURE(encode, pong, pong);
BENCHMARK_CAPTURE(encode, heartbeat_routine, routine_beat);
BENCHMARK_CAPTURE(encode, heartbeat_profile_4_tags, profile_beat);
BENCHMARK_CAPTURE(encode, heartbeat_reply, beat_reply);
BENCHMARK_CAPTURE(encode, place_2_tags, place);
BENCHMARK_CAPTURE(encode, placed, placed);
BENCHMARK_CAPTURE(encode, release, release);
BENCHMARK_CAPTURE(encode, released, released);

BENCHMARK_CAPTURE(decode, ping, ping);
BENCHMARK_CAPTURE(decode, pong, pong);
BENCHMARK_CAPTURE(decode, heartbeat_routine, routine_beat);
BENCHMARK_CAPTURE(decode, heartbeat_profile_4_tags, profile_beat);
BENCHMARK_CAPTURE(decode, heartbeat_reply, beat_reply);
BENCHMARK_CAPTURE(decode, place_2_tags, place);
BENCHMARK_CAPTURE(decode, placed, placed);
BENCHMARK_CAPTURE(decode, release, release);
BENCHMARK_CAPTURE(decode, released, released);

}  // namespace
}  // namespace berth::wire
