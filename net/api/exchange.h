#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "net/api/asker.h"
#include "net/api/problem.h"
#include "net/http/http_request.h"
#include "net/http/http_response.h"
#include "net/http/json_in.h"
#include "net/http/json_out.h"

namespace berth::net {

struct Route;
struct Services;

/// One HTTP request on its way to its answer: what a handler gets, and all it needs.
///
/// By the time a handler is called, the path, the parameters and the body have been checked against
/// the route's table. It answers once, with one of `answer`, `problem`, `refuse` or a stream, now,
/// in a continuation of `ask`, or by a part of `Services` that takes it over and is told by
/// `when_gone` to let go of it. A continuation is never called when the client has gone, and may
/// capture the exchange by reference: it lives until the answer has been given or the client has
/// gone.
///
/// Threads  the gateway's
class Exchange {
 public:
  virtual ~Exchange() = default;

  // What was asked.
  virtual const HttpRequest& request() const = 0;
  virtual const Route& route() const = 0;
  /// Of the path (`{id}`) or the query; empty when it was not given. A Boolean's is `true` or
  /// `false`; of one that repeats, the first.
  virtual std::string_view parameter(std::string_view name) const = 0;
  bool has(std::string_view name) const { return !parameter(name).empty(); }
  bool truth(std::string_view name) const { return parameter(name) == "true"; }
  /// Each value of a parameter that repeats.
  template <typename Visit>
  void each(std::string_view name, Visit&& visit) const {
    for (const auto& [key, value] : request().query())
      if (key == name) visit(std::string_view(value));
  }
  /// Of kind Integer: checked already.
  virtual uint64_t number(std::string_view name, uint64_t otherwise = 0) const = 0;
  /// The checked body; `many()` and `item` when the route takes one or many. Overwritten by the
  /// next request of any connection: what a continuation needs of it, it has to copy.
  virtual const JsonReader& body() const = 0;

  // The server.
  virtual Services& services() = 0;
  /// Asks as this client. One at a time.
  virtual void ask(const wire::Request& request, Then then) = 0;

  // The answer.
  /// Empty at first, shared by all exchanges: fill it and `answer` in one go.
  virtual JsonOut& json() = 0;
  /// What `json()` holds.
  virtual void answer(int status = 200) = 0;
  virtual void answer(const HttpResponse& response) = 0;
  virtual void problem(const Problem& problem) = 0;
  /// What the service said no with, as a problem.
  void refuse(const wire::Refused& refused) { problem(problem_of(refused)); }

  // Or a stream: `begin`, `write` while `writable`, `end`.
  virtual void begin(const HttpResponse& head) = 0;
  virtual void write(std::string_view piece) = 0;
  virtual bool writable() const = 0;
  /// Called once, when it is writable again.
  virtual void when_writable(std::function<void()> then) = 0;
  /// Called once, when the next piece is to be made: the client has read what it was sent, and the
  /// gateway has time for large answers. Before `begin` too, by who gathers what to answer with.
  virtual void go_on(std::function<void()> next) = 0;
  /// Called once, when the client goes before `end`.
  virtual void when_gone(std::function<void()> then) = 0;
  virtual void end() = 0;
};

}  // namespace berth::net
