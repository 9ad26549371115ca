#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result.h"
#include "types.h"

/// What the SDK takes and gives about durable jobs; values as types.h says.
///
/// Units    `_at_ms` is wall time, Unix, milliseconds; 0: not yet, or never
namespace berth::client {

/// One job, or one element of an array; those of an array are numbered without a gap. 0: none.
using JobId = uint64_t;

/// What runs the task on its worker.
enum class Runner : uint8_t { Any = 0, Process = 1, Sandbox = 2, Container = 3 };

/// The indexes of an array, both included.
struct ArrayIndexes {
  uint32_t first = 0;
  uint32_t last = 0;
};

/// What is to run, where, when, and what happens when it fails.
struct JobSpec {
  std::string name{};
  std::string queue{};
  std::string tenant{};
  std::vector<Label> labels{};

  std::vector<std::string> command{};  ///< argv; may be empty with an image that has its own
  std::string image{};                 ///< OCI bundle or local image
  std::vector<Label> env{};
  std::string working_dir{};  ///< empty: the task's own directory
  std::string stdin_text{};
  Runner runner = Runner::Any;
  bool network = false;  ///< a sandbox has none unless asked

  Policy policy = Policy::LeastLoaded;
  Demand demand{};
  std::vector<std::string> all_tags{};
  std::vector<std::vector<std::string>> any_tags{};  ///< of every group, at least one
  std::vector<std::string> none_tags{};
  std::vector<Label> affinity{};       ///< labels the worker must have
  std::vector<Label> anti_affinity{};  ///< labels the worker must not have
  std::string spread_by{};
  std::vector<std::string> exclude_workers{};

  int32_t priority = 0;         ///< higher first
  int64_t scheduled_at_ms = 0;  ///< not before
  int64_t deadline_at_ms = 0;   ///< among equal priority the earliest goes first
  Milliseconds estimated{0};
  Milliseconds timeout{0};  ///< of one attempt, from its start; 0: none
  uint32_t attempts_max = 1;
  Milliseconds retry_base{1'000};  ///< before the second attempt; doubles with every further one
  Milliseconds retry_cap{300'000};
  Milliseconds kill_grace{5'000};  ///< from TERM to KILL
  bool checkpointable = false;     ///< exit code 85 means "run me again", and is no attempt

  std::vector<JobId> depends_on{};           ///< jobs that have to be COMPLETED first
  std::vector<uint32_t> depends_on_items{};  ///< the same, by position in this submit
  std::optional<ArrayIndexes> array{};

  std::vector<std::string> artifacts{};  ///< paths to keep, relative to the task's directory
  std::vector<Label> meta{};
};

/// Its bytes on the wire: a submit has to stay below the server's `max_frame_bytes`.
BERTH_API size_t encoded_bytes(const JobSpec& job);

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
inline constexpr size_t kJobStates = 8;

/// COMPLETED, FAILED or ABORTED.
constexpr bool has_ended(JobState state) {
  return state >= JobState::Completed;
}

/// Why an attempt did not complete.
enum class ErrorClass : uint8_t {
  None = 0,
  Exit = 1,
  Signal = 2,
  Oom = 3,
  Timeout = 4,
  Lost = 5,
  Refused = 6,
  Image = 7,
  Aborted = 8,
};

struct JobError {
  ErrorClass kind = ErrorClass::None;
  int32_t exit_code = 0;
  int32_t signal = 0;
  std::string message{};
};

struct TaskUsage {
  Milliseconds cpu{0};
  uint64_t memory_peak_bytes = 0;
  Milliseconds wall{0};
};

/// One lease of one job. Written `JOB.ATTEMPT.EPOCH`; epoch 0: none.
struct AssignmentId {
  JobId job = 0;
  uint32_t attempt = 0;
  uint64_t epoch = 0;
};
BERTH_API std::string to_text(const AssignmentId& id);

/// A file that an attempt left on its worker.
struct OutputFile {
  std::string name{};  ///< `stdout`, `stderr`, or the artifact's path as the job gave it
  std::string path{};  ///< on the worker
  uint64_t bytes = 0;
  std::string sha256{};  ///< 64 hex digits, of what was kept
  bool truncated = false;
};

/// Jobs by id, both ends included.
struct JobRange {
  JobId first = 0;
  JobId last = 0;

  friend bool operator==(const JobRange&, const JobRange&) = default;
};

/// All of them or none.
struct SubmitRequest {
  std::vector<JobSpec> jobs{};
  /// Repeating a submit with the same id gets the same answer; with it and other jobs, Conflict.
  /// Empty: the SDK makes one up.
  std::string request{};
  bool refuse_unsatisfiable = false;  ///< when no worker could ever run one of them
  /// Says instead of `jobs` what was asked for, where they come out differently in every try (a
  /// time from now on): a hash of your own, the same for the same. 0: the jobs say it.
  uint64_t digest = 0;
};

/// Whether a job asks for as much memory as jobs like it used.
enum class MemoryAdvice : uint8_t {
  None = 0,     ///< it does, or nobody knows
  AskLess = 1,  ///< it asks for several times of it
  AskMore = 2,  ///< they used nearly all of it, or more
};

/// What is expected of a job that has not ended, as those like it went; docs/jobs.md says how.
struct JobForecast {
  int64_t start_at_ms = 0;        ///< while it waits: when it will start; 0: not known
  int64_t start_early_ms = 0;     ///< in one case of ten it is earlier than this
  int64_t start_late_ms = 0;      ///< and in one later than this
  bool planned = false;           ///< the planner means it to start then
  Milliseconds run{0};            ///< from start to end, as likely less as more; 0: not known
  Milliseconds run_short{0};      ///< in one case of ten it is less
  Milliseconds run_long{0};       ///< and in one more
  uint32_t runs_seen = 0;         ///< of the same program; old ones count less
  uint64_t memory_top_bytes = 0;  ///< 95 % of such runs used less; 0: not known
  MemoryAdvice memory_advice = MemoryAdvice::None;
};

struct SubmittedJob {
  JobId first = 0;
  uint32_t count = 1;          ///< of an array; else 1
  bool unsatisfiable = false;  ///< no worker that is known could ever run it
  Explanation explanation{};   ///< of that
  JobForecast forecast{};      ///< of its run and its memory; not of its start
};

struct SubmitResult {
  std::vector<SubmittedJob> jobs{};  ///< in the order of the request
  bool repeated = false;             ///< this request id had been seen before
};

/// Which jobs; every field left alone selects all.
struct JobFilter {
  std::vector<JobState> states{};
  std::string worker{};
  std::string queue{};
  std::string tenant{};
  std::string name{};  ///< or how it begins
  Label label{};
  uint64_t cursor = 0;  ///< 0 for the first page, then `next_cursor`
  uint32_t limit = 0;   ///< rows of the page; 0: as many as the server gives
  bool newest_first = false;
};

/// What the server knows about a job.
struct JobStatus {
  JobId id = 0;
  bool is_array = false;
  uint32_t array_index = 0;
  uint32_t array_count = 1;  ///< more than 1: stands for so many pending elements from `id` on
  std::string name{};
  std::string queue{};
  std::string tenant{};
  std::vector<Label> labels{};
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
  JobError last_error{};
  std::string worker{};
  AssignmentId assignment{};
  Milliseconds expires_in{0};  ///< the assignment, unless it is renewed
  TaskUsage usage{};
  bool unsatisfiable = false;
  std::string summary{};  ///< its command or image, at most 60 bytes of it
  JobForecast forecast{};
};

struct JobPage {
  std::vector<JobStatus> jobs{};
  uint64_t next_cursor = 0;  ///< 0: this was the last page
};

struct Attempt {
  AssignmentId assignment{};
  std::string worker{};
  JobState state = JobState::Running;  ///< of the attempt: ASSIGNED, RUNNING, or how it ended
  int64_t assigned_at_ms = 0;
  int64_t started_at_ms = 0;
  int64_t finished_at_ms = 0;
  JobError error{};
  TaskUsage usage{};
  std::vector<OutputFile> outputs{};
  std::vector<uint16_t> gpus{};  ///< device indexes, while it holds them
};

struct JobDetails {
  JobStatus job{};
  JobSpec spec{};
  std::vector<Attempt> attempts{};  ///< oldest first; the last one may be under way
};

/// What a pending job waits for.
enum class JobHold : uint8_t {
  None = 0,
  Queue = 1,
  Capacity = 2,
  Schedule = 3,
  Dependency = 4,
  Backoff = 5,
};

struct JobExplanation {
  JobStatus job{};
  JobHold hold = JobHold::None;
  Milliseconds hold_for{0};            ///< for Schedule and Backoff
  std::vector<JobId> dependencies{};   ///< those that have not completed
  Explanation explanation{};           ///< which requirement rules out how many workers
  std::vector<std::string> avoided{};  ///< workers it failed on
};

struct AbortRequest {
  std::vector<JobRange> jobs{};
  std::string worker{};  ///< of these jobs, those on this worker; without any range, all on it
  std::string reason{};
};

struct JobsChanged {
  uint32_t changed = 0;
  uint32_t unchanged = 0;  ///< they were there already
  uint32_t unknown = 0;
};

struct JobCounts {
  std::array<uint64_t, kJobStates> by_state{};
  uint64_t unknown = 0;
  JobId first_failed = 0;  ///< the first that FAILED or was ABORTED
  bool done = false;       ///< all have ended

  uint64_t of(JobState state) const { return by_state[static_cast<size_t>(state)]; }
};

enum class EventKind : uint8_t { Job = 0, Worker = 1, Plan = 2, Server = 3 };

enum class ServerChange : uint8_t { Started = 0, Draining = 1 };

/// Something happened; all kinds share one sequence.
struct Event {
  bool gap = false;  ///< events are missing here, nothing else is set: look at everything again
  uint64_t sequence = 0;
  int64_t at_ms = 0;
  EventKind kind = EventKind::Job;
  JobId job = 0;       ///< of kind Job, as are state, attempt and error
  uint32_t count = 1;  ///< jobs of an array that was submitted or aborted as a whole; Plan:
                       ///< requests that waited and have a place now, jobs that it has a start for
  JobState state = JobState::Pending;
  uint32_t attempt = 0;
  std::string worker{};  ///< of kinds Job and Worker
  ErrorClass error = ErrorClass::None;
  std::string reason{};
  WorkerChange worker_change = WorkerChange::Registered;
  ServerChange server_change = ServerChange::Started;
  uint64_t plan = 0;         ///< of kind Plan, as is what follows
  std::string plan_of{};     ///< `requests` or `jobs`: each counts its plans from 1
  std::string plan_cause{};  ///< of one of jobs, as are outcome and moved: as in PlanSummary
  std::string plan_outcome{};
  uint32_t moved = 0;
};

/// An event of kind Job.
using JobEvent = Event;

struct EventWatchRequest {
  std::vector<EventKind> kinds{
      EventKind::Job, EventKind::Worker, EventKind::Plan, EventKind::Server};
  std::vector<JobRange> jobs{};  ///< only events of these jobs; empty: of everything
  std::string worker{};          ///< only events that name this worker; empty: all
  uint64_t after = 0;            ///< go on after this sequence; 0: from now on
};

struct JobWatchRequest {
  std::vector<JobRange> jobs{};  ///< empty: all
  uint64_t after = 0;            ///< go on after this sequence; 0: from now on
};

enum class OutputStream : uint8_t { Stdout = 0, Stderr = 1 };

struct LogRequest {
  JobId job = 0;
  uint32_t attempt = 0;  ///< 0: the last one
  OutputStream stream = OutputStream::Stdout;
  uint64_t offset = 0;
  uint32_t bytes_max = 0;  ///< 0: as many as the server gives
  Milliseconds wait{0};    ///< when there is nothing yet, for so long
};

struct LogChunk {
  std::string data{};
  uint64_t offset = 0;    ///< of the first byte
  uint64_t size = 0;      ///< of all there is so far
  bool complete = false;  ///< the attempt has ended and this reaches its end
  bool truncated = false;
  std::string sha256{};  ///< of the whole, once it is complete
  uint32_t attempt = 0;  ///< 0: none has started
};

/// `PENDING`, `process`, `oom`, `capacity`: the words of every surface.
BERTH_API std::string_view state_token(JobState state);
BERTH_API std::string_view runner_token(Runner runner);
BERTH_API std::string_view error_class_token(ErrorClass error);
BERTH_API std::string_view hold_token(JobHold hold);
BERTH_API std::string_view memory_advice_token(MemoryAdvice advice);

BERTH_API std::string_view kind_token(EventKind kind);
BERTH_API std::string_view server_change_token(ServerChange change);

BERTH_API std::optional<EventKind> kind_from(std::string_view token);
BERTH_API std::optional<JobState> state_from(std::string_view token);
BERTH_API std::optional<Runner> runner_from(std::string_view token);

}  // namespace berth::client
