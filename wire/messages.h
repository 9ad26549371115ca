#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "wire/ids.h"
#include "wire/job_messages.h"
#include "wire/parts.h"
#include "wire/plan_messages.h"

/// Every message of the wire protocol as a plain struct.
///
/// Shape    requests go to the server, replies and events come from it; one variant each
/// Units    in the name of the field: `_ms`, `_mib`, `_milli` (a thousandth of a core or device)
/// Memory   decoded: strings and spans point into the frame and the decoder's scratch, valid until
///          the next decode; to be encoded: they point wherever the sender keeps them
/// Errors   decoding checks structure only. Ranges, UTF-8 and meaning are checked by whoever acts
namespace berth::wire {

inline constexpr uint32_t kMagic = 0x48545242;  // "BRTH"
inline constexpr uint16_t kProtocolVersion = 1;

enum class Role : uint8_t { Client = 0, Agent = 1 };

// ---- Requests -------------------------------------------------------------------------------

/// The first frame each way.
struct Hello {
  uint32_t magic = kMagic;
  uint16_t version = kProtocolVersion;
  Role role = Role::Client;
  Text identity;  ///< host, worker id or program name; for logs only
  Text token;     ///< secret shared with the server, empty when it asks for none
  Text software;  ///< name and version of the peer
};

/// Answered by the same path as everything else: the ceiling of a connection.
struct Ping {
  uint64_t payload = 0;
};

/// What a worker has in total.
struct Capacity {
  int64_t slots = 0;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t disk_mib = 0;
  int64_t network_mbit = 0;
  TextList gpu_models;  ///< one per device, in device order; each device has 1000 milli
  std::span<const NamedAmount> custom;
};

/// What the worker says it uses now, for display and for `load`.
struct Usage {
  double cpu_milli = 0;
  double memory_mib = 0;
  double gpu_milli = 0;  ///< summed over devices
};

/// "I am here, this is what I have, this is what I run."
///
/// A beat with `has_profile` replaces address, tags, labels, capacity and version; one without is
/// the cheap routine beat, answered with `resend_profile` by a server that does not know the
/// worker.
struct Heartbeat {
  Text worker;
  uint64_t epoch = 0;     ///< which life of the worker: grows at every start of its agent
  uint64_t sequence = 0;  ///< grows with every beat of one life
  bool has_profile = false;
  Text address;
  TextList tags;
  std::span<const Label> labels;
  Capacity capacity;
  Text agent_version;
  int64_t current_tasks = 0;
  bool has_running = false;  ///< `running_tasks` is given, and complete
  TextList running_tasks;
  Usage usage;
  bool leaving = false;  ///< the agent stops: mark the worker offline now
  /// Silence after which this worker is offline, and after half of which it is suspicious; part of
  /// the profile. 0: as the server has it.
  uint32_t offline_after_ms = 0;
  /// `current_tasks` counts all that runs here: what was placed before and is not counted, does
  /// not.
  bool counts_all = false;
};

/// "Where should this run?" Repeating it with the same task id while the reservation lives gets
/// the same answer.
struct Place {
  Text task;
  Policy policy = Policy::LeastLoaded;
  Demand demand;
  Requirements requirements;
  int32_t priority = 0;  ///< among waiting requests, higher first
  uint32_t hold_ms = 0;  ///< life of the reservation; 0: the server's default
  uint32_t wait_ms = 0;  ///< queue for so long when there is no place now; 0: answer at once
  bool explain = false;  ///< count what eliminated whom even when a worker is found
};

/// Gives reservations back, by id or by task; a batch in one frame.
struct Release {
  std::span<const uint64_t> reservations;
  TextList tasks;
};

enum class WorkerStatus : uint8_t { Online = 0, Suspicious = 1, Offline = 2 };

struct ListWorkers {
  TextList tags;  ///< only workers that have all of these
  uint64_t cursor = 0;
  uint32_t limit = 0;  ///< rows per page; 0 and too many: the server's own limit
};

struct ShowWorker {
  Text worker;
};

enum class WorkerAction : uint8_t { Cordon = 0, Drain = 1, Undrain = 2, Forget = 3 };

struct SetWorker {
  Text worker;
  WorkerAction action = WorkerAction::Cordon;
  Text reason;
};

struct GetStats {};

struct ListTags {};

/// Events of kind Worker from now on, as WorkerEvent messages with request id 0. WatchJobs tells
/// the same, and resumes.
struct Watch {
  bool enable = true;
};

using Request = std::variant<
    Hello,
    Ping,
    Heartbeat,
    Place,
    Release,
    ListWorkers,
    ShowWorker,
    SetWorker,
    GetStats,
    ListTags,
    Watch,
    SubmitJobs,
    ListJobs,
    ShowJob,
    ExplainJob,
    ChangeJobs,
    WaitJobs,
    WatchJobs,
    ReadLog,
    BackUp,
    AttachWorker,
    NextJobs,
    Report,
    LogPiece,
    ListPlans,
    GetPlan>;

// ---- Replies and events ---------------------------------------------------------------------

struct Welcome {
  uint16_t version = kProtocolVersion;
  Text software;
  uint64_t epoch = 0;  ///< which life of the server
  int64_t server_time_ms = 0;
  uint32_t max_frame_bytes = 0;
  uint32_t suspicious_after_ms = 0;
  uint32_t offline_after_ms = 0;
};

struct Refused {
  Refusal code = Refusal::None;
  Text message;  ///< one sentence: what, and the remedy
};

struct Pong {
  uint64_t payload = 0;
};

struct HeartbeatReply {
  bool accepted = false;
  Refusal code = Refusal::None;
  Text message;
  int64_t server_time_ms = 0;
  bool drain = false;           ///< take no new tasks
  bool resend_profile = false;  ///< the next beat must carry the profile
};

struct Placed {
  Text worker;
  Text address;
  ReservationId reservation;
  uint32_t expires_in_ms = 0;
  std::span<const uint16_t> gpus;  ///< device indexes
  double load = 0;                 ///< current/max slots with this task on it
  bool repeated = false;           ///< the task already had this reservation
  Explanation explanation;         ///< empty unless asked for
};

enum class NoPlace : uint8_t {
  NoWorkers = 0,   ///< no worker is registered
  Eliminated = 1,  ///< every worker fails a requirement
  TimedOut = 2,    ///< waited as long as asked
  QueueFull = 3,   ///< asked to wait; the queue is full
};

struct Unplaced {
  NoPlace reason = NoPlace::NoWorkers;
  Explanation explanation;
};

struct Released {
  uint32_t released = 0;
  uint32_t unknown = 0;  ///< expired, released before, or never given
};

struct GpuDevice {
  Text model;
  uint16_t free_milli = 0;
};

struct WorkerRow {
  Text id;
  Text address;
  TextList tags;
  std::span<const Label> labels;
  Capacity capacity;  ///< gpu_models empty here: see `gpus`
  Capacity free;      ///< capacity less reservations
  std::span<const GpuDevice> gpus;
  WorkerStatus status = WorkerStatus::Online;
  bool cordoned = false;
  bool draining = false;
  Text reason;  ///< of the cordon or drain
  uint32_t heartbeat_age_ms = 0;
  uint32_t cooldown_ms = 0;
  uint32_t reported_tasks = 0;
  uint32_t held_slots = 0;  ///< reserved and not yet reported
  double load = 0;
  Usage usage;
  Text agent_version;
};

struct WorkerPage {
  std::span<const WorkerRow> rows;
  uint64_t next_cursor = 0;  ///< 0: this was the last page
  uint32_t total = 0;        ///< workers in the table
};

struct Done {};

/// One number of the server. Names are those of the Prometheus metrics.
struct Stat {
  Text name;
  int32_t shard = -1;  ///< -1: the whole process
  double value = 0;
};

struct StatsReply {
  std::span<const Stat> stats;
};

struct TagCount {
  Text tag;
  uint32_t workers = 0;
};

struct TagPage {
  std::span<const TagCount> tags;
};

struct WorkerEvent {
  uint64_t sequence = 0;
  Text worker;
  WorkerChange change = WorkerChange::Registered;
  Text reason;
  int64_t server_time_ms = 0;
};

using Reply = std::variant<
    Welcome,
    Refused,
    Pong,
    HeartbeatReply,
    Placed,
    Unplaced,
    Released,
    WorkerPage,
    Done,
    StatsReply,
    TagPage,
    WorkerEvent,
    JobsSubmitted,
    JobPage,
    JobDetails,
    JobExplanation,
    JobsChanged,
    JobCounts,
    JobEvents,
    LogChunk,
    Attached,
    Assignments,
    Reported,
    StopTasks,
    WantLog,
    PlanPage,
    PlanDetails>;

}  // namespace berth::wire
