#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/ids.h"
#include "wire/parts.h"
#include "wire/plan_messages.h"

/// The messages about durable jobs, as plain structs; those of clients first, then those of
/// workers.
///
/// Shape, memory and errors as messages.h says
/// Units    `_ms` without `at` is a length of time; `_at_ms` is wall time, Unix, milliseconds; 0:
///          not yet, or never
namespace berth::wire {

// ---- A job ----------------------------------------------------------------------------------

/// What runs the task on its worker.
enum class Runner : uint8_t { Any = 0, Process = 1, Sandbox = 2, Container = 3 };

/// What a client submits: one job, or an array of jobs that differ in their index alone.
///
/// It travels, and is kept, as bytes of its own (`SpecEncoder`, `SpecDecoder` in wire/spec.h): the
/// server reads it once and hands it on as it came.
struct JobSpec {
  Text name;
  Text queue;
  Text tenant;
  std::span<const Label> labels;

  TextList command;  ///< argv; may be empty with an image that has its own
  Text image;        ///< OCI bundle or local image; only runner `container` reads it
  std::span<const Label> env;
  Text working_dir;  ///< empty: the task's own directory
  Text stdin_text;
  Runner runner = Runner::Any;
  bool network = false;  ///< a sandbox has none unless asked

  Policy policy = Policy::LeastLoaded;
  Demand demand;
  Requirements requirements;

  int32_t priority = 0;         ///< higher first
  int64_t scheduled_at_ms = 0;  ///< not before
  int64_t deadline_at_ms = 0;   ///< among equal priority the earliest goes first
  uint32_t estimated_ms = 0;    ///< how long it will run, as the client thinks
  uint32_t timeout_ms = 0;      ///< of one attempt, from its start; 0: none
  uint32_t attempts_max = 1;
  uint32_t retry_base_ms = 1'000;   ///< before the second attempt; doubles with every further one
  uint32_t retry_cap_ms = 300'000;  ///< the longest of these
  uint32_t kill_grace_ms = 5'000;   ///< from TERM to KILL
  bool checkpointable = false;      ///< exit code 85 means "run me again", and is no attempt

  std::span<const uint64_t> depends_on;        ///< jobs that have to be COMPLETED first
  std::span<const uint32_t> depends_on_items;  ///< the same, by position in this submit

  bool is_array = false;
  uint32_t array_first = 0;
  uint32_t array_last = 0;  ///< included

  TextList artifacts;  ///< paths to keep, relative to the task's directory
  std::span<const Label> meta;
};

/// DESIGN's state machine; ARCHITECTURE.md has a line for every edge.
enum class JobState : uint8_t {
  Pending = 0,
  Assigned = 1,
  Running = 2,
  Lost = 3,
  Retrying = 4,
  Completed = 5,
  Failed = 6,
  Aborted = 7,
};
inline constexpr int kJobStateCount = 8;

/// Why an attempt did not complete.
enum class ErrorClass : uint8_t {
  None = 0,
  Exit = 1,     ///< exit code other than 0
  Signal = 2,   ///< died by a signal
  Oom = 3,      ///< killed by its memory limit
  Timeout = 4,  ///< ran longer than `timeout_ms`
  Lost = 5,     ///< its worker went away
  Refused = 6,  ///< the worker would not, or could not start it
  Image = 7,    ///< the image is not there or not fit to run
  Aborted = 8,  ///< somebody asked for it
};

/// How an attempt ended.
struct JobError {
  ErrorClass kind = ErrorClass::None;
  int32_t exit_code = 0;
  int32_t signal = 0;
  Text message;  ///< one sentence
};

/// What an attempt used.
struct TaskUsage {
  uint64_t cpu_ms = 0;
  uint64_t memory_peak_bytes = 0;
  uint64_t wall_ms = 0;
};

/// A file that an attempt left on its worker.
struct OutputFile {
  Text name;  ///< `stdout`, `stderr`, or the artifact's path as the job gave it
  Text path;  ///< on the worker
  uint64_t bytes = 0;
  Text sha256;             ///< 64 hex digits, of what was kept
  bool truncated = false;  ///< it was cut at the limit
};

// ---- What clients ask -----------------------------------------------------------------------

/// Jobs by id, both ends included.
struct JobRange {
  JobId first;
  JobId last;

  friend bool operator==(const JobRange&, const JobRange&) = default;
};

/// All of them or none.
struct SubmitJobs {
  Text
      request;  ///< the client's id for this submit: repeating it gets the same answer. Empty: none
  std::span<const std::span<const std::byte>> specs;  ///< encoded, each 8-byte aligned
  bool refuse_unsatisfiable = false;                  ///< when no worker could ever run one of them
  /// Of what was asked for, where specs differ in every try (`+1h`); 0: the server takes one of
  /// them. Under one request id it has to stay the same.
  uint64_t digest = 0;
};

/// Answered in ascending order of id unless `newest_first`.
struct ListJobs {
  uint32_t states = 0;  ///< bit per JobState; 0: all
  Text worker;
  Text queue;
  Text tenant;
  Text name;            ///< or how it begins
  Label label;          ///< empty key: any
  uint64_t cursor = 0;  ///< as in the last page; 0: from the start
  uint32_t limit = 0;   ///< rows; 0 and too many: the server's own limit
  bool newest_first = false;
  bool with_specs = false;
};

struct ShowJob {
  JobId job;
};

/// Why is it pending, or why did it go there?
struct ExplainJob {
  JobId job;
};

enum class JobAction : uint8_t {
  Abort = 0,  ///< ends what lives
  Retry = 1,  ///< starts what FAILED or was ABORTED again, with all attempts before it
};

struct ChangeJobs {
  JobAction action = JobAction::Abort;
  std::span<const JobRange> jobs;
  Text worker;  ///< abort: of these jobs, those on this worker; without any range, all on it
  Text reason;
};

/// Answered when all of them have ended, or after `wait_ms` with how far they are.
struct WaitJobs {
  std::span<const JobRange> jobs;
  uint32_t wait_ms = 0;
};

/// Events as JobEvents with request id 0, until the connection ends or `enable` is false; one watch
/// for each connection, the last one asked for. Answered with Done, or Refused `Stale` when not
/// every event after `after` can be given any more: nothing is watched then.
struct WatchJobs {
  bool enable = true;
  uint64_t after = 0;              ///< resume after this sequence; 0: from now on
  std::span<const JobRange> jobs;  ///< only events of these jobs; empty: of everything
  uint32_t kinds = 0;              ///< bit per EventKind; 0: of jobs alone
  Text worker;                     ///< only events that name this worker; empty: all
};

enum class OutputStream : uint8_t { Stdout = 0, Stderr = 1 };

/// A piece of an attempt's output. Answered with LogChunk, with one of attempt 0 while no attempt
/// has started, or Refused `NotFound`: no such job or attempt, or nobody has its output any more.
struct ReadLog {
  JobId job;
  uint32_t attempt = 0;  ///< 0: the last one
  OutputStream stream = OutputStream::Stdout;
  uint64_t offset = 0;
  uint32_t bytes_max = 0;  ///< 0 and too many: the server's own limit
  uint32_t wait_ms = 0;    ///< when there is nothing yet, for so long
};

/// Copies the store, while it goes on, to a file of the server's machine.
struct BackUp {
  Text path;
};

// ---- What clients are told ------------------------------------------------------------------

/// Whether a job asks for as much memory as jobs like it used.
enum class MemoryAdvice : uint8_t {
  None = 0,     ///< it does, or nobody knows
  AskLess = 1,  ///< it asks for several times of it
  AskMore = 2,  ///< they used nearly all of it, or more
};

/// What is expected of a job that has not ended, as those like it went.
struct JobForecast {
  int64_t start_at_ms = 0;        ///< PENDING, RETRYING: when it will start; 0: not known
  int64_t start_early_ms = 0;     ///< in one case of ten it is earlier than this
  int64_t start_late_ms = 0;      ///< and in one later than this
  bool planned = false;           ///< the planner means it to start then
  uint64_t run_ms = 0;            ///< from start to end, as likely less as more; 0: not known
  uint64_t run_short_ms = 0;      ///< in one case of ten it is less
  uint64_t run_long_ms = 0;       ///< and in one more
  uint32_t runs_seen = 0;         ///< of the same program; old ones count less
  uint64_t memory_top_bytes = 0;  ///< 95 % of such runs used less; 0: not known
  MemoryAdvice memory_advice = MemoryAdvice::None;

  friend bool operator==(const JobForecast&, const JobForecast&) = default;
};

struct SubmittedJob {
  JobId first;
  uint32_t count = 0;          ///< of an array; else 1
  bool unsatisfiable = false;  ///< no worker that is known could ever run it
  Explanation explanation;     ///< of that
  JobForecast forecast;        ///< of its run and its memory; of the first few alone
};

struct JobsSubmitted {
  std::span<const SubmittedJob> jobs;  ///< in the order of the specs
  bool repeated = false;
};

struct JobRow {
  JobId id;
  bool is_array = false;
  uint32_t array_index = 0;
  uint32_t array_count = 1;  ///< more than 1: stands for so many pending elements from `id` on
  Text name;
  Text queue;
  Text tenant;
  std::span<const Label> labels;
  JobState state = JobState::Pending;
  int32_t priority = 0;
  uint32_t attempt_count = 0;
  uint32_t attempts_max = 1;
  int64_t submitted_at_ms = 0;
  int64_t queued_at_ms = 0;
  int64_t assigned_at_ms = 0;
  int64_t started_at_ms = 0;
  int64_t finished_at_ms = 0;
  int64_t scheduled_at_ms = 0;
  int64_t deadline_at_ms = 0;
  JobError last_error;
  Text worker;              ///< of the current or last assignment
  AssignmentId assignment;  ///< epoch 0: none yet
  uint32_t expires_in_ms = 0;
  TaskUsage usage;
  bool unsatisfiable = false;
  Text summary;                     ///< its command or image, at most 60 bytes of it: for people
  std::span<const std::byte> spec;  ///< when asked for; 8-byte aligned
  JobForecast forecast;
};

struct JobPage {
  std::span<const JobRow> rows;
  uint64_t next_cursor = 0;  ///< 0: this was the last page
};

struct AttemptRow {
  AssignmentId assignment;
  Text worker;
  JobState state = JobState::Running;  ///< of the attempt: ASSIGNED, RUNNING, or how it ended
  int64_t assigned_at_ms = 0;
  int64_t started_at_ms = 0;
  int64_t finished_at_ms = 0;
  JobError error;
  TaskUsage usage;
  std::span<const OutputFile> outputs;
  std::span<const uint16_t> gpus;  ///< device indexes, while it holds them
};

struct JobDetails {
  JobRow row;
  std::span<const std::byte> spec;
  std::span<const AttemptRow> attempts;  ///< oldest first; the last one may be under way
};

/// What a pending job waits for.
enum class JobHold : uint8_t {
  None = 0,        ///< nothing: it is assigned, runs or has ended
  Queue = 1,       ///< its turn
  Capacity = 2,    ///< a worker with room
  Schedule = 3,    ///< `scheduled_at`
  Dependency = 4,  ///< `dependencies`
  Backoff = 5,     ///< the time before its next attempt
};

struct JobExplanation {
  JobRow row;
  JobHold hold = JobHold::None;
  uint32_t hold_ms = 0;                    ///< for Schedule and Backoff
  std::span<const uint64_t> dependencies;  ///< those that have not completed
  Explanation explanation;                 ///< which requirement rules out how many workers
  TextList avoided;                        ///< workers it failed on
};

struct JobsChanged {
  uint32_t changed = 0;
  uint32_t unchanged = 0;  ///< they were there already
  uint32_t unknown = 0;
};

struct JobCounts {
  std::array<uint64_t, kJobStateCount> by_state{};
  uint64_t unknown = 0;
  JobId first_failed;  ///< the first that FAILED or was ABORTED; 0: none
  bool done = false;   ///< all have ended
};

enum class WorkerChange : uint8_t {
  Registered = 0,
  Online = 1,
  Suspicious = 2,
  Offline = 3,
  Cordoned = 4,
  Draining = 5,
  Undrained = 6,
  Forgotten = 7,
  Replaced = 8,  ///< a newer life of the same worker took over
};

enum class EventKind : uint8_t { Job = 0, Worker = 1, Plan = 2, Server = 3 };

constexpr uint32_t bit_of(EventKind kind) {
  return 1u << static_cast<uint32_t>(kind);
}

enum class ServerChange : uint8_t {
  Started = 0,   ///< what came before of workers and plans may be missing: list the workers
  Draining = 1,  ///< it is about to stop
};

/// Something happened. Events of all kinds share one sequence.
struct JobEvent {
  uint64_t sequence = 0;
  int64_t at_ms = 0;
  JobId job;           ///< of kind Job, as are state, attempt and error
  uint32_t count = 1;  ///< jobs of an array that was submitted or aborted as a whole; Plan:
                       ///< requests that waited and have a place now, jobs that it has a start for
  JobState state = JobState::Pending;
  uint32_t attempt = 0;
  Text worker;  ///< of kinds Job and Worker
  ErrorClass error = ErrorClass::None;
  Text reason;
  EventKind kind = EventKind::Job;
  WorkerChange worker_change = WorkerChange::Registered;
  ServerChange server_change = ServerChange::Started;
  uint64_t plan = 0;  ///< which one of this server's life
  PlanOf plan_of = PlanOf::Requests;
  PlanCause plan_cause = PlanCause::Pending;  ///< of one of jobs, as are outcome and moved
  PlanOutcome plan_outcome = PlanOutcome::Applied;
  uint32_t moved = 0;  ///< jobs that the plan before had on another worker
};

struct JobEvents {
  std::span<const JobEvent> events;
};

struct LogChunk {
  std::span<const std::byte> data;
  uint64_t offset = 0;    ///< of the first byte
  uint64_t size = 0;      ///< of all there is so far
  bool complete = false;  ///< the attempt has ended and this reaches its end
  bool truncated = false;
  Text sha256;  ///< of the whole, once it is complete
  uint32_t attempt = 0;
};

// ---- What workers say -----------------------------------------------------------------------

/// "Give me jobs": sent by an agent on every connection, after its first beat was accepted.
///
/// It names every lease that the worker holds, so that both sides agree: those that are not named
/// are lost, those that the server does not know are answered `Stale` and have to be stopped.
struct AttachWorker {
  Text worker;
  uint64_t life = 0;   ///< `epoch` of its heartbeats
  uint64_t nonce = 0;  ///< not 0: the same worker id has to bring the same one from now on
  bool pull = false;   ///< it asks with NextJobs instead of being pushed Assignments
  std::span<const AssignmentId> running;
  uint32_t offline_after_ms = 0;  ///< as in its heartbeats
};

/// For workers that pull. Answered with Assignments, empty when there was nothing for `wait_ms`.
struct NextJobs {
  Text worker;
  uint32_t jobs_max = 1;
  uint32_t wait_ms = 0;
};

enum class ReportKind : uint8_t {
  Accepted = 0,  ///< the ack: it will be started once this is answered Ok
  Refused = 1,   ///< it will not; `error.message` says why
  Started = 2,
  Alive = 3,  ///< it goes on: renews the lease
  Completed = 4,
  Failed = 5,        ///< `error` says how
  Checkpointed = 6,  ///< ended with 85: run it again
};

struct ReportItem {
  ReportKind kind = ReportKind::Alive;
  AssignmentId assignment;
  JobError error;
  TaskUsage usage;
  std::span<const OutputFile> outputs;
};

/// What has become of assignments; many at once. Answered with a verdict for each.
struct Report {
  Text worker;
  std::span<const ReportItem> items;
};

/// Answers WantLog; answered with Done.
struct LogPiece {
  uint64_t ticket = 0;
  Refusal refusal = Refusal::None;  ///< `message` says why there is no piece
  Text message;
  LogChunk chunk;
};

// ---- What workers are told ------------------------------------------------------------------

enum class Verdict : uint8_t {
  Ok = 0,
  Repeated = 1,  ///< known already; same answer
  Stale = 2,     ///< no longer this worker's: stop it, and report it no more
};

struct Attached {
  uint32_t lease_ms = 0;              ///< an assignment is lost when it is not heard of for so long
  std::span<const uint8_t> verdicts;  ///< a Verdict for each of `running`
};

struct Assignment {
  AssignmentId id;
  std::span<const std::byte> spec;  ///< 8-byte aligned
  uint32_t array_index = 0;
  uint32_t expires_in_ms = 0;      ///< accept it before
  std::span<const uint16_t> gpus;  ///< device indexes
};

/// To push: with request id 0.
struct Assignments {
  std::span<const Assignment> items;
};

struct Reported {
  std::span<const uint8_t> verdicts;  ///< a Verdict for each item
};

struct StopTask {
  AssignmentId assignment;
  Text reason;
};

/// Ends tasks with TERM, the grace of their job, and KILL; they are reported as usual. Request id
/// 0.
struct StopTasks {
  std::span<const StopTask> items;
};

/// Asks the worker for a piece of output, with request id 0; LogPiece brings it.
struct WantLog {
  uint64_t ticket = 0;
  AssignmentId assignment;
  OutputStream stream = OutputStream::Stdout;
  uint64_t offset = 0;
  uint32_t bytes_max = 0;
  uint32_t wait_ms = 0;
};

}  // namespace berth::wire
