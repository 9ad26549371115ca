#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "wire/job_messages.h"

namespace berth::agent {

/// One attempt of a job, to be run here.
struct TaskOrder {
  wire::AssignmentId assignment;
  std::vector<std::byte> spec;  ///< a wire::JobSpec as it came; 8-byte aligned by the allocator
  uint32_t array_index = 0;
  std::vector<uint16_t> gpus;
};

/// A file that the attempt left.
struct TaskOutput {
  std::string name;  ///< `stdout`, `stderr`, or the artifact's path
  std::string path;  ///< empty: nothing was written, and there is no file
  uint64_t bytes = 0;
  std::string sha256;
  bool truncated = false;
};

/// How it ended.
struct TaskResult {
  wire::AssignmentId assignment;
  wire::ErrorClass error = wire::ErrorClass::None;  ///< None: exit code 0
  bool checkpointed = false;                        ///< exit code 85 of a checkpointable job
  int32_t exit_code = 0;  ///< by a signal: 128 and its number, as shells say it
  int32_t signal = 0;
  std::string message;
  wire::TaskUsage usage;
  std::vector<TaskOutput> outputs;
};

/// A kind of runner, or one of the two ways to run containers, as its probe at the start found it.
struct Backend {
  wire::Runner kind = wire::Runner::Process;
  bool works = false;
  std::string why;  ///< what it uses, or why it does not work
  std::string via;  ///< kViaRunc, kViaEngine; empty: there is one way
};
inline constexpr const char* kViaRunc = "runc";
inline constexpr const char* kViaEngine = "engine";

/// A piece of an attempt's output.
struct OutputPiece {
  std::vector<std::byte> data;
  uint64_t offset = 0;
  uint64_t size = 0;
  bool complete = false;  ///< the attempt has ended and this reaches the end
  bool truncated = false;
  std::string sha256;   ///< of the whole, once it has ended
  std::string problem;  ///< not empty: why there is no piece
};

/// Told on the agent's loop.
class TaskListener {
 public:
  virtual ~TaskListener() = default;
  virtual void on_task_started(wire::AssignmentId assignment) = 0;
  /// Once for every task that `start` took or `adopt` found; also when it could not be started.
  virtual void on_task_ended(TaskResult&& result) = 0;
};

/// Runs tasks, each under a supervisor process of its own that outlives the agent.
///
/// Threads  the agent's loop
/// Errors   whatever goes wrong with a task is its TaskResult, with a sentence
class TaskRunner {
 public:
  virtual ~TaskRunner() = default;

  virtual std::span<const Backend> backends() const = 0;

  /// What an earlier life of this agent left: tasks that still run, and results that no server has
  /// accepted yet. `on_task_started` or `on_task_ended` is called for each before it returns: the
  /// first message to a server has to name them all.
  virtual void adopt() = 0;

  virtual void start(TaskOrder&& order) = 0;
  /// TERM, the job's grace, KILL, for the whole of the task. `reason` becomes its error class.
  virtual void stop(wire::AssignmentId assignment, wire::ErrorClass reason) = 0;
  /// A server has the result: it need not be told again. The outputs stay for their retention.
  virtual void settle(wire::AssignmentId assignment) = 0;

  virtual OutputPiece read_output(
      wire::AssignmentId assignment,
      wire::OutputStream stream,
      uint64_t offset,
      uint32_t bytes_max) = 0;
};

}  // namespace berth::agent
