#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "net/http/http_connection.h"
#include "net/listener.h"

namespace berth::net {

/// A real HTTP server on a loop of its own, with a few paths that show what a connection does:
///
///     /echo           method, path and body of the request
///     /later          the same, in a later turn of the loop
///     /large?BYTES    so many bytes of text
///     /stream?BYTES   the same, in pieces of 4 KiB, as fast as they are read
///     /never          nothing
///
/// What is bad is answered with the parser's sentence.
class HttpLab : private Listener::Handler, private HttpHost {
 public:
  explicit HttpLab(const HttpLimits& http_limits = {});
  ~HttpLab() override;

  const std::string& address() const { return address_; }
  std::atomic<size_t> requests{0};
  std::atomic<size_t> connections{0};
  std::atomic<size_t> unsent_most{0};
  std::atomic<size_t> ended{0};

  StreamLimits stream_limits = http_stream_limits();  // before the first connection
  HttpBudget budget;                                  // so, too

 private:
  void on_accept(int socket) override;
  void on_accept_starved() override {}
  void on_http_request(HttpConnection& connection) override;
  void on_http_bad(HttpConnection& connection, int status, std::string_view problem) override;
  void on_http_writable(HttpConnection& connection) override { stream(connection); }
  void on_http_dirty(HttpConnection& connection) override { dirty_.push_back(&connection); }
  void on_http_closed(HttpConnection& connection) override;

  void echo(HttpConnection& connection);
  void stream(HttpConnection& connection);
  void on_turn_end();
  void sweep();

  const HttpLimits limits_;
  uv_loop_t loop_;
  uv_timer_t sweep_;
  uv_check_t turn_end_;
  uv_async_t stop_;
  std::unique_ptr<StreamLoop> shared_;
  std::unique_ptr<Listener> listener_;
  std::string address_;
  std::map<HttpConnection*, std::unique_ptr<HttpConnection>> all_;
  std::map<HttpConnection*, size_t> left_;  // to stream
  std::vector<HttpConnection*> dirty_, later_;
  std::thread thread_;
};

}  // namespace berth::net
