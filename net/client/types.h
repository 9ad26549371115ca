#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result.h"

/// What the SDK takes and gives: plain values that own their bytes, safe to keep, copy and move
/// between threads. Units are in the names; every field left alone asks for nothing. Each has an
/// initializer, so that compilers keep quiet about the fields a caller does not name.
namespace berth::client {

using Milliseconds = std::chrono::milliseconds;

/// `zone=eu-1a`; an amount of something the operator named.
struct Label {
  std::string key{};
  std::string value{};
};
struct NamedAmount {
  std::string name{};
  int64_t amount = 0;
};

/// Ties requests to answers: capacity held for a task; never 0 for a real one.
using ReservationId = uint64_t;

enum class Policy : uint8_t { LeastLoaded = 0, BestFit = 1, Fgd = 2, Spread = 3, Pack = 4 };

/// What a task takes while it runs.
struct Demand {
  int64_t slots = 1;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t disk_mib = 0;
  int64_t network_mbit = 0;
  int64_t gpu_count = 0;                  ///< devices
  int64_t gpu_milli = 0;                  ///< of each: 1000, or 1..999 when gpu_count is 1
  std::vector<std::string> gpu_models{};  ///< allowed models; empty: any
  std::vector<NamedAmount> custom{};
};

/// "Where should this run?" Asking again with the same task while its reservation lives gets the
/// same answer.
struct PlaceRequest {
  std::string task{};
  Policy policy = Policy::LeastLoaded;
  Demand demand{};
  std::vector<std::string> all_tags{};
  std::vector<std::vector<std::string>> any_tags{};  ///< of every group, at least one
  std::vector<std::string> none_tags{};
  std::vector<Label> affinity{};
  std::vector<Label> anti_affinity{};
  std::string spread_by{};
  std::vector<std::string> exclude_workers{};
  int32_t priority = 0;
  Milliseconds hold{0};  ///< life of the reservation; 0: the server's default
  Milliseconds wait{0};  ///< queue for so long when there is no place now
  bool explain = false;  ///< explain even when a worker is found
};

struct Placement {
  std::string worker{};
  std::string address{};
  ReservationId reservation = 0;
  Milliseconds expires_in{0};
  std::vector<uint16_t> gpus{};  ///< device indexes
  double load = 0;               ///< current/max slots with this task on it
  bool repeated = false;         ///< the task already had this reservation
  Explanation explanation{};     ///< empty unless asked for
};

/// A batch to give back, by reservation or by task.
struct ReleaseRequest {
  std::vector<ReservationId> reservations{};
  std::vector<std::string> tasks{};
};

struct Released {
  uint32_t released = 0;
  uint32_t unknown = 0;  ///< expired, released before, or never given
};

struct Capacity {
  int64_t slots = 0;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t disk_mib = 0;
  int64_t network_mbit = 0;
  std::vector<std::string> gpu_models{};  ///< one per device, in device order
  std::vector<NamedAmount> custom{};
};

struct Usage {
  double cpu_milli = 0;
  double memory_mib = 0;
  double gpu_milli = 0;  ///< summed over devices
};

/// What changes seldom: a beat that carries it replaces what the server knew.
struct Profile {
  std::string address{};
  std::vector<std::string> tags{};
  std::vector<Label> labels{};
  Capacity capacity{};
  std::string agent_version{};
};

/// "I am here, this is what I run."
struct Heartbeat {
  std::string worker{};
  uint64_t epoch = 0;     ///< which life of the worker: grows at every start
  uint64_t sequence = 0;  ///< grows with every beat of one life
  std::optional<Profile> profile{};
  int64_t current_tasks = 0;
  std::optional<std::vector<std::string>> running_tasks{};  ///< complete when given
  Usage usage{};
  bool leaving = false;  ///< the agent stops: mark the worker offline now
};

struct HeartbeatAnswer {
  int64_t server_time_ms = 0;
  bool drain = false;           ///< take no new tasks
  bool resend_profile = false;  ///< the next beat must carry the profile
};

enum class WorkerStatus : uint8_t { Online = 0, Suspicious = 1, Offline = 2 };

struct GpuDevice {
  std::string model{};
  uint16_t free_milli = 0;
};

struct Worker {
  std::string id{};
  std::string address{};
  std::vector<std::string> tags{};
  std::vector<Label> labels{};
  Capacity capacity{};  ///< gpu_models empty here: see `gpus`
  Capacity free{};      ///< capacity less reservations
  std::vector<GpuDevice> gpus{};
  WorkerStatus status = WorkerStatus::Online;
  bool cordoned = false;
  bool draining = false;
  std::string reason{};  ///< of the cordon or drain
  Milliseconds heartbeat_age{0};
  Milliseconds cooldown{0};
  uint32_t reported_tasks = 0;
  uint32_t held_slots = 0;  ///< reserved and not yet reported
  double load = 0;
  Usage usage{};
  std::string agent_version{};
};

struct ListRequest {
  std::vector<std::string> tags{};  ///< only workers that have all of these
  uint64_t cursor = 0;              ///< 0 for the first page, then `next_cursor`
  uint32_t limit = 0;               ///< rows of the page; 0: as many as the server gives
};

struct WorkerPage {
  std::vector<Worker> workers{};
  uint64_t next_cursor = 0;  ///< 0: this was the last page
  uint32_t total = 0;        ///< workers in the table
};

enum class WorkerAction : uint8_t { Cordon = 0, Drain = 1, Undrain = 2, Forget = 3 };

/// One number of the server; names are those of the Prometheus metrics.
struct Stat {
  std::string name{};
  int32_t shard = -1;  ///< -1: the whole process
  double value = 0;
};

struct TagCount {
  std::string tag{};
  uint32_t workers = 0;
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
  Replaced = 8,
};

struct WorkerEvent {
  bool gap = false;  ///< events may be missing here, nothing else is set
  uint64_t sequence = 0;
  std::string worker{};
  WorkerChange change = WorkerChange::Registered;
  std::string reason{};
  int64_t server_time_ms = 0;
};

/// Nothing to tell but that it was done.
struct Done {};

/// Who answers on the present connection.
struct ServerInfo {
  std::string endpoint{};  ///< HOST:PORT as given
  std::string software{};
  uint64_t epoch = 0;  ///< which life of the server
  uint32_t max_frame_bytes = 0;
  Milliseconds suspicious_after{0};
  Milliseconds offline_after{0};
};

/// `least-loaded`, `online`, `drain`: the words of every surface.
BERTH_API std::string_view policy_token(Policy policy);
BERTH_API std::string_view status_token(WorkerStatus status);
BERTH_API std::string_view change_token(WorkerChange change);
BERTH_API std::string_view no_place_token(NoPlace reason);

/// The policy of that name, or nothing.
BERTH_API std::optional<Policy> policy_from(std::string_view token);

}  // namespace berth::client
