#pragma once

#include <absl/container/btree_map.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "wire/ids.h"

namespace berth::core {

/// Where a request stands: higher priority first, then the one that came first.
struct Turn {
  int32_t priority = 0;
  uint64_t ticket = 0;  ///< grows with every arrival; never 0 for a real one

  friend bool operator==(const Turn&, const Turn&) = default;
  friend bool operator<(const Turn& a, const Turn& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.ticket < b.ticket;
  }
};

/// One Place request that waits, with the frame it came in.
struct WaitingRequest {
  wire::ConnectionId from;
  wire::RequestId request;
  std::vector<std::byte> frame;
  Instant deadline;
  Instant since = {};  ///< when it came
};

/// The requests that wait, in the order in which they are served.
///
/// Shape    trees by turn, by deadline and by connection over the same requests: every change is
///          O(log n). References stay valid until that request is removed
/// Threads  one owner
class WaitingLine {
 public:
  using Requests = std::map<Turn, WaitingRequest>;

  size_t size() const { return requests_.size(); }
  bool empty() const { return requests_.empty(); }
  const Requests& in_order() const { return requests_; }
  /// The one that came first; null: there is none.
  const WaitingRequest* oldest() const;

  /// Puts the request at the end of its priority; its ticket.
  uint64_t add(int32_t priority, WaitingRequest&& request);

  /// Null when it was served, timed out or cancelled. The frame stays the caller's to read.
  const Requests::value_type* find(uint64_t ticket) const;

  void remove(Turn turn);

  /// Removes everything that this connection waits for; how many that was.
  size_t remove_all_of(wire::ConnectionId from);

  /// Whether somebody's deadline is `now` or earlier.
  bool any_due(Instant now) const;

  /// The turns of at most `limit` requests whose deadline is `now` or earlier, earliest first.
  std::vector<Turn> due(Instant now, size_t limit) const;

 private:
  Requests requests_;
  std::set<std::pair<Instant, Turn>> by_deadline_;
  std::set<std::pair<wire::ConnectionId, Turn>> by_connection_;
  absl::btree_map<uint64_t, int32_t> priority_of_;
  uint64_t tickets_ = 0;
};

}  // namespace berth::core
