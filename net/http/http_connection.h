#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/http/http_parser.h"
#include "net/http/http_response.h"
#include "net/tcp_stream.h"
#include "wire/ids.h"

namespace berth::net {

class HttpConnection;

/// Who answers the requests.
class HttpHost {
 public:
  virtual ~HttpHost() = default;
  /// A whole request: `connection.request()`. It is answered by `respond`, or by `begin` … `end`,
  /// inside this call or later; the next one of the connection is not looked at before.
  virtual void on_http_request(HttpConnection& connection) = 0;
  /// What is no request, as the parser says; answer it with `status` and nothing else will come.
  virtual void on_http_bad(HttpConnection& connection, int status, std::string_view problem) = 0;
  /// A streamed answer can take more: `writable()` is true again.
  virtual void on_http_writable(HttpConnection& connection) = 0;
  /// It has output or held-back input: call `proceed` at the end of the turn.
  virtual void on_http_dirty(HttpConnection& connection) = 0;
  /// The last call.
  virtual void on_http_closed(HttpConnection& connection) = 0;
};

/// One HTTP/1.1 (or 1.0) connection of a client: requests in, answers out in the same order.
///
/// Shape    one request at a time; what is pipelined behind it waits, unparsed
/// Threads  the loop's
/// Memory   idle: this object; else one request (`HttpLimits`) and the unsent bytes
/// (`StreamLimits`) Errors   slow heads and bodies get 408 and the end; a peer that does not read
/// is cut off
class HttpConnection final : public TcpStream {
 public:
  HttpConnection(
      StreamLoop& shared,
      const StreamLimits& stream_limits,
      const HttpLimits& http_limits,
      HttpHost& host);

  HttpRequest& request() { return parser_.request(); }

  // Either: one whole answer. Adds Date, Content-Length, and Connection where it is needed; leaves
  // the body out for HEAD, 204 and 304; gzips a large one that may be.
  void respond(const HttpResponse& response);

  // Or: an answer whose length nobody knows yet, in chunks (plain bytes to the end for HTTP/1.0).
  void begin(const HttpResponse& head);
  void write(std::string_view piece);
  /// False: the peer has enough to read; wait for `on_http_writable`.
  bool writable() const { return live() && !congested(); }
  void end();
  bool streaming() const { return streaming_; }

  /// After the answer under way the connection ends.
  void close_after() { close_after_ = true; }

  /// Looks at what is pipelined, sends what is ready. Call at the end of a turn in which it was
  /// dirty.
  void proceed();
  /// Applies the deadlines. Call about once a second.
  void sweep_all();
  /// A request is being worked on.
  bool waiting() const { return waiting_; }

  wire::ConnectionId id;
  bool dirty = false;  ///< for the host

 private:
  Taken on_input(std::span<const std::byte> input) override;
  void on_end(std::span<const std::byte> rest) override;
  void on_closed(CloseReason) override { host_.on_http_closed(*this); }
  bool busy() const override { return waiting_; }

  HttpHost& host_;
  const HttpLimits& http_limits_;
  HttpParser parser_;
  uint64_t since_ms_ = 0;
  bool waiting_ = false;
  bool streaming_ = false;
  bool close_after_ = false;
};

}  // namespace berth::net
