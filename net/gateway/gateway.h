#pragma once

#include "net/gateway/console_sessions.h"
#include "net/gateway/http_connections.h"
#include "net/gateway/switchboard.h"
#include "net/loop_thread.h"

namespace berth::net {

/// The thread for people and their programs: a shard without workers. It places and lists on the
/// shared tables itself and sends the rest to the owners, so a slow peer costs the shards nothing.
///
/// Threads  its own
class Gateway final : public LoopThread {
 public:
  /// Takes over `console_socket`, which listens; -1: no console.
  Gateway(
      wire::ShardId self,
      int console_socket,
      HttpOptions http,
      core::Tables& tables,
      const core::ServerIdentity& identity,
      const Post& post);

  /// Before `start` alone.
  core::TypicalTasks& typical_tasks() { return switchboard_.typical_tasks(); }

 private:
  void on_start() override;
  void on_letter(Letter&& letter) override;
  void on_tick() override;
  void on_turn_end() override;
  void on_stop() override;

  void on_drain();
  bool any_waiting() const { return console_.any_waiting() || http_.any_waiting(); }
  void go_on_draining();

  const Post& post_;
  Switchboard switchboard_;
  core::ThreadCounters& counters_;
  StreamLoop streams_;
  ConsoleSessions console_;
  HttpConnections http_;
  uint64_t drain_since_ms_ = 0;
  bool draining_ = false;
  bool finishing_ = false;
};

}  // namespace berth::net
