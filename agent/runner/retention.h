#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "wire/ids.h"

namespace berth::agent {

struct RetentionLimits {
  int64_t seconds_max = 0;
  uint64_t bytes_max = 0;
  uint32_t tasks_max = 0;
};

/// Which settled tasks' outputs have been kept for long enough: oldest first, when there are too
/// many, too large or too old. Pure.
class Retention {
 public:
  explicit Retention(const RetentionLimits& limits) : limits_(limits) {}

  void add(const wire::AssignmentId& assignment, uint64_t bytes, int64_t settled_at_s) {
    kept_.push_back({assignment, bytes, settled_at_s});
    bytes_ += bytes;
  }

  /// The next to be removed; null: all may stay.
  std::optional<wire::AssignmentId> take(int64_t now_s) {
    if (kept_.empty()) return std::nullopt;
    Kept oldest = kept_.front();
    bool over = kept_.size() > limits_.tasks_max || bytes_ > limits_.bytes_max ||
                now_s - oldest.settled_at_s > limits_.seconds_max;
    if (!over) return std::nullopt;
    kept_.pop_front();
    bytes_ -= oldest.bytes;
    return oldest.assignment;
  }

 private:
  struct Kept {
    wire::AssignmentId assignment;
    uint64_t bytes = 0;
    int64_t settled_at_s = 0;
  };

  const RetentionLimits limits_;
  std::deque<Kept> kept_;
  uint64_t bytes_ = 0;
};

}  // namespace berth::agent
