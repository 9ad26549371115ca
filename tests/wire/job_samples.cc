#include "tests/wire/job_samples.h"

#include <cstring>

#include "wire/spec.h"

namespace berth::wire {
namespace {

constexpr Text kCommand[] = {"/usr/bin/make", "-j4", ""};
constexpr Text kTags[] = {"gpu", "ssd"};
constexpr Text kModels[] = {"A100", "H100"};
constexpr Text kOther[] = {"preemptible"};
constexpr Text kAvoided[] = {"node-0003", "node-0007"};
constexpr Text kArtifacts[] = {"build/out.tar", "report.html"};
constexpr TextList kGroups[] = {kModels, kTags};
constexpr Label kLabels[] = {{"team", "render"}, {"night", "yes"}};
constexpr Label kEnv[] = {{"LANG", "C.UTF-8"}, {"EMPTY", ""}};
constexpr Label kMeta[] = {{"commit", "0a1b2c3"}};
constexpr NamedAmount kCustom[] = {{"licences", 4}};
constexpr uint64_t kDependsOn[] = {0x1122334455667788, 42};
constexpr uint32_t kDependsOnItems[] = {0, 3};
constexpr uint16_t kGpus[] = {0, 3};
constexpr uint8_t kVerdicts[] = {0, 2, 1, 0, 0};
constexpr Elimination kEliminated[] = {
    {"offline", 3}, {"tag:gpu", 120}, {"memory", 5, 65'536, 32'000}};
constexpr Explanation kExplanation = {200, 77, kEliminated, 5};
constexpr JobRange kRanges[] = {{{17}, {17}}, {{1'000}, {1'999}}};
constexpr AssignmentId kAssignment = {{17}, 0x0000'0009'0000'0042, 2};
constexpr AssignmentId kRunning[] = {kAssignment, {{18}, 0x0000'0009'0000'0043, 1}};
constexpr JobError kError = {ErrorClass::Signal, 137, 9, "killed by signal 9"};
constexpr TaskUsage kUsage = {61'250, 734'003'200, 90'000};
constexpr Text kDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr OutputFile kOutputs[] = {
    {"stdout", "/var/lib/berth/17.2/stdout", 4'096, kDigest, true}, {.name = "report.html"}};

constexpr JobSpec kSpec = {
    .name = "nightly",
    .queue = "batch",
    .tenant = "render",
    .labels = kLabels,
    .command = kCommand,
    .image = "busybox.oci",
    .env = kEnv,
    .working_dir = "/src",
    .stdin_text = "yes",
    .runner = Runner::Container,
    .network = true,
    .policy = Policy::Fgd,
    .demand =
        {.slots = 2,
         .cpu_milli = 2'000,
         .memory_mib = 4'096,
         .disk_mib = 100,
         .network_mbit = 10,
         .gpu_count = 1,
         .gpu_milli = 500,
         .gpu_models = kModels,
         .custom = kCustom},
    .requirements =
        {.all_tags = kTags,
         .any_tags = kGroups,
         .none_tags = kOther,
         .affinity = kLabels,
         .anti_affinity = kMeta,
         .spread_by = "zone",
         .exclude_workers = kAvoided},
    .priority = -5,
    .scheduled_at_ms = 1'700'000'000'123,
    .deadline_at_ms = 1'700'000'999'123,
    .estimated_ms = 60'000,
    .timeout_ms = 120'000,
    .attempts_max = 3,
    .retry_base_ms = 2'000,
    .retry_cap_ms = 60'000,
    .kill_grace_ms = 1'500,
    .checkpointable = true,
    .depends_on = kDependsOn,
    .depends_on_items = kDependsOnItems,
    .is_array = true,
    .array_first = 1,
    .array_last = 1'000,
    .artifacts = kArtifacts,
    .meta = kMeta};

constexpr Text kTrue[] = {"true"};

/// `spec` as bytes that stay where they are, aligned.
std::span<const std::byte> keep(const JobSpec& spec, std::vector<uint64_t>& words) {
  SpecEncoder encoder;
  const std::span<const std::byte> bytes = encoder.encode(spec);
  words.resize(bytes.size() / sizeof(uint64_t));
  std::memcpy(words.data(), bytes.data(), bytes.size());
  return std::as_bytes(std::span<const uint64_t>(words));
}

std::span<const std::byte> full_spec() {
  static std::vector<uint64_t> words;
  static const std::span<const std::byte> bytes = keep(kSpec, words);
  return bytes;
}

std::span<const std::byte> short_spec() {
  static std::vector<uint64_t> words;
  static const std::span<const std::byte> bytes = keep(JobSpec{.command = kTrue}, words);
  return bytes;
}

std::span<const std::span<const std::byte>> specs() {
  static const std::span<const std::byte> both[] = {full_spec(), short_spec()};
  return both;
}

std::span<const std::byte> log_bytes() {
  static constexpr char kLine[] = "hello from node-0001\n";
  return std::as_bytes(std::span(kLine, sizeof(kLine) - 1));
}

constexpr JobForecast kForecast = {
    .start_at_ms = 1'700'000'000'008,
    .start_early_ms = 1'700'000'000'007,
    .start_late_ms = 1'700'000'000'009,
    .planned = true,
    .run_ms = 60'000,
    .run_short_ms = 50'000,
    .run_long_ms = 90'000,
    .runs_seen = 12,
    .memory_top_bytes = uint64_t{3} << 30,
    .memory_advice = MemoryAdvice::AskLess};

constexpr JobRow kRows[] = {
    {.id = {17},
     .is_array = true,
     .array_index = 4,
     .array_count = 996,
     .name = "nightly",
     .queue = "batch",
     .tenant = "render",
     .labels = kLabels,
     .state = JobState::Retrying,
     .priority = -5,
     .attempt_count = 2,
     .attempts_max = 3,
     .submitted_at_ms = 1'700'000'000'001,
     .queued_at_ms = 1'700'000'000'002,
     .assigned_at_ms = 1'700'000'000'003,
     .started_at_ms = 1'700'000'000'004,
     .finished_at_ms = 1'700'000'000'005,
     .scheduled_at_ms = 1'700'000'000'006,
     .deadline_at_ms = 1'700'000'000'007,
     .last_error = kError,
     .worker = "node-0001",
     .assignment = kAssignment,
     .expires_in_ms = 19'000,
     .usage = kUsage,
     .unsatisfiable = true,
     .summary = "make -j4 all",
     .forecast = kForecast},
    {.id = {18}}};

constexpr AttemptRow kAttempts[] = {
    {.assignment = kAssignment,
     .worker = "node-0001",
     .state = JobState::Failed,
     .assigned_at_ms = 1'700'000'000'003,
     .started_at_ms = 1'700'000'000'004,
     .finished_at_ms = 1'700'000'000'005,
     .error = kError,
     .usage = kUsage,
     .outputs = kOutputs,
     .gpus = kGpus},
    {}};

constexpr SubmittedJob kSubmitted[] = {{{17}, 1'000, true, kExplanation, kForecast}, {{1'017}, 1}};
constexpr JobEvent kEvents[] = {
    {99,
     1'700'000'000'005,
     {17},
     1'000,
     JobState::Failed,
     2,
     "node-0001",
     ErrorClass::Signal,
     "killed by signal 9"},
    {.sequence = 100, .job = {18}},
    {.sequence = 101,
     .worker = "node-0001",
     .reason = "new disk",
     .kind = EventKind::Worker,
     .worker_change = WorkerChange::Draining},
    {.sequence = 102, .count = 7, .kind = EventKind::Plan, .plan = 12},
    {.sequence = 104,
     .count = 41,
     .reason = "a plan did not come in time",
     .kind = EventKind::Plan,
     .plan = 12,
     .plan_of = PlanOf::Jobs,
     .plan_cause = PlanCause::Freed,
     .plan_outcome = PlanOutcome::Stale,
     .moved = 3},
    {.sequence = 103, .kind = EventKind::Server, .server_change = ServerChange::Draining}};
constexpr ReportItem kItems[] = {
    {ReportKind::Failed, kAssignment, kError, kUsage, kOutputs},
    {.assignment = {{18}, 0x0000'0009'0000'0043, 1}}};
constexpr StopTask kStops[] = {{kAssignment, "aborted: wrong input"}, {}};

std::span<const Assignment> assignments() {
  static const Assignment both[] = {
      {kAssignment, full_spec(), 4, 10'000, kGpus},
      {{{18}, 0x0000'0009'0000'0043, 1}, short_spec(), 0, 10'000, {}}};
  return both;
}

LogChunk log_chunk() {
  return {
      .data = log_bytes(),
      .offset = 4'096,
      .size = 4'117,
      .complete = true,
      .truncated = true,
      .sha256 = kDigest,
      .attempt = 2};
}

constexpr CostTerm kTerms[] = {{"slowdown", 40.5}, {"moves", 1.5}};
constexpr PlanRow kPlans[] = {
    {.id = 12,
     .previous = 10,
     .made_at_ms = 1'700'000'000'123,
     .cause = PlanCause::WorkerLost,
     .objective = PlanObjective::Makespan,
     .outcome = PlanOutcome::Worse,
     .engine = "order",
     .workers = 4,
     .running = 3,
     .pending = 9,
     .planned = 8,
     .started = 2,
     .diff = {1, 5, 2, 4},
     .cost = {42, 41, 30, 0.25, true, kTerms},
     .snapshot_us = 90,
     .elapsed_us = 20'000,
     .steps = 400'000,
     .note = "greedy costs less"}};
constexpr uint16_t kPlannedGpus[] = {0, 3};
constexpr PlannedJob kPlannedJobs[] = {
    {.job = {17},
     .worker = "node-0001",
     .start_at_ms = 1'700'000'060'123,
     .duration_ms = 30'000,
     .state = PlannedState::Dropped,
     .change = PlanChange::Moved,
     .previous_worker = "node-0002",
     .previous_start_at_ms = 1'700'000'050'000,
     .deadline_at_ms = 1'700'000'100'000,
     .after_job = {9},
     .why = "node-0001 has room when job 9 ends",
     .gpus = kPlannedGpus}};

}  // namespace

const JobSpec& sample_spec() {
  return kSpec;
}

std::vector<Sample> job_request_samples() {
  return {
      {"submit_jobs",
       {20},
       Request(SubmitJobs{"nightly-2026-11-20", specs(), true, 0x0123456789abcdef})},
      {"list_jobs",
       {21},
       Request(ListJobs{
           .states = 0b110,
           .worker = "node-0001",
           .queue = "batch",
           .tenant = "render",
           .name = "nightly",
           .label = kLabels[0],
           .cursor = 12,
           .limit = 500,
           .newest_first = true})},
      {"show_job", {22}, Request(ShowJob{{17}})},
      {"explain_job", {23}, Request(ExplainJob{{17}})},
      {"change_jobs",
       {24},
       Request(ChangeJobs{JobAction::Retry, kRanges, "node-0001", "wrong input"})},
      {"wait_jobs", {25}, Request(WaitJobs{kRanges, 30'000})},
      {"watch_jobs", {26}, Request(WatchJobs{false, 99, kRanges, 0b1011, "node-0001"})},
      {"read_log", {27}, Request(ReadLog{{17}, 2, OutputStream::Stderr, 4'096, 65'536, 1'000})},
      {"back_up", {28}, Request(BackUp{"/var/backups/berth.db"})},
      {"attach_worker",
       {29},
       Request(AttachWorker{"node-0001", 1'700'000'000, 0x0102030405060708, true, kRunning})},
      {"next_jobs", {30}, Request(NextJobs{"node-0001", 4, 30'000})},
      {"report", {31}, Request(Report{"node-0001", kItems})},
      {"log_piece", {32}, Request(LogPiece{7, Refusal::NotFound, "no such file", log_chunk()})},
      {"list_plans", {33}, Request(ListPlans{12, 20})},
      {"get_plan", {34}, Request(GetPlan{12, {17}, 3, 500})},
  };
}

std::vector<Sample> job_reply_samples() {
  return {
      {"jobs_submitted", {20}, Reply(JobsSubmitted{kSubmitted, true})},
      {"job_page", {21}, Reply(JobPage{kRows, 19})},
      {"job_details", {22}, Reply(JobDetails{kRows[0], full_spec(), kAttempts})},
      {"job_explanation",
       {23},
       Reply(
           JobExplanation{kRows[0], JobHold::Backoff, 1'500, kDependsOn, kExplanation, kAvoided})},
      {"jobs_changed", {24}, Reply(JobsChanged{3, 2, 1})},
      {"job_counts", {25}, Reply(JobCounts{{1, 2, 3, 4, 5, 6, 7, 8}, 9, {18}, true})},
      {"job_events", {0}, Reply(JobEvents{kEvents})},
      {"log_chunk", {27}, Reply(log_chunk())},
      {"attached", {29}, Reply(Attached{20'000, kVerdicts})},
      {"assignments", {0}, Reply(Assignments{assignments()})},
      {"reported", {31}, Reply(Reported{kVerdicts})},
      {"stop_tasks", {0}, Reply(StopTasks{kStops})},
      {"want_log", {0}, Reply(WantLog{7, kAssignment, OutputStream::Stderr, 4'096, 65'536, 1'000})},
      {"plan_page",
       {33},
       Reply(PlanPage{kPlans, 11, {PlannerState::Bypassed, "plan 11 was late", 4'000, 9, 2}})},
      {"plan_details", {34}, Reply(PlanDetails{kPlans[0], kPlannedJobs, 5})},
  };
}

}  // namespace berth::wire
