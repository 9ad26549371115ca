#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "net/api/auth.h"
#include "net/api/exchange.h"
#include "net/api/router.h"
#include "net/api/services.h"
#include "net/gateway/stream_pace.h"
#include "net/http/http_connection.h"

namespace berth::net {

class HttpExchange;

/// What all exchanges of the gateway share.
struct HttpDesk {
  HttpDesk(Services& services, AccessRules rules);

  Services& services;
  const Router router;
  const Doorman doorman;
  JsonReader body;
  JsonOut json;
  StreamPace pace;
};

/// Who owns the exchanges.
class HttpExchangeOwner {
 public:
  virtual ~HttpExchangeOwner() = default;
  /// It has output or held-back input: call `proceed` at the end of the turn.
  virtual void on_exchange_dirty(HttpExchange& exchange) = 0;
  /// A request was answered, with this status.
  virtual void on_exchange_answered(int status) = 0;
  /// Its connection has ended; delete it.
  virtual void on_exchange_closed(HttpExchange& exchange) = 0;
};

/// One client's connection and the request it is at: finds the route, checks, calls the handler,
/// and brings what the service answers to the handler's continuation.
///
/// Shape    lives as long as the connection, and is used for one request after the other
/// Threads  the gateway's
/// Memory   idle: this object, and a seat at the service once it has asked something
/// Errors   whatever is wrong with a request is a problem, in the words of the API it was for
class HttpExchange final : public Exchange, public Peer, private HttpHost, private PacedStream {
 public:
  HttpExchange(
      HttpDesk& desk,
      HttpExchangeOwner& owner,
      StreamLoop& streams,
      const StreamLimits& stream_limits,
      const HttpLimits& http_limits,
      HttpBudget& budget);

  HttpConnection& connection() { return connection_; }
  /// At the end of a turn in which it was dirty.
  void proceed();
  /// The server stops: what comes now is the last.
  void on_drain();

  bool dirty = false;  ///< for the owner

  // Exchange
  const HttpRequest& request() const override { return connection_.request(); }
  const Route& route() const override { return *found_.route; }
  std::string_view parameter(std::string_view name) const override;
  uint64_t number(std::string_view name, uint64_t otherwise) const override;
  const JsonReader& body() const override { return desk_.body; }
  Services& services() override { return desk_.services; }
  void ask(const wire::Request& request, Then then) override;
  JsonOut& json() override { return desk_.json; }
  void answer(int status) override;
  void answer(const HttpResponse& response) override;
  void problem(const Problem& problem) override;
  void begin(const HttpResponse& head) override;
  void write(std::string_view piece) override;
  bool writable() const override { return connection_.writable(); }
  void when_writable(std::function<void()> then) override { writable_ = std::move(then); }
  void go_on(std::function<void()> next) override;
  void when_gone(std::function<void()> then) override { gone_ = std::move(then); }
  void end() override;

 private:
  // Peer
  void on_reply(wire::RequestId request, const wire::Reply& reply) override;
  void on_ended() override { connection_.finish(CloseReason::Refused); }
  // HttpHost
  void on_http_request(HttpConnection& connection) override;
  void on_http_bad(HttpConnection& connection, int status, std::string_view problem) override;
  void on_http_writable(HttpConnection& connection) override;
  void on_http_dirty(HttpConnection&) override { owner_.on_exchange_dirty(*this); }
  void on_http_closed(HttpConnection& connection) override;

  // PacedStream
  void next_piece() override;

  void forget();
  void count(int status);
  void answer_options();
  std::string_view value_of(const Parameter& row) const;

  HttpDesk& desk_;
  HttpExchangeOwner& owner_;
  mutable HttpConnection connection_;
  Router::Found found_;
  const Problem* problem_ = nullptr;  // the answer under way says this
  Then then_;
  std::function<void()> writable_;
  std::function<void()> gone_;
  std::function<void()> next_;  // makes the next piece
  core::Instant begun_;         // when the request was whole
  uint32_t asked_ = 0;
  uint32_t awaited_ = 0;
  bool seated_ = false;
  bool answering_ = false;  // a handler has it, and has not answered or ended
  bool streaming_ = false;
  bool paced_ = false;  // has asked to go on
};

}  // namespace berth::net
