#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace berth::core {

/// Workers by index, ascending. A list that thousands of tasks have in common is kept once.
///
/// Threads  immutable; copies may be anywhere
/// Memory   4 bytes a worker, for all copies together
class WorkerList {
 public:
  WorkerList() = default;
  WorkerList(std::vector<uint32_t> workers)
      : workers_(
            workers.empty() ? nullptr
                            : std::make_shared<const std::vector<uint32_t>>(std::move(workers))) {}
  WorkerList(std::initializer_list<uint32_t> workers)
      : WorkerList(std::vector<uint32_t>(workers)) {}

  std::span<const uint32_t> all() const {
    return workers_ == nullptr ? std::span<const uint32_t>() : std::span(*workers_);
  }
  bool empty() const { return workers_ == nullptr; }
  bool contains(uint32_t worker) const {
    return std::binary_search(all().begin(), all().end(), worker);
  }
  /// The same for copies of one list, and for nothing else that lives.
  const void* identity() const { return workers_.get(); }

  friend bool operator==(const WorkerList& a, const WorkerList& b) {
    return a.workers_ == b.workers_ || std::ranges::equal(a.all(), b.all());
  }

 private:
  std::shared_ptr<const std::vector<uint32_t>> workers_;  ///< null: empty
};

}  // namespace berth::core
