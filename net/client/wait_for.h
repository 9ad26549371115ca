#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "net/client/client.h"

namespace berth::client {

/// One answer on its way to a thread that waits for it; lives on that thread's stack, which every
/// request outlives because each gets exactly one answer.
template <typename T>
class Waiter {
 public:
  Callback<T> callback() {
    return [this](Result<T> result) {
      std::lock_guard lock(mutex_);
      result_ = std::move(result);
      arrived_.notify_one();
    };
  }

  Result<T> wait() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return result_.has_value(); });
    return std::move(*result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<Result<T>> result_;
};

/// `ask(callback)`, then the answer.
template <typename T, typename Ask>
Result<T> wait_for(const Client& client, const Ask& ask) {
  if (client.on_loop_thread()) {
    return Error{
        .code = ErrorCode::BadArgument,
        .message = "a blocking call in a callback would wait for itself; use the asynchronous one"};
  }
  Waiter<T> waiter;
  ask(waiter.callback());
  return waiter.wait();
}

}  // namespace berth::client
