#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/jobs/job.h"
#include "wire/job_messages.h"

namespace berth::core {

struct LogRequest {
  wire::ConnectionId from;
  wire::RequestId request;
  WorkerNumber worker = kNoWorker;  ///< none: no attempt has started
  uint32_t attempt = 0;
};

/// Clients that wait for a piece of output, by the ticket under which its worker was asked.
///
/// Threads  one owner
class LogRequests {
 public:
  using ByTicket = absl::btree_map<uint64_t, LogRequest>;

  uint64_t add(const LogRequest& asked) {
    ++of_connection_[asked.from];
    by_ticket_.emplace(++last_ticket_, asked);
    return last_ticket_;
  }

  const LogRequest* find(uint64_t ticket) const {
    auto found = by_ticket_.find(ticket);
    return found == by_ticket_.end() ? nullptr : &found->second;
  }

  void remove(uint64_t ticket) {
    auto found = by_ticket_.find(ticket);
    if (found != by_ticket_.end()) erase(found);
  }

  /// Those that went, in order.
  template <typename Predicate>
  std::vector<std::pair<uint64_t, LogRequest>> remove_if(Predicate goes) {
    std::vector<std::pair<uint64_t, LogRequest>> gone;
    for (auto at = by_ticket_.begin(); at != by_ticket_.end();) {
      if (goes(at->second)) {
        gone.emplace_back(at->first, at->second);
        at = erase(at);
      } else {
        ++at;
      }
    }
    return gone;
  }

  void clear() {
    by_ticket_.clear();
    of_connection_.clear();
  }

  size_t count_of(wire::ConnectionId connection) const {
    auto found = of_connection_.find(connection);
    return found == of_connection_.end() ? 0 : found->second;
  }
  size_t size() const { return by_ticket_.size(); }
  const ByTicket& by_ticket() const { return by_ticket_; }

 private:
  ByTicket::iterator erase(ByTicket::iterator at) {
    auto count = of_connection_.find(at->second.from);
    if (--count->second == 0) of_connection_.erase(count);
    return by_ticket_.erase(at);
  }

  ByTicket by_ticket_;
  absl::flat_hash_map<wire::ConnectionId, uint32_t> of_connection_;
  uint64_t last_ticket_ = 0;
};

}  // namespace berth::core
