#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <vector>

namespace berth::cli {

/// Where the main thread waits for answers, moments and Ctrl-C at once, and does one after the
/// other.
///
/// Threads  `post`: any; all else, and everything that runs: the one that made it
/// Memory   what was posted and not yet done
/// Errors   make it before any other thread, so that all of them leave SIGINT to it
class Desk {
 public:
  explicit Desk(std::function<void()> on_interrupt);
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  void post(std::function<void()> task);
  /// Runs `task` after so long, instead of what was to run then.
  void after(std::chrono::milliseconds delay, std::function<void()> task);

  void run();
  /// `run` returns after the present task.
  void leave() { left_ = true; }

 private:
  using Clock = std::chrono::steady_clock;

  int wait_ms() const;
  void take_signals();
  void run_posted();
  void run_due();

  const std::function<void()> on_interrupt_;
  int signal_fd_ = -1;
  int event_fd_ = -1;
  bool left_ = false;
  Clock::time_point due_at_{};
  std::function<void()> due_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
};

}  // namespace berth::cli
