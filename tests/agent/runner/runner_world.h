#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <uv.h>

#include "agent/runner/local_runner.h"
#include "wire/spec.h"

namespace berth::agent {

/// A job spec that owns what it points to.
struct Job {
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> artifacts;
  std::string image;
  std::string working_dir;
  std::string stdin_text;
  wire::Runner runner = wire::Runner::Process;
  bool network = false;
  bool checkpointable = false;
  int64_t memory_mib = 0;
  int64_t cpu_milli = 0;
  uint32_t timeout_ms = 0;
  uint32_t kill_grace_ms = 5'000;
  uint32_t array_index = 0;
  std::vector<uint16_t> gpus;
};

/// `sh -c script`
Job shell(const std::string& script);

/// A runner on a loop and in a state directory of its own.
///
/// Waits are for events, with a deadline that only a real failure meets. At its end it checks that
/// no process, control group or half-made file is left of any task.
class RunnerWorld final : public TaskListener {
 public:
  explicit RunnerWorld(const std::function<void(RunnerSettings&)>& change = nullptr);
  ~RunnerWorld() override;

  LocalRunner& runner() { return *runner_; }
  /// As an agent that ends and starts again; tasks go on.
  void end_agent();
  void begin_agent();
  /// What was told so far, as if this were another process.
  void forget();
  /// Children of the agent that was ended.
  void reap();

  wire::AssignmentId start(const Job& job);
  TaskResult wait(wire::AssignmentId id);
  TaskResult run(const Job& job);
  void wait_started(wire::AssignmentId id);
  /// Until `done` says so.
  void turn_until(const std::function<bool()>& done, const char* what);
  void turn();

  std::string output(wire::AssignmentId id, wire::OutputStream stream = wire::OutputStream::Stdout);
  std::filesystem::path directory(wire::AssignmentId id) const;
  const std::filesystem::path& state_dir() const { return settings_.state_dir; }
  size_t ended() const { return results_.size(); }
  size_t started() const { return started_.size(); }
  bool has_started(wire::AssignmentId id) const { return started_.contains(id); }
  bool has_ended(wire::AssignmentId id) const { return results_.contains(id); }
  void kill_supervisor(wire::AssignmentId id) const;
  /// Empty: it works. Else a test is skipped with it.
  std::string why_not(wire::Runner kind) const;
  /// Processes that carry the mark of a task of ours.
  std::vector<int> task_processes() const;

 private:
  void on_task_started(wire::AssignmentId id) override;
  void on_task_ended(TaskResult&& result) override;
  std::vector<std::string> groups_left() const;

  RunnerSettings settings_;
  uv_loop_t loop_;
  std::unique_ptr<LocalRunner> runner_;
  wire::SpecEncoder encoder_;
  uint64_t next_job_ = 1;
  std::map<wire::AssignmentId, TaskResult> results_;
  std::map<wire::AssignmentId, int> started_;
};

}  // namespace berth::agent
