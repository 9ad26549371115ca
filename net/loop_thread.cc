#include "net/loop_thread.h"

#include <pthread.h>

#include "core/base/check.h"
#include "net/log/log.h"
#include "net/loop_clock.h"

namespace berth::net {

LoopThread::LoopThread(std::string name)
    : name_(std::move(name)), loop_ready_(uv_loop_init(&loop_) == 0), mailbox_(&loop_, *this) {
  BERTH_CHECK(loop_ready_);
  alive_ns_.store(LoopClock::mono().ns, std::memory_order_relaxed);
  tick_.data = prepare_.data = check_.data = this;
  uv_timer_init(&loop_, &tick_);
  uv_prepare_init(&loop_, &prepare_);
  uv_check_init(&loop_, &check_);
}

LoopThread::~LoopThread() {
  join();
  close_handles();
}

void LoopThread::count_in(core::ThreadCounters& counters) {
  loop_counters_ = &counters;
  counters.mailbox_bytes = &mailbox_.bytes();
}

void LoopThread::start() {
  const uv_thread_options_t options = {UV_THREAD_HAS_STACK_SIZE, 256 * 1024};
  const int status = uv_thread_create_ex(
      &thread_, &options, [](void* self) { static_cast<LoopThread*>(self)->run(); }, this);
  BERTH_CHECK(status == 0);
  started_ = true;
}

void LoopThread::join() {
  if (!started_) return;
  uv_thread_join(&thread_);
  started_ = false;
}

void LoopThread::run() {
  pthread_setname_np(pthread_self(), name_.c_str());
  log::name_thread(name_.c_str());
  on_start();
  alive_ns_.store(LoopClock::mono().ns, std::memory_order_relaxed);
  const auto tick = [](uv_timer_t* handle) {
    static_cast<LoopThread*>(handle->data)->on_timer();
  };
  uv_timer_start(&tick_, tick, kTick.ms(), kTick.ms());
  // Twice a turn: timers and finished writes come before the loop sleeps, sockets and letters
  // after.
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    static_cast<LoopThread*>(handle->data)->on_turn_end();
  });
  uv_check_start(
      &check_, [](uv_check_t* handle) { static_cast<LoopThread*>(handle->data)->on_turn_end(); });
  uv_run(&loop_, UV_RUN_DEFAULT);
  on_stop();
  // One turn ends what was closed; the second what ended with it.
  uv_run(&loop_, UV_RUN_NOWAIT);
  uv_run(&loop_, UV_RUN_NOWAIT);
}

void LoopThread::on_timer() {
  const core::Instant now = LoopClock::mono();
  const core::Instant last = alive_at();
  alive_ns_.store(now.ns, std::memory_order_relaxed);
  if (loop_counters_ != nullptr) {
    loop_counters_->measure(core::Measure::LoopLag, now - last - kTick);
  }
  on_tick();
}

void LoopThread::stop() {
  uv_stop(&loop_);
}

void LoopThread::close_handles() {
  mailbox_.close();
  uv_close(reinterpret_cast<uv_handle_t*>(&tick_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);
  BERTH_CHECK(uv_loop_close(&loop_) == 0);
}

}  // namespace berth::net
