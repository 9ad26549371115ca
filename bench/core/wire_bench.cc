// What one message costs on the wire's side of a loop turn: encoding into a reused buffer, and
// splitting, verifying and reading a frame that is already in the cache.

#include <cstdio>
#include <cstdlib>
#include <vector>

#include <benchmark/benchmark.h>

#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/spec.h"

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

// ---- Jobs, a hundred in one message: divide by that.

constexpr size_t kBatch = 100;

JobSpec spec() {
  static constexpr Text kCommand[] = {"/usr/bin/python3", "-m", "render", "--frame", "1234"};
  static constexpr Label kEnv[] = {{"LANG", "C.UTF-8"}, {"SCENE", "/scenes/forest.blend"}};
  return {
      .name = "render-forest",
      .queue = "batch",
      .command = kCommand,
      .env = kEnv,
      .demand = {.cpu_milli = 500, .memory_mib = 256},
      .requirements = {.all_tags = kTwoTags},
      .priority = 5,
      .timeout_ms = 600'000,
      .attempts_max = 3};
}

std::span<const std::byte> spec_bytes() {
  static SpecEncoder encoder;
  static const std::span<const std::byte> bytes = encoder.encode(spec());
  return bytes;
}

Request submit_jobs() {
  static const std::vector<std::span<const std::byte>> specs(kBatch, spec_bytes());
  return SubmitJobs{.request = "submit-000000000001", .specs = specs};
}

Reply jobs_submitted() {
  static const std::vector<SubmittedJob> jobs(kBatch, SubmittedJob{.first = {12}, .count = 1});
  return JobsSubmitted{jobs};
}

Reply assignments() {
  static const std::vector<Assignment> items(
      kBatch,
      Assignment{.id = {{12}, 0x900000042, 1}, .spec = spec_bytes(), .expires_in_ms = 10'000});
  return Assignments{items};
}

Request report_accepted() {
  static const std::vector<ReportItem> items(
      kBatch, ReportItem{.kind = ReportKind::Accepted, .assignment = {{12}, 0x900000042, 1}});
  return Report{.worker = "worker-000123", .items = items};
}

Request report_completed() {
  static const std::vector<ReportItem> items(
      kBatch,
      ReportItem{
          .kind = ReportKind::Completed,
          .assignment = {{12}, 0x900000042, 1},
          .usage = {.cpu_ms = 1'250, .memory_peak_bytes = 1 << 26, .wall_ms = 2'000}});
  return Report{.worker = "worker-000123", .items = items};
}

Reply reported() {
  static const std::vector<uint8_t> verdicts(kBatch, 0);
  return Reported{verdicts};
}

Reply job_events() {
  static const std::vector<JobEvent> events(
      kBatch,
      JobEvent{
          .sequence = 99,
          .at_ms = 1'700'000'000'123,
          .job = {12},
          .state = JobState::Running,
          .attempt = 1,
          .worker = "worker-000123"});
  return JobEvents{events};
}

void encode_spec(benchmark::State& state) {
  SpecEncoder encoder;
  const JobSpec sent = spec();
  for (auto _ : state) {
    benchmark::DoNotOptimize(encoder.encode(sent).data());
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = static_cast<double>(spec_bytes().size());
}

void decode_spec(benchmark::State& state) {
  SpecDecoder decoder;
  JobSpec received;
  const std::span<const std::byte> bytes = spec_bytes();
  for (auto _ : state) {
    benchmark::ClobberMemory();
    if (decoder.decode(bytes, received) != DecodeStatus::Ok) {
      std::fputs("wire_bench: a spec that was just encoded cannot be read\n", stderr);
      std::exit(1);
    }
    benchmark::DoNotOptimize(&received);
  }
  state.counters["bytes"] = static_cast<double>(bytes.size());
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

BENCHMARK(encode_spec);
BENCHMARK(decode_spec);
BENCHMARK_CAPTURE(encode, submit_jobs_100, submit_jobs);
BENCHMARK_CAPTURE(encode, jobs_submitted_100, jobs_submitted);
BENCHMARK_CAPTURE(encode, assignments_100, assignments);
BENCHMARK_CAPTURE(encode, report_accepted_100, report_accepted);
BENCHMARK_CAPTURE(encode, report_completed_100, report_completed);
BENCHMARK_CAPTURE(encode, reported_100, reported);
BENCHMARK_CAPTURE(encode, job_events_100, job_events);
BENCHMARK_CAPTURE(decode, submit_jobs_100, submit_jobs);
BENCHMARK_CAPTURE(decode, jobs_submitted_100, jobs_submitted);
BENCHMARK_CAPTURE(decode, assignments_100, assignments);
BENCHMARK_CAPTURE(decode, report_accepted_100, report_accepted);
BENCHMARK_CAPTURE(decode, report_completed_100, report_completed);
BENCHMARK_CAPTURE(decode, reported_100, reported);
BENCHMARK_CAPTURE(decode, job_events_100, job_events);

}  // namespace
}  // namespace berth::wire
