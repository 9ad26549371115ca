#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "core/tables/counters.h"
#include "net/console/console_session.h"
#include "net/listener.h"

namespace berth::net {

/// The console's port and everybody on it.
///
/// Threads  the gateway's
/// Memory   `kSessionsMax` sessions
/// Errors   whatever goes wrong for a session is one `ERR` line there
class ConsoleSessions final : private Listener::Handler, private ConsoleHost {
 public:
  static constexpr size_t kSessionsMax = 64;

  /// Takes over `socket`, which listens; -1: no console. `software` outlives it; `open` says how
  /// many sessions there are.
  ConsoleSessions(
      StreamLoop& streams,
      int socket,
      Asker& asker,
      std::string_view software,
      core::ThreadCounters& counters,
      std::atomic<int64_t>& open);

  void start();
  void stop_listening() { listener_.stop(); }
  void on_turn_end();
  /// Applies the deadlines.
  void sweep();
  bool any_waiting() const;
  /// Ends all, after what they have been sent.
  void finish_all();
  /// Ends all at once.
  void close_all();
  size_t count() const { return sessions_.size(); }

 private:
  // Listener
  void on_accept(int socket) override;
  void on_accept_starved() override;
  // ConsoleHost
  void on_console_request(ConsoleSession& session, const wire::Request& request) override;
  void on_console_dirty(ConsoleSession& session) override;
  void on_console_closed(ConsoleSession& session) override;
  std::string_view software() const override { return software_; }

  void show_count();

  StreamLoop& streams_;
  Asker& asker_;
  const std::string_view software_;
  core::ThreadCounters& counters_;
  std::atomic<int64_t>& open_;
  const StreamLimits limits_;
  const bool listens_;
  Listener listener_;
  absl::flat_hash_map<wire::ConnectionId, std::unique_ptr<ConsoleSession>> sessions_;
  std::vector<wire::ConnectionId> dirty_;
  uint32_t requests_ = 0;
};

}  // namespace berth::net
