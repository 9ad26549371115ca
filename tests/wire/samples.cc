#include "tests/wire/samples.h"

#include "tests/wire/job_samples.h"
#include "wire/encode.h"

namespace berth::wire {
namespace {

constexpr Text kTags[] = {"gpu", "ssd", "x86-64", "zone-a"};
constexpr Text kTwoTags[] = {"gpu", "ssd"};
constexpr Text kModels[] = {"A100", "H100"};
constexpr Text kTasks[] = {"job-17/attempt-1", "job-18/attempt-1"};
constexpr Text kOther[] = {"preemptible"};
constexpr Text kRefusers[] = {"node-0003"};
constexpr TextList kGroups[] = {kModels, kTwoTags};
constexpr Label kLabels[] = {{"zone", "eu-1a"}, {"rack", "r7"}};
constexpr Label kOneLabel[] = {{"rack", "r9"}};
constexpr NamedAmount kCustom[] = {{"licences", 4}, {"fpga", 1}};
constexpr uint64_t kReservations[] = {0x1122334455667788, 42};
constexpr uint16_t kGpus[] = {0, 3};
constexpr Elimination kEliminated[] = {{"offline", 3}, {"tag:gpu", 120}, {"cpu", 7, 64'000, 8'000}};
constexpr Explanation kExplanation = {200, 70, kEliminated, 5};
constexpr Usage kUsage = {1250.5, 2048, 333};
constexpr GpuDevice kDevices[] = {{"A100", 1000}, {"H100", 250}};
constexpr Stat kStats[] = {{"berth_placements_total", 0, 1e6}, {"berth_workers", -1, 500}};
constexpr TagCount kTagCounts[] = {{"gpu", 120}, {"ssd", 7}};
constexpr Capacity kCapacity = {
    .slots = 8,
    .cpu_milli = 16'000,
    .memory_mib = 65'536,
    .disk_mib = 1'000'000,
    .network_mbit = 10'000,
    .gpu_models = kModels,
    .custom = kCustom};
constexpr Demand kDemand = {
    .slots = 2,
    .cpu_milli = 2'000,
    .memory_mib = 4'096,
    .disk_mib = 100,
    .network_mbit = 10,
    .gpu_count = 1,
    .gpu_milli = 500,
    .gpu_models = kModels,
    .custom = kCustom};
constexpr Requirements kRequirements = {
    .all_tags = kTwoTags,
    .any_tags = kGroups,
    .none_tags = kOther,
    .affinity = kLabels,
    .anti_affinity = kOneLabel,
    .spread_by = "zone",
    .exclude_workers = kRefusers};
constexpr WorkerRow kRows[] = {
    {.id = "node-0001",
     .address = "10.0.0.1:9000",
     .tags = kTags,
     .labels = kLabels,
     .capacity = kCapacity,
     .free = {.slots = 3, .cpu_milli = 100, .custom = kCustom},
     .gpus = kDevices,
     .status = WorkerStatus::Suspicious,
     .cordoned = true,
     .draining = true,
     .reason = "disk swap",
     .heartbeat_age_ms = 10'500,
     .cooldown_ms = 200,
     .reported_tasks = 4,
     .held_slots = 1,
     .load = 0.625,
     .usage = kUsage,
     .agent_version = "berth-agent 0.1.0"},
    {.id = "node-0002"}};

const Heartbeat kBeat = {
    .worker = "node-0001",
    .epoch = 1'700'000'000,
    .sequence = 77,
    .has_profile = true,
    .address = "10.0.0.1:9000",
    .tags = kTags,
    .labels = kLabels,
    .capacity = kCapacity,
    .agent_version = "berth-agent 0.1.0",
    .current_tasks = 2,
    .has_running = true,
    .running_tasks = kTasks,
    .usage = kUsage,
    .leaving = true};

const Place kPlace = {
    .task = "job-17/attempt-1",
    .policy = Policy::Fgd,
    .demand = kDemand,
    .requirements = kRequirements,
    .priority = -5,
    .hold_ms = 30'000,
    .wait_ms = 5'000,
    .explain = true};

const Placed kPlaced = {
    .worker = "node-0001",
    .address = "10.0.0.1:9000",
    .reservation = {0x1122334455667788},
    .expires_in_ms = 10'000,
    .gpus = kGpus,
    .load = 0.625,
    .repeated = true,
    .explanation = kExplanation};

std::vector<Sample> request_samples() {
  return {
      {"hello",
       {1},
       Request(Hello{
           .role = Role::Agent,
           .identity = "node-0001",
           .token = "secret",
           .software = "berth-agent 0.1.0"})},
      {"ping", {2}, Request(Ping{0x0102030405060708})},
      {"heartbeat", {3}, Request(kBeat)},
      {"place", {4}, Request(kPlace)},
      {"release", {5}, Request(Release{kReservations, kTasks})},
      {"list_workers", {6}, Request(ListWorkers{kTwoTags, 12, 500})},
      {"show_worker", {7}, Request(ShowWorker{"node-0001"})},
      {"set_worker", {8}, Request(SetWorker{"node-0001", WorkerAction::Drain, "disk swap"})},
      {"get_stats", {9}, Request(GetStats{})},
      {"list_tags", {10}, Request(ListTags{})},
      {"watch", {11}, Request(Watch{false})},
  };
}

std::vector<Sample> reply_samples() {
  return {
      {"welcome",
       {1},
       Reply(Welcome{1, "berthd 0.1.0", 9, 1'700'000'000'123, 1 << 20, 10'000, 20'000})},
      {"refused",
       {12},
       Reply(Refused{Refusal::BadRequest, "task is empty: give an id of 1 to 128 bytes"})},
      {"pong", {2}, Reply(Pong{0x0102030405060708})},
      {"heartbeat_reply",
       {3},
       Reply(HeartbeatReply{
           true, Refusal::Stale, "older than the last", 1'700'000'000'123, true, true})},
      {"placed", {4}, Reply(kPlaced)},
      {"placed_plain",
       {4},
       Reply(Placed{
           .worker = "node-0001",
           .address = "10.0.0.1:9000",
           .reservation = {0x1122334455667788},
           .expires_in_ms = 10'000,
           .load = 0.625})},
      {"heartbeat_reply_plain",
       {3},
       Reply(HeartbeatReply{.accepted = true, .server_time_ms = 1'700'000'000'123})},
      {"unplaced", {13}, Reply(Unplaced{NoPlace::Eliminated, kExplanation})},
      {"released", {5}, Reply(Released{2, 1})},
      {"worker_page", {6}, Reply(WorkerPage{kRows, 13, 500})},
      {"done", {8}, Reply(Done{})},
      {"stats_reply", {9}, Reply(StatsReply{kStats})},
      {"tag_page", {10}, Reply(TagPage{kTagCounts})},
      {"worker_event",
       {0},
       Reply(WorkerEvent{
           99, "node-0001", WorkerChange::Replaced, "epoch 8 over 7", 1'700'000'000'123})},
  };
}

}  // namespace

std::vector<Sample> all_samples() {
  std::vector<Sample> all;
  for (const auto& some :
       {request_samples(), job_request_samples(), reply_samples(), job_reply_samples()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<std::byte> encode_sample(const Sample& sample) {
  Encoder encoder;
  std::vector<std::byte> frame;
  std::visit(
      [&](const auto& message) { encoder.encode(sample.id, message, frame); }, sample.message);
  return frame;
}

}  // namespace berth::wire
