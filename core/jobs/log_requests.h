#pragma once

#include <absl/container/btree_map.h>

#include <cstdint>
#include <vector>

#include "core/jobs/job.h"
#include "wire/job_messages.h"

namespace berth::core {

/// Clients that wait for a piece of output, by the ticket under which its worker was asked.
///
/// Threads  one owner
struct LogRequest {
  wire::ConnectionId from;
  wire::RequestId request;
  WorkerNumber worker = kNoWorker;  ///< none: no attempt has started
  uint32_t attempt = 0;
};

struct LogRequests {
  absl::btree_map<uint64_t, LogRequest> by_ticket;
  uint64_t last_ticket = 0;
};

}  // namespace berth::core
