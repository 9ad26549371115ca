#pragma once

#include <span>
#include <utility>
#include <vector>

#include "core/effects.h"
#include "core/shard.h"
#include "core/tables/tables.h"
#include "net/mailbox.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/messages.h"

namespace berth::net {

/// A shard's way to the other threads: steps the core here or sends the frame to whoever must, and
/// sees that every effect gets where it belongs.
///
/// Threads  its loop's
/// Memory   one batch for each other thread, handed over at the end of every turn
/// Errors   a receiver whose mailbox is full means `Refused` Busy to the asker, at once
class Dispatcher {
 public:
  /// Where the answer to a request will come from; Given: it is there, or none is owed.
  enum class Answer : uint8_t { Given, FromShard, FromLedger };

  /// The owner of this thread's connections.
  class Local {
   public:
    virtual ~Local() = default;
    /// `message` is valid during the call only.
    virtual void deliver(
        wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) = 0;
    /// An answer from another thread, or, as Given, a message that was not asked for: a whole
    /// frame.
    virtual void deliver_frame(
        wire::ConnectionId to, std::span<const std::byte> frame, Answer from) = 0;
    /// End it after what it has been sent.
    virtual void end(wire::ConnectionId connection) = 0;
  };

  Dispatcher(
      wire::ShardId self,
      core::Tables& tables,
      const core::ServerIdentity& identity,
      const Post& post,
      Local& local);

  /// Unless Given, `deliver_frame` will be called once for it, or the connection is closed before.
  Answer on_request(
      core::Now now,
      wire::ConnectionId from,
      wire::RequestId id,
      const wire::Request& request,
      std::span<const std::byte> payload);
  void on_closed(wire::ConnectionId connection);
  void on_requests(core::Now now, const RequestBatch& batch);
  void on_replies(const ReplyBatch& batch);
  void on_cooldowns(core::Now now, const CooldownBatch& batch);
  void on_standstill(core::Now now) { shard_.on_standstill(now); }
  void on_tick(core::Now now);
  void on_turn_end();

  /// From now on nothing may wait: who asks to is refused.
  void on_drain() { draining_ = true; }

  /// Rows that were looked at on behalf of peers since this was last asked.
  uint64_t take_looked_at() { return std::exchange(effects_.looked_at, 0); }

  core::TypicalTasks& typical_tasks() { return shard_.typical_tasks(); }
  core::ThreadCounters& counters() { return counters_; }

 private:
  void step(
      core::Now now,
      wire::ConnectionId from,
      wire::RequestId id,
      const wire::Request& request,
      std::span<const std::byte> payload);
  void apply_effects();
  void send(wire::ConnectionId to, wire::RequestId request, const wire::Reply& message);
  void take_ledger_events();
  void send_to_ledger(
      wire::ConnectionId from,
      wire::RequestId id,
      const wire::Request& request,
      std::span<const std::byte> payload);

  const wire::ShardId self_;
  core::Tables& tables_;
  core::ThreadCounters& counters_;
  const Post& post_;
  Local& local_;
  core::Shard shard_;
  core::Effects effects_;
  wire::Encoder encoder_;
  wire::Decoder decoder_;
  wire::Request forwarded_;
  uint32_t places_ = 0;  // requests, to measure some of them
  bool waits_ = false;   // the ledger will answer the request of the step under way
  bool draining_ = false;
  bool capacity_freed_ = false;
  std::vector<std::vector<std::byte>> requests_out_;  // by receiving shard
  std::vector<std::vector<std::byte>> replies_out_;
  std::vector<std::byte> ledger_requests_out_;
  std::vector<core::LedgerEvent> ledger_out_;
};

/// Brings the process's gauges (memory, processor time) up to date, for whoever asks now.
void refresh_gauges(core::Gauges& gauges);

}  // namespace berth::net
