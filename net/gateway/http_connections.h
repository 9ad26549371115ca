#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <memory>
#include <vector>

#include <uv.h>

#include "core/tables/counters.h"
#include "net/api/services.h"
#include "net/gateway/http_exchange.h"
#include "net/listener.h"

namespace berth::net {

/// Where and for whom HTTP is served.
struct HttpOptions {
  int socket = -1;  ///< listens; -1: nowhere
  AccessRules rules;
  uint32_t connections_max = 2'048;
  core::Duration heartbeat_timeout = core::Duration::seconds(60);  ///< of HDCF workers
  size_t bodies_bytes_max = 256u << 20;  ///< of all requests that are not answered yet
  HttpLimits limits;
};

/// The HTTP port and everybody on it.
///
/// Shape    an exchange for each connection; one request of each is handled in a turn, so that who
///          pipelines many waits no less than who sends one
/// Threads  the gateway's
/// Memory   `connections_max` exchanges, with `bodies_bytes_max` of input and some own KiB each
/// Errors   who comes when all are taken is told so with 503
class HttpConnections final : private Listener::Handler, private HttpExchangeOwner {
 public:
  /// Takes over the socket.
  HttpConnections(
      StreamLoop& streams,
      HttpOptions options,
      Asker& asker,
      core::Tables& tables,
      const core::ServerIdentity& identity,
      core::ThreadCounters& counters);

  void start();
  /// `store_is_full`: so much waits to be written that new jobs are refused.
  void on_tick(bool store_is_full);
  void on_turn_end();

  /// No new connections and no new streams; what is in flight is answered.
  void on_drain();
  bool any_waiting() const;
  /// Ends all, after what they have been sent.
  void finish_all();
  /// Ends all at once; before the loop's last turns.
  void stop();
  size_t count() const { return exchanges_.size(); }

 private:
  // Listener
  void on_accept(int socket) override;
  void on_accept_starved() override;
  // HttpExchangeOwner
  void on_exchange_dirty(HttpExchange& exchange) override;
  void on_exchange_answered(int status) override;
  void on_exchange_closed(HttpExchange& exchange) override;

  void refuse(HttpConnection& connection);
  void show_count();
  void sleep_until_due();

  StreamLoop& streams_;
  const HttpOptions options_;
  core::ThreadCounters& counters_;
  std::atomic<int64_t>& open_;
  const StreamLimits limits_;
  HttpBudget budget_;
  Services services_;
  HttpDesk desk_;
  Listener listener_;
  uv_idle_t idle_;
  uv_timer_t due_;
  bool started_ = false;
  uint64_t swept_ms_ = 0;
  absl::flat_hash_map<const HttpExchange*, std::unique_ptr<HttpExchange>> exchanges_;
  std::vector<HttpExchange*> dirty_;
  std::vector<HttpExchange*> turn_;
};

}  // namespace berth::net
