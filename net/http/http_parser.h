#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "net/http/http_budget.h"
#include "net/http/http_request.h"

namespace berth::net {

/// What one request may cost.
struct HttpLimits {
  uint32_t target_bytes_max = 8 * 1024;
  uint32_t head_bytes_max = 32 * 1024;  ///< request line and all headers, trailers too
  uint32_t headers_max = 100;
  uint32_t parameters_max = 256;  ///< of the query
  uint32_t body_bytes_max = 8u << 20;
  uint32_t head_ms = 10'000;  ///< from a request's first byte to the end of its head
  uint32_t body_ms = 30'000;  ///< then to its end; as much again for every MiB that has come
  uint32_t gone_ms = 1'000;   ///< an answer still owed when its client has ended its side
  uint32_t idle_ms = 75'000;  ///< keep-alive without a request
};

/// Bytes to requests, after RFC 9112, and nothing that two readers could read in two ways: both
/// lengths, two lengths, bare CR or LF, folded headers, spaces before colons, unknown codings.
///
/// Shape    fed with whatever has come; stops after each whole request. However the bytes are
/// split,
///          the outcomes are the same
/// Threads  one owner
/// Memory   that of the request, its body within the budget
/// Errors   an HTTP status and a sentence; the connection has to end after it has been said
class HttpParser {
 public:
  enum class Outcome : uint8_t {
    More,      ///< all of the input was taken, and more is needed
    Continue,  ///< the head is there, and its client waits for `100 Continue`; feed again
    Request,   ///< `request()` is whole; `taken` says how much of the input was its
    Bad,       ///< see `status()` and `problem()`
  };

  /// `budget`, if any: of the bodies of all parsers.
  explicit HttpParser(const HttpLimits& limits, HttpBudget* budget = nullptr);
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  Outcome feed(std::string_view input, size_t& taken);
  /// The peer has ended: whether that was between two requests.
  bool finish();
  /// After Request: ready for the next one.
  void next();

  HttpRequest& request();
  int status() const;                ///< 400, 413, 414, 417, 431, 501, 503 or 505
  std::string_view problem() const;  ///< one sentence
  bool in_request() const;           ///< some byte of a request has come, and not its last
  bool in_body() const;
  size_t body_bytes() const;  ///< that have come

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::net
