#pragma once

#include <cstdint>
#include <memory>

#include "core/base/time.h"
#include "core/effects.h"
#include "core/placement/typical_tasks.h"
#include "core/settings.h"
#include "core/tables/tables.h"
#include "wire/messages.h"

namespace berth::core {

/// What every connection is greeted with and judged by.
struct ServerIdentity {
  std::string software;
  std::string token;  ///< empty: none is asked for
  uint64_t epoch = 0;
  uint32_t max_frame_bytes = 0;
};

/// One shard: decides on every message, on the thread that read it.
///
/// The gateway has one too: it owns no workers, and places and lists like any other shard.
///
/// Threads  one; it shares `Tables` with the other shards as their headers say
/// Memory   a word for each connection that the ledger knows; replies point into `effects.text`,
///          `request` and the shard itself
/// Errors   a request that cannot be done is answered `Refused`; nothing a peer sends is a CHECK
class Shard {
 public:
  Shard(wire::ShardId self, Tables& tables, const ServerIdentity& identity);
  ~Shard();

  /// The shard that must handle `request`: the owner of the worker it names, else this one.
  /// The loop posts the frame there; the answer finds its way by the ConnectionId.
  wire::ShardId home_of(const wire::Request& request) const;

  /// The one switch. `payload` is the frame `request` was decoded from; a request that has to wait
  /// takes a copy of it along.
  void step(
      Now now,
      wire::ConnectionId from,
      wire::RequestId id,
      const wire::Request& request,
      std::span<const std::byte> payload,
      Effects& effects);

  /// A connection of this shard has ended.
  void on_closed(wire::ConnectionId connection, Effects& effects);

  /// The ledger wants nothing to be placed on this worker of this shard until then.
  void on_cooldown(Now now, const Cooldown& cooldown, Effects& effects);

  /// The process stood still until `now` (stopped, or starved of its processor): what workers said
  /// meanwhile has not been read yet. Call it before the next `on_tick`.
  void on_standstill(Now now);

  /// Ages this shard's workers and expires its part of the reservations. Call every 50 to 100 ms.
  void on_tick(Now now, Effects& effects);

  /// What fragmentation is measured against by policy fgd; to be fixed before the first event.
  TypicalTasks& typical_tasks();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::core
