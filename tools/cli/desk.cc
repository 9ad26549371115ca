#include "tools/cli/desk.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace berth::cli {

Desk::Desk(std::function<void()> on_interrupt) : on_interrupt_(std::move(on_interrupt)) {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
  signal_fd_ = signalfd(-1, &interrupt, SFD_CLOEXEC | SFD_NONBLOCK);
  event_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

Desk::~Desk() {
  close(signal_fd_);
  close(event_fd_);
}

void Desk::post(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the bell has rung.
  (void)!write(event_fd_, &one, sizeof(one));
}

void Desk::after(std::chrono::milliseconds delay, std::function<void()> task) {
  due_at_ = Clock::now() + delay;
  due_ = std::move(task);
}

int Desk::wait_ms() const {
  if (!due_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_at_ - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

void Desk::take_signals() {
  signalfd_siginfo info;
  while (!left_ && read(signal_fd_, &info, sizeof(info)) == sizeof(info))
    on_interrupt_();
}

void Desk::run_posted() {
  uint64_t rung = 0;
  (void)!read(event_fd_, &rung, sizeof(rung));
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (const std::function<void()>& task : tasks) {
    if (!left_) task();
  }
}

void Desk::run_due() {
  if (!due_ || Clock::now() < due_at_) return;
  std::exchange(due_, nullptr)();
}

void Desk::run() {
  while (!left_) {
    pollfd from[] = {{signal_fd_, POLLIN, 0}, {event_fd_, POLLIN, 0}};
    (void)poll(from, 2, wait_ms());  // an error is a signal, which is looked for below
    take_signals();
    if (!left_) run_posted();
    if (!left_) run_due();
  }
}

}  // namespace berth::cli
