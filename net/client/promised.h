#pragma once

#include <future>
#include <memory>
#include <utility>

#include "net/client/client.h"

namespace berth::client {

/// A callback, and the future that it fulfils.
template <typename T>
std::pair<Callback<T>, std::future<Result<T>>> promised() {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  std::future<Result<T>> future = promise->get_future();
  return {
      [promise](Result<T> result) { promise->set_value(std::move(result)); }, std::move(future)};
}

}  // namespace berth::client
