#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <uv.h>

#include "agent/runner/runner.h"
#include "core/base/time.h"

namespace berth::agent {

struct RunnerSettings {
  /// Everything is kept below its `tasks/`. One agent at a time: whoever has its lock (identity.h).
  std::filesystem::path state_dir;
  /// Where `berth-task` and `berth-image` are; empty: beside this program, or ../libexec/berth.
  std::filesystem::path helpers;
  /// Group of version 2 that the groups of tasks are made in; empty: the agent's own.
  std::string task_cgroup;
  /// Images that jobs give by a relative name are looked for here; empty: only absolute paths.
  std::filesystem::path images;
  /// Of a Docker-compatible engine, which then runs images that are no files; empty: without one.
  std::filesystem::path engine_socket;
  /// The user that tasks run as; empty: the agent's own. Another one needs root.
  std::string run_as;
  /// Offered; others are listed as not offered, and not probed.
  std::vector<wire::Runner> offered = {
      wire::Runner::Process, wire::Runner::Sandbox, wire::Runner::Container};
  core::Duration probe_max = core::Duration::seconds(10);

  uint64_t output_bytes_max = 64 << 20;             ///< of stdout, and of stderr
  uint64_t artifact_bytes_max = uint64_t{1} << 30;  ///< of each artifact
  uint32_t pids_max = 4096;                         ///< processes and threads of one task
  core::Duration keep_for = core::Duration::seconds(24 * 3600);  ///< outputs, once settled
  uint64_t keep_bytes_max = uint64_t{10} << 30;                  ///< of all settled outputs
  uint32_t keep_tasks_max = 10'000;  ///< settled tasks whose outputs are kept
};

/// The TaskRunner of a real machine: a process `berth-task` for every task.
///
/// All it knows is in `state_dir/tasks/JOB.ATTEMPT.EPOCH/`, so that a new agent finds it there.
///
/// Shape    one directory, process, pidfd and watcher for each running task
/// Threads  the loop's. The constructor blocks for as long as the probes take, up to `probe_max`
/// Memory   some hundred bytes for each task that runs, is not settled or is kept
/// Errors   `problem()`, of the state directory or the helpers; then every task is refused with it
class LocalRunner final : public TaskRunner {
 public:
  LocalRunner(uv_loop_t* loop, const RunnerSettings& settings, TaskListener& listener);
  /// Tasks go on. The loop has to turn once more, to close handles.
  ~LocalRunner() override;
  LocalRunner(const LocalRunner&) = delete;
  LocalRunner& operator=(const LocalRunner&) = delete;

  /// Empty, or why nothing can run here.
  const std::string& problem() const;

  std::span<const Backend> backends() const override;
  void adopt() override;
  void start(TaskOrder&& order) override;
  void stop(wire::AssignmentId assignment, wire::ErrorClass reason) override;
  void settle(wire::AssignmentId assignment) override;
  OutputPiece read_output(
      wire::AssignmentId assignment,
      wire::OutputStream stream,
      uint64_t offset,
      uint32_t bytes_max) override;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace berth::agent
