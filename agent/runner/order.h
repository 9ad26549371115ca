#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runner/runner.h"

namespace berth::agent {

/// The groups below which a task gets its own, as absolute directories; empty: not to be had.
///
/// Version 1 and 2 may be mounted at once: then the controllers are where they are, and `unified`
/// still takes part, because it alone can kill a group whole.
struct CgroupParents {
  std::string memory;
  std::string cpu;
  std::string pids;
  std::string unified;
  bool v2 = false;  ///< memory, cpu and pids are controllers of `unified`, and equal to it
};

/// All that a supervisor has to know, in words that it can act on without asking anybody.
struct Order {
  wire::AssignmentId assignment;
  wire::Runner runner = wire::Runner::Process;
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< `NAME=value`, complete
  std::string working_dir;       ///< empty: the task's own
  std::string stdin_text;
  std::vector<std::string> artifacts;
  std::string image;   ///< as the job gave it
  std::string images;  ///< where names of images are looked for
  bool network = false;
  bool checkpointable = false;
  uint32_t timeout_ms = 0;
  uint32_t kill_grace_ms = 0;

  uint64_t memory_bytes = 0;  ///< 0: no limit
  uint32_t cpu_milli = 0;     ///< 0: no limit
  uint32_t pids_max = 0;
  uint64_t output_bytes_max = 0;
  uint64_t artifact_bytes_max = 0;

  bool switch_user = false;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;

  CgroupParents cgroups;
  std::vector<uint8_t> seccomp;  ///< a BPF program, for the sandbox
  std::string task_dir;          ///< absolute
  std::string state_dir;         ///< absolute; not to be seen in a sandbox
  std::string image_helper;      ///< the program `berth-image`

  // A container by an engine.
  std::string engine_socket;   ///< empty: by runc
  std::string engine_helper;   ///< the program `berth-engine`
  std::string engine_owner;    ///< how an agent's containers begin their names
  std::vector<uint16_t> gpus;  ///< by index
};

/// What the supervisor writes behind the order in the same file, for an agent that starts later.
struct OrderProgress {
  uint32_t supervisor = 0;  ///< its process id
  bool started = false;     ///< the task itself was executed
};

/// The bytes of the file `order`, and back. Null: damaged.
std::string encode_order(const Order& order);
std::optional<Order> decode_order(std::string_view file);

/// Where in the file the progress goes, and how it is read from the whole of it.
size_t progress_offset(std::string_view file);
std::string encode_progress(const OrderProgress& progress);
OrderProgress decode_progress(std::string_view file);

/// The bytes of the file `result`, and back. Null: damaged.
std::string encode_result(const TaskResult& result);
std::optional<TaskResult> decode_result(std::string_view file);

/// What travels through the pipe `tasks/.events` when a task was executed.
struct StartedEvent {
  uint64_t job = 0;
  uint64_t epoch = 0;
  uint64_t attempt = 0;
};
inline constexpr const char* kEventPipe = ".events";

}  // namespace berth::agent
