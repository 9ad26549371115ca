#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/text_map.h"
#include "wire/job_messages.h"

namespace berth::core {

/// Submits by the request ids of their clients: a repetition gets the answer of the first.
///
/// Threads  one owner
/// Memory   about 150 bytes a submit, and 16 for each of its specs but the first
class SubmitBook {
 public:
  using Jobs = absl::InlinedVector<wire::JobRange, 1>;

  struct Submit {
    Jobs jobs;
    uint64_t digest = 0;  ///< of what was asked for; 0: not known
  };

  /// Null: not known.
  const Submit* find(std::string_view request) const {
    auto found = submits_.find(request);
    return found == submits_.end() ? nullptr : &found->second;
  }

  void add(std::string_view request, int64_t at_ms, Submit submit) {
    if (!submits_.emplace(request, std::move(submit)).second) return;
    ages_.push_back({at_ms, std::string(request)});
  }

  size_t size() const { return ages_.size(); }

  /// The oldest, when there are more than `kept` or it is from before `since_ms`; else empty.
  std::string take_old(size_t kept, int64_t since_ms) {
    if (ages_.empty() || (ages_.size() <= kept && ages_.front().at_ms >= since_ms)) return {};
    std::string request = std::move(ages_.front().request);
    ages_.pop_front();
    submits_.erase(request);
    return request;
  }

 private:
  struct Age {
    int64_t at_ms;
    std::string request;
  };

  TextMap<Submit> submits_;
  std::deque<Age> ages_;  ///< oldest first
};

}  // namespace berth::core
