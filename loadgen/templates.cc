#include "loadgen/templates.h"

#include <array>
#include <bit>
#include <cstdio>
#include <cstring>

#include "core/base/check.h"
#include "wire/frame.h"

namespace berth::loadgen {
namespace {

static_assert(
    std::endian::native == std::endian::little, "numbers are patched as they are in memory");

// Values that stand nowhere else in a frame, and that are not a default, which is left out.
constexpr uint64_t kNumberA = 0xA17E5EED0F1E2D3Cu;
constexpr int64_t kNumberB = 0x2B7E5EED4F5E6D7C;
constexpr size_t kTaskDigits = 12;
constexpr char kTaskPlaceholder[] = "~~task-here~";
static_assert(sizeof kTaskPlaceholder - 1 == kTaskDigits);
constexpr char kWorkerPlaceholder[] = "~~~worker-here~~~~";
static_assert(sizeof kWorkerPlaceholder - 1 == Workload::kWorkerIdBytes);

constexpr size_t kRequestIdAt = 4;  // in the frame's header

std::string task_prefix(uint64_t run) {
  char text[16];
  int bytes = std::snprintf(text, sizeof text, "t-%08x-", static_cast<unsigned>(run));
  return {text, static_cast<size_t>(bytes)};
}

constexpr auto kHexPairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (size_t i = 0; i < 256; ++i) {
    pairs[i] = {"0123456789abcdef"[i >> 4], "0123456789abcdef"[i & 15]};
  }
  return pairs;
}();

void write_task(uint64_t task, std::byte* at) {
  for (size_t i = kTaskDigits; i > 0; i -= 2, task >>= 8) {
    std::memcpy(at + i - 2, kHexPairs[task & 255].data(), 2);
  }
}

// Small against the worker, so that thousands of placements in flight fit.
wire::Demand demand() {
  wire::Demand demand;
  demand.cpu_milli = 100;
  demand.memory_mib = 128;
  return demand;
}

wire::Capacity capacity_of(const WorkloadOptions& options) {
  wire::Capacity capacity;
  capacity.slots = options.slots;
  capacity.cpu_milli = int64_t{options.slots} * 1'000;
  capacity.memory_mib = int64_t{options.slots} * 4'096;
  capacity.disk_mib = 1'000'000;
  capacity.network_mbit = 10'000;
  return capacity;
}

wire::Heartbeat beat_of(
    const WorkerProfile& worker,
    const WorkloadOptions& options,
    uint64_t epoch,
    uint64_t sequence) {
  wire::Heartbeat beat;
  beat.worker = worker.id;
  beat.epoch = epoch;
  beat.sequence = sequence;
  beat.current_tasks = worker.current_tasks;
  beat.usage.cpu_milli = 500.0 * options.slots;
  beat.usage.memory_mib = 1'024.0 * options.slots;
  return beat;
}

FrameTemplate encode_routine(wire::Encoder& encoder, const Workload& workload, uint64_t epoch) {
  WorkerProfile anyone;
  anyone.id = kWorkerPlaceholder;
  anyone.current_tasks = kNumberB;
  return {encoder, beat_of(anyone, workload.options(), epoch, kNumberA)};
}

FrameTemplate encode_full(
    wire::Encoder& encoder, const Workload& workload, const WorkerProfile& worker, uint64_t epoch) {
  std::vector<std::string_view> tags;
  for (uint32_t tag : worker.tags)
    tags.push_back(workload.tag_name(tag));
  wire::Heartbeat beat = beat_of(worker, workload.options(), epoch, kNumberA);
  beat.has_profile = true;
  beat.address = worker.address;
  beat.tags = tags;
  beat.capacity = capacity_of(workload.options());
  beat.agent_version = "berth-loadgen";
  return {encoder, beat};
}

}  // namespace

FrameTemplate::FrameTemplate(wire::Encoder& encoder, const wire::Request& request) {
  encoder.encode(wire::RequestId{1}, request, frame_);
}

size_t FrameTemplate::find(std::string_view placeholder) const {
  std::string_view text(reinterpret_cast<const char*>(frame_.data()), frame_.size());
  size_t at = text.find(placeholder, wire::kFrameHeaderBytes);
  BERTH_CHECK(
      at != std::string_view::npos && text.find(placeholder, at + 1) == std::string_view::npos);
  return at;
}

size_t FrameTemplate::find(uint64_t placeholder) const {
  char bytes[sizeof placeholder];
  std::memcpy(bytes, &placeholder, sizeof bytes);
  return find(std::string_view(bytes, sizeof bytes));
}

std::byte* FrameTemplate::append(wire::RequestId id, Bytes& out) const {
  size_t at = out.size();
  out.insert(out.end(), frame_.begin(), frame_.end());
  std::memcpy(out.data() + at + kRequestIdAt, &id.value, sizeof id.value);
  return out.data() + at;
}

PingFrames::PingFrames(wire::Encoder& encoder)
    : frame_(encoder, wire::Ping{.payload = kNumberA}), payload_at_(frame_.find(kNumberA)) {}

void PingFrames::append(wire::RequestId id, uint64_t payload, Bytes& out) const {
  std::memcpy(frame_.append(id, out) + payload_at_, &payload, sizeof payload);
}

PlaceFrames::PlaceFrames(wire::Encoder& encoder, const Workload& workload, const Options& options) {
  std::string task = task_prefix(options.run) + kTaskPlaceholder;
  for (const TagPair& query : workload.queries()) {
    std::string_view tags[] = {workload.tag_name(query.first), workload.tag_name(query.second)};
    wire::Place place;
    place.task = task;
    place.policy = options.policy;
    place.demand = demand();
    place.requirements.all_tags = tags;
    place.hold_ms = options.hold_ms;
    frames_.emplace_back(encoder, place);
    task_at_.push_back(frames_.back().find(kTaskPlaceholder));
  }
}

void PlaceFrames::append(wire::RequestId id, size_t query, uint64_t task, Bytes& out) const {
  write_task(task, frames_[query].append(id, out) + task_at_[query]);
}

BeatFrames::BeatFrames(wire::Encoder& encoder, const Workload& workload, uint64_t epoch)
    : frame_(encode_routine(encoder, workload, epoch)),
      worker_at_(frame_.find(kWorkerPlaceholder)),
      sequence_at_(frame_.find(kNumberA)),
      tasks_at_(frame_.find(static_cast<uint64_t>(kNumberB))) {}

void BeatFrames::append(
    wire::RequestId id, const WorkerProfile& worker, uint64_t sequence, Bytes& out) const {
  std::byte* frame = frame_.append(id, out);
  std::memcpy(frame + worker_at_, worker.id.data(), Workload::kWorkerIdBytes);
  std::memcpy(frame + sequence_at_, &sequence, sizeof sequence);
  std::memcpy(frame + tasks_at_, &worker.current_tasks, sizeof worker.current_tasks);
}

FullBeatFrame::FullBeatFrame(
    wire::Encoder& encoder, const Workload& workload, const WorkerProfile& worker, uint64_t epoch)
    : frame_(encode_full(encoder, workload, worker, epoch)), sequence_at_(frame_.find(kNumberA)) {}

void FullBeatFrame::append(wire::RequestId id, uint64_t sequence, Bytes& out) const {
  std::memcpy(frame_.append(id, out) + sequence_at_, &sequence, sizeof sequence);
}

}  // namespace berth::loadgen
