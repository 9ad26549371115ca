#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/base/arena.h"
#include "core/base/time.h"
#include "core/placement/query.h"
#include "wire/messages.h"

namespace berth::core {

/// A reply or event for one connection, which may belong to another shard.
struct Outgoing {
  /// Made where it stays, from one kind of message: a Reply is three times the size of most kinds,
  /// and copying a whole one for each answer costs as much as a ping.
  template <typename Message>
  Outgoing(wire::ConnectionId to, wire::RequestId request, const Message& message)
      : to(to), request(request), message(message) {}

  wire::ConnectionId to;
  wire::RequestId request;
  wire::Reply message;
};

/// A Place request that found no place and asked to wait. Owns its bytes.
struct WaitForPlace {
  wire::ConnectionId from;
  wire::RequestId request;
  std::vector<std::byte>
      frame;  ///< payload of the Place, as it came; 8-byte aligned by the allocator
};

/// The connection is gone: whatever it waits for is forgotten.
struct CancelWaits {
  wire::ConnectionId from;
};

/// Capacity came back, or a worker came; what waits may fit now.
struct CapacityFreed {};

/// Something about a worker of the table has changed.
struct WorkerChanged {
  std::string worker;
  wire::WorkerChange change = wire::WorkerChange::Registered;
  WorkerIndex row;  ///< where it is in the table, and which use of that row
  uint32_t generation = 0;
  std::string reason = {};  ///< of the cordon or drain, or of the silence
};

using LedgerEvent = std::variant<WaitForPlace, CancelWaits, CapacityFreed, WorkerChanged>;

/// Nothing new is to be placed on this worker until then: it failed a job, or nobody speaks for it.
struct Cooldown {
  std::string worker;
  Instant until;  ///< in the past: it is over
};

/// What core wants done, in order. Cleared and reused by the loop at the end of every turn.
struct Effects {
  std::vector<Outgoing> messages;
  std::vector<LedgerEvent> ledger;
  std::vector<wire::ConnectionId> closes;  ///< after their messages have left
  std::vector<Cooldown> cooldowns;         ///< for the shards that own these workers
  /// The request of this step is the ledger's: to be sent there as it came.
  bool to_ledger = false;
  Arena text;  ///< keeps what `messages` point to
  /// Rows looked at on behalf of the peer, where that is far beyond what a placement or a heartbeat
  /// costs: some 30 ns each. Grows until the loop takes it.
  uint64_t looked_at = 0;

  template <typename Message>
  void send(wire::ConnectionId to, wire::RequestId request, const Message& message) {
    messages.emplace_back(to, request, message);
  }

  void clear() {
    messages.clear();
    ledger.clear();
    closes.clear();
    cooldowns.clear();
    to_ledger = false;
    text.clear();
  }
};

}  // namespace berth::core
