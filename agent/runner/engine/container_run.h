#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/runner/engine/api.h"
#include "agent/runner/engine/frames.h"
#include "agent/runner/engine/oom_watch.h"
#include "agent/runner/order.h"
#include "agent/runner/task/verdict.h"

namespace berth::agent {

/// One container from its making to its end; who removes it is the supervisor, once its outputs are
/// safe.
///
/// Descriptors 0, 1 and 2 are the task's streams. SIGTERM asks to stop it.
///
/// Shape    one loop over the container's streams, the request that waits for its end, and signals
/// Threads  one. Requests block for seconds at most; the supervisor's own patience is longer
/// Memory   one block, and the task's input
class ContainerRun {
 public:
  explicit ContainerRun(const Order& order);

  /// None: it runs. Else it was not started, and why.
  Verdict start();
  /// Returns when it has ended and all that it wrote has been handed on.
  EngineReport watch();

 private:
  Verdict create();
  Answer start_watched();
  Verdict refusal(const Answer& answer) const;
  std::string path(const std::string& rest) const;
  int next_wait_ms() const;
  void on_streams(short events);
  void on_output();
  void on_input();
  void hand_on(std::string_view bytes);
  void on_ended();
  void on_signal();
  void on_time();
  void send_signal(const char* name);
  void sample();
  void watch_memory();
  EngineReport report();

  const Order& order_;
  Fd signals_;
  Fd streams_;
  std::string id_;  // the engine's, of the container
  std::string early_;
  size_t fed_ = 0;  // bytes of the input
  FrameReader frames_;
  std::unique_ptr<Request> end_;  // null: it has ended, or is not known to
  OomWatch oom_;
  std::string problem_;
  EngineReport report_;
  int64_t kill_at_ms_ = 0;     // 0: not to be stopped
  int64_t give_up_at_ms_ = 0;  // 0: it runs; else what it wrote should be here by then
  int64_t sample_at_ms_ = 0;
  int64_t sample_wait_ms_ = 0;
};

}  // namespace berth::agent
