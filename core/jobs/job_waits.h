#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/jobs/range_index.h"
#include "wire/job_messages.h"

namespace berth::core {

/// Clients that wait until all of some jobs have ended.
///
/// Each knows how many of its jobs still live; what ends finds those it concerns by the index.
///
/// Threads  one owner
/// Memory   about 200 bytes a wait
class JobWaits {
 public:
  struct Wait {
    wire::ConnectionId from;
    wire::RequestId request;
    std::vector<wire::JobRange> jobs;  ///< sorted, apart from each other
    uint64_t left = 0;                 ///< elements that have not ended
  };

  uint64_t add(Wait wait) {
    const uint64_t id = ++last_;
    for (const wire::JobRange& range : wait.jobs)
      index_.add(range, id);
    by_connection_[wait.from].push_back(id);
    waits_.emplace(id, std::move(wait));
    return id;
  }

  Wait* find(uint64_t id) {
    auto found = waits_.find(id);
    return found == waits_.end() ? nullptr : &found->second;
  }

  void remove(uint64_t id) {
    auto found = waits_.find(id);
    if (found == waits_.end()) return;
    for (const wire::JobRange& range : found->second.jobs)
      index_.remove(range, id);
    auto of_connection = by_connection_.find(found->second.from);
    std::erase(of_connection->second, id);
    if (of_connection->second.empty()) by_connection_.erase(of_connection);
    waits_.erase(found);
  }

  std::vector<uint64_t> of(wire::ConnectionId connection) const {
    auto found = by_connection_.find(connection);
    return found == by_connection_.end() ? std::vector<uint64_t>{} : found->second;
  }

  std::vector<uint64_t> all() const {
    std::vector<uint64_t> ids;
    for (const auto& [id, wait] : waits_)
      ids.push_back(id);
    std::sort(ids.begin(), ids.end());  // the same events have to give the same state
    return ids;
  }

  /// These jobs ended (`by` -1) or live again (1); appends the waits for which none is left.
  void on_change(wire::JobId first, uint32_t count, int by, std::vector<uint64_t>& over);

  size_t size() const { return waits_.size(); }

 private:
  void change(uint64_t id, uint64_t elements, int by, std::vector<uint64_t>& over);

  absl::flat_hash_map<uint64_t, Wait> waits_;
  absl::flat_hash_map<wire::ConnectionId, std::vector<uint64_t>> by_connection_;
  RangeIndex index_;
  std::vector<uint64_t> found_;
  uint64_t last_ = 0;
};

}  // namespace berth::core
