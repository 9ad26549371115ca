#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "agent/runner/order.h"
#include "agent/runner/small_file.h"
#include "agent/runner/task/capture.h"
#include "agent/runner/task/launch.h"
#include "agent/runner/task/task_cgroup.h"

namespace berth::agent {

/// One task from its order to its result.
///
/// It is a process of its own, so that agent and task may each end without the other. SIGTERM asks
/// it to stop the task; the signal's value is the error class that this will be.
///
/// Shape    one loop over the task's streams, its verdict, and signals
/// Memory   one block per stream
/// Errors   all end in the result; that it cannot be written is what the exit code is for
class Supervisor {
 public:
  /// `directory` and `order_file` stay open for as long as it lives: the latter holds the lock that
  /// says so.
  Supervisor(const Order& order, size_t progress_offset, int directory, int order_file);

  /// Runs the task; returns when nothing of it is left.
  TaskResult run();
  /// Instead, when an earlier supervisor of this order was killed: ends what is left of the task.
  TaskResult recover();

 private:
  std::string prepare();
  std::string launch();
  int open_stdin(std::string& problem);
  bool by_engine() const { return !order_.engine_socket.empty(); }
  void watch();
  int64_t next_wait_ms() const;
  void on_verdict();
  void on_started();
  void on_signals();
  void on_time();
  void reap();
  void on_main_ended(int status);
  void on_report();
  void stop(wire::ErrorClass reason);
  void terminate() const;
  void kill_all() const;
  void end_all();
  void note_progress(bool started) const;
  void judge();
  void explain_stop();
  void measure();
  void collect();
  void explain(const std::string& sentence);

  const Order& order_;
  const size_t progress_offset_;
  const int directory_;
  const int order_file_;
  TaskCgroup cgroup_;
  Capture out_;
  Capture err_;
  Fd signals_;
  TaskChild child_;
  TaskResult result_;

  std::string verdict_bytes_;
  bool executed_ = false;
  std::map<int, int> ended_;   // wait statuses that came before the verdict
  std::optional<int> status_;  // of the task
  GroupUsage usage_;
  wire::ErrorClass stop_reason_ = wire::ErrorClass::None;
  int64_t started_ms_ = 0;
  int64_t ended_ms_ = 0;
  int64_t timeout_at_ms_ = 0;  // 0: none
  int64_t kill_at_ms_ = 0;
};

}  // namespace berth::agent
