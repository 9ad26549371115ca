#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text_map.h"
#include "wire/job_messages.h"

namespace berth::core {

/// Submits by the request ids of their clients: a repetition gets the answer of the first.
///
/// Threads  one owner
/// Memory   about 150 bytes a submit, and 16 for each of its specs
class SubmitBook {
 public:
  using Jobs = std::vector<wire::JobRange>;

  /// Null: not known.
  const Jobs* find(std::string_view request) const {
    auto found = jobs_.find(request);
    return found == jobs_.end() ? nullptr : &found->second;
  }

  void add(std::string_view request, int64_t at_ms, Jobs jobs) {
    if (!jobs_.emplace(request, std::move(jobs)).second) return;
    ages_.push_back({at_ms, std::string(request)});
  }

  size_t size() const { return ages_.size(); }

  /// The oldest, when there are more than `kept` or it is from before `since_ms`; else empty.
  std::string take_old(size_t kept, int64_t since_ms) {
    if (ages_.empty() || (ages_.size() <= kept && ages_.front().at_ms >= since_ms)) return {};
    std::string request = std::move(ages_.front().request);
    ages_.pop_front();
    jobs_.erase(request);
    return request;
  }

 private:
  struct Age {
    int64_t at_ms;
    std::string request;
  };

  TextMap<Jobs> jobs_;
  std::deque<Age> ages_;  ///< oldest first
};

}  // namespace berth::core
