#pragma once

#include <string>
#include <vector>

#include "net/console/console_session.h"
#include "net/dispatcher.h"
#include "net/listener.h"
#include "net/loop_thread.h"
#include "net/slot_table.h"

namespace berth::net {

/// The thread for people: a shard without workers whose connections speak the console's lines.
/// It places and lists on the shared tables itself and sends the rest to the owners, so a slow
/// session costs the shards nothing.
///
/// Threads  its own
/// Memory   `kSessionsMax` sessions
/// Errors   whatever goes wrong for a session is one `ERR` line there
class Gateway final : public LoopThread,
                      private Listener::Handler,
                      private Dispatcher::Local,
                      private ConsoleHost {
 public:
  static constexpr size_t kSessionsMax = 64;

  /// Takes over `console_socket`, which listens; -1: no console.
  Gateway(
      wire::ShardId self,
      int console_socket,
      core::Tables& tables,
      const core::ServerIdentity& identity,
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
  // Dispatcher
  void deliver(wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) override;
  void deliver_frame(
      wire::ConnectionId to, std::span<const std::byte> frame, Dispatcher::Answer from) override;
  void end(wire::ConnectionId connection) override;
  // Console
  void on_console_request(ConsoleSession& session, const wire::Request& request) override;
  void on_console_dirty(ConsoleSession& session) override;
  void on_console_closed(ConsoleSession& session) override;
  std::string_view software() const override { return identity_.software; }

  bool any_waiting();
  void go_on_draining();

  const core::ServerIdentity& identity_;
  const StreamLimits limits_;
  const bool has_console_;
  Dispatcher dispatcher_;
  core::ThreadCounters& counters_;
  StreamLoop streams_;
  SlotTable<ConsoleSession> sessions_;
  Listener listener_;
  wire::Decoder decoder_;
  wire::Encoder encoder_;
  wire::Reply reply_;
  std::vector<std::byte> frame_;
  std::vector<wire::ConnectionId> dirty_;
  uint32_t requests_ = 0;
  uint64_t drain_since_ms_ = 0;
  bool draining_ = false;
  bool finishing_ = false;
};

}  // namespace berth::net
