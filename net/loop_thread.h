#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <uv.h>

#include "core/base/time.h"
#include "core/tables/counters.h"
#include "net/mailbox.h"

namespace berth::net {

/// One thread with one uv loop and one mailbox: what shards, gateway, ledger and planner have in
/// common.
///
/// Shape    letters and socket events come in; `on_turn_end` follows every burst of them, before
/// the
///          loop sleeps; `on_tick` comes every `kTick`
/// Threads  constructed, started, joined and destroyed by the owner; the `on_…` run on its own
///          thread, between `start` and `join`
/// Memory   a stack of 256 KiB, of which only what is used is resident
class LoopThread : private Mailbox::Reader {
 public:
  static constexpr core::Duration kTick = core::Duration::milliseconds(50);

  /// `name` is a thread's name, 15 letters at most.
  explicit LoopThread(std::string name);
  ~LoopThread() override;
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  /// Where it counts how late its ticks come. Before `start`.
  void count_in(core::ThreadCounters& counters);
  void start();
  /// Returns when the thread has left its loop; posting stays safe until destruction.
  void join();

  Mailbox& mailbox() { return mailbox_; }
  /// When the loop last ticked; for the watchdog. Any thread.
  core::Instant alive_at() const { return {alive_ns_.load(std::memory_order_relaxed)}; }

 protected:
  virtual void on_start() {}
  void on_letter(Letter&& letter) override = 0;
  virtual void on_tick() = 0;
  virtual void on_turn_end() {}
  /// The loop has been left: close every handle of your own. Their last calls still come.
  virtual void on_stop() {}

  uv_loop_t* loop() { return &loop_; }
  /// As `count_in` was told; null: nobody looks.
  core::ThreadCounters* loop_counters() const { return loop_counters_; }
  /// Leaves the loop at the end of this turn.
  void stop();

 private:
  void run();
  void on_timer();
  void close_handles();

  const std::string name_;
  uv_loop_t loop_;
  // Before mailbox_: it hangs on the loop from construction on.
  const bool loop_ready_;
  Mailbox mailbox_;
  uv_timer_t tick_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_thread_t thread_;
  bool started_ = false;
  core::ThreadCounters* loop_counters_ = nullptr;
  std::atomic<int64_t> alive_ns_{0};
};

}  // namespace berth::net
