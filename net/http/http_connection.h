#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http/http_parser.h"
#include "net/http/http_response.h"
#include "net/tcp_stream.h"
#include "wire/ids.h"

namespace berth::net {

class HttpConnection;
class HttpGzip;

/// Who answers the requests.
class HttpHost {
 public:
  virtual ~HttpHost() = default;
  /// A whole request: `connection.request()`, which is there until it is answered. It is answered
  /// by `respond`, or by `begin` … `end`, inside this call or later; the next one of the connection
  /// is not looked at before.
  virtual void on_http_request(HttpConnection& connection) = 0;
  /// What is no request, as the parser says, or came too slowly (408); answer it with `status`, and
  /// nothing else will come.
  virtual void on_http_bad(HttpConnection& connection, int status, std::string_view problem) = 0;
  /// A streamed answer can take more: `writable()` is true again.
  virtual void on_http_writable(HttpConnection& connection) = 0;
  /// It has output or held-back input: call `proceed` at the end of the turn.
  virtual void on_http_dirty(HttpConnection& connection) = 0;
  /// The last call.
  virtual void on_http_closed(HttpConnection& connection) = 0;
};

/// What the connection's stream may cost: an answer may be large, for a peer that does not read is
/// not worked for while it has `unsent_pause_bytes` to read.
StreamLimits http_stream_limits();

/// One HTTP/1.1 (or 1.0) connection of a client: requests in, answers out in the same order.
///
/// Shape    one request at a time; what is pipelined behind it waits, unparsed
/// Threads  the loop's
/// Memory   idle: this object; else one request (`HttpLimits`), `kHeldMax` and one read of what is
///          pipelined, both within the budget, and the unsent bytes (`StreamLimits`)
/// Errors   slow heads and bodies get 408 and the end; a peer that does not read is cut off
class HttpConnection final : public TcpStream {
 public:
  static constexpr size_t kHeldMax = 64 * 1024;
  /// Requests that are looked at in one go; others of the loop have their turn before the next.
  static constexpr int kServedMax = 32;

  HttpConnection(
      StreamLoop& shared,
      const StreamLimits& stream_limits,
      const HttpLimits& http_limits,
      HttpBudget& budget,
      HttpHost& host);
  ~HttpConnection() override;

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
  void on_sent() override;
  void on_end(std::span<const std::byte> rest) override;
  void on_closed(CloseReason) override { host_.on_http_closed(*this); }
  bool busy() const override { return held_.size() - held_at_ > kHeldMax; }

  size_t run(std::string_view input);
  void hold(std::string_view input);
  void run_held();
  void on_request();
  void on_bad(int status, std::string_view problem);
  void answered();
  void put_head(const HttpResponse& head, std::string_view coding, size_t body_bytes, bool vary);
  void put_chunk(std::string_view piece);

  HttpHost& host_;
  const HttpLimits& http_limits_;
  StreamLoop& loop_;
  HttpParser parser_;
  std::unique_ptr<HttpGzip> gzip_;  // of the answer that is streamed
  std::string held_;                // input behind the request that is worked on, from held_at_ on
  HttpShare held_share_;
  size_t held_at_ = 0;
  uint64_t since_ms_ = 0;    // of what a deadline counts from
  bool in_request_ = false;  // as of the last look
  bool in_body_ = false;
  bool waiting_ = false;
  bool streaming_ = false;
  bool chunked_ = false;
  bool bodiless_ = false;  // the streamed answer is to HEAD
  bool starved_ = false;   // the host waits for `on_http_writable`
  bool close_after_ = false;
  bool ended_ = false;  // the peer's side
  uint64_t ended_ms_ = 0;
};

}  // namespace berth::net
