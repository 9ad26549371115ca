#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "net/connection.h"
#include "net/dispatcher.h"
#include "net/frame_stream.h"
#include "net/listener.h"
#include "net/loop_thread.h"
#include "net/slot_table.h"

namespace berth::net {

/// What a shard's loop allows its peers.
struct ShardLimits {
  StreamLimits stream;
  uint32_t connections_max = 16'384;  ///< over the whole process
  uint32_t handshake_ms = 5'000;
};

/// One shard: its listening socket, its connections, its part of the workers, on one thread.
///
/// Shape    a turn of the loop: every readable connection's frames are decoded, decided and
/// answered
///          one after the other; then each connection with answers gets one write, and each other
///          thread one letter
/// Threads  the constructor and `alive_at` anywhere; the rest on its own thread
/// Memory   limits.connections_max streams, each as `StreamLimits` says
/// Errors   a bad peer is told why if possible, counted by reason, and closed
class ShardLoop final : public LoopThread,
                        private Listener::Handler,
                        private FrameHandler,
                        private Dispatcher::Local {
 public:
  /// Takes over `socket`, which listens.
  ShardLoop(
      wire::ShardId self,
      int socket,
      core::Tables& tables,
      const core::ServerIdentity& identity,
      const ShardLimits& limits,
      const Post& post);

  /// Before `start` alone.
  core::TypicalTasks& typical_tasks() { return dispatcher_.typical_tasks(); }

 private:
  // LoopThread
  void on_start() override;
  void on_letter(Letter&& letter) override;
  void on_tick() override;
  void on_turn_end() override;
  void on_stop() override;
  // Listener
  void on_accept(int socket) override;
  void on_accept_starved() override;
  // FrameHandler
  void on_frame(FrameStream& stream, const wire::Frame& frame) override;
  void on_bad_frame(FrameStream& stream, wire::FrameStatus status) override;
  void on_end(FrameStream& stream) override;
  void on_closed(FrameStream& stream, CloseReason reason) override;
  // Dispatcher
  void deliver(wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) override;
  void deliver_frame(
      wire::ConnectionId to, std::span<const std::byte> frame, Dispatcher::Answer from) override;
  void end(wire::ConnectionId connection) override;

  core::Now now();
  void on_undecodable(Connection& connection, wire::RequestId id, wire::DecodeStatus status);
  void refuse(
      Connection& connection, wire::RequestId id, wire::Refusal code, std::string_view message);
  void count_placement(Dispatcher::Answer answer);
  void measure_turn();
  void await(Connection& connection, wire::RequestId id, Dispatcher::Answer from);
  void arrived(Connection& connection, std::span<const std::byte> frame);
  void mark_dirty(Connection& connection);
  void charge(Connection& connection);
  void rest(Connection& connection);
  void wake_rested();
  void settle(Connection& connection);
  void close_slow_handshakes();
  void sweep();
  void on_drain();
  void go_on_draining();

  const ShardLimits limits_;
  core::Tables& tables_;
  Dispatcher dispatcher_;
  core::ThreadCounters& counters_;
  StreamLoop streams_;
  SlotTable<Connection> connections_;
  Listener listener_;
  wire::Decoder decoder_;
  wire::Encoder encoder_;
  wire::Request request_;  // reused: decoding does not allocate
  core::Now now_;
  bool now_known_ = false;  // since the start of this turn
  core::Instant ticked_;    // last, or the start
  std::vector<wire::ConnectionId> dirty_;
  std::vector<wire::ConnectionId> flushing_;
  // Had their share of this turn; they go on in the next one, which idle_ makes come at once.
  std::vector<wire::ConnectionId> resting_;
  std::vector<wire::ConnectionId> waking_;
  uv_idle_t idle_;
  uint32_t turn_ = 1;
  uint64_t looked_at_ = 0;  // in this turn
  uint32_t placed_ = 0;     // placements answered in this turn
  uint32_t placing_turns_ = 0;
  std::deque<wire::ConnectionId> handshakes_;  // oldest first
  size_t sweep_slot_ = 0;
  uint32_t refused_now_ = 0;  // connections that only hear their refusal
  uint64_t awaited_ = 0;
  uint64_t drain_since_ms_ = 0;
  bool draining_ = false;
  bool finishing_ = false;
};

}  // namespace berth::net
