#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/runner/order.h"
#include "agent/runner/small_file.h"

namespace berth::agent {

/// The directories of tasks, `STATE_DIR/tasks/JOB.ATTEMPT.EPOCH/`, from the agent's side.
///
///     order             what to do; its lock says that a supervisor lives
///     stdout, stderr    `.part` at the end until they are whole
///     artifacts/N       the files that the job wanted kept
///     work/             the task's own, gone at its end
///     result            how it ended; `settled` once a server has it
///     *.damaged         what could not be read, for people to look at
///
/// Nothing is synced: a loss of power may leave any of these cut short or empty, which the
/// checksums tell; the attempt is then lost and the job runs again.
class TaskStore {
 public:
  /// Opens, and makes what is not there. `problem` is empty: done.
  TaskStore(const std::filesystem::path& state_dir, std::string& problem);

  const std::string& state_dir() const { return state_dir_; }
  std::string path_of(const std::string& name) const;
  int directory() const { return tasks_.get(); }
  /// Null: not there.
  Fd open_task(const std::string& name) const;
  /// Fails (EEXIST) when it is there.
  Fd make_task(const std::string& name) const;
  std::vector<std::string> list() const;

  /// The order, written and locked; the lock lives as long as any copy of the descriptor.
  Fd write_order(int task, const Order& order) const;
  /// Opens and locks what is there; null: somebody lives (EWOULDBLOCK), or it cannot be.
  Fd lock_order(int task) const;

  /// Null: none, or damaged; then `damaged` says so, and it is put aside.
  std::optional<TaskResult> read_result(int task, bool& damaged) const;
  bool write_result(int task, const TaskResult& result) const;
  bool settle(int task) const;
  bool is_settled(int task) const;
  void remove(const std::string& name) const;

  /// The reading end of the pipe in which supervisors say that a task was executed.
  Fd open_events(std::string& problem) const;

 private:
  std::string state_dir_;
  Fd tasks_;
};

}  // namespace berth::agent
