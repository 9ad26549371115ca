#pragma once

#include <llhttp.h>

#include <string>
#include <string_view>

#include "agent/runner/small_file.h"

namespace berth::agent {

/// What an engine answered.
struct Answer {
  int status = 0;  ///< of HTTP; 0: there was no answer, `body` is the system's words
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
  /// The sentence of a refusal: the engine's own, or why there was no answer.
  std::string complaint() const;
};

/// One request of the Docker Engine API on a connection of its own. Paths are without a version:
/// the engine then speaks its newest, of which only what all have is used.
///
/// Threads  one; blocks for `patience_ms` at most while nothing moves
/// Memory   the answer, 16 MiB of it at most
class Request {
 public:
  Request(const std::string& socket, int patience_ms);
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// What goes wrong is told by the answer.
  void send(
      const std::string& method,
      const std::string& path,
      const std::string& body = {},
      const std::string& type = "application/json");
  /// Waits for all of it.
  Answer answer();
  /// Takes what has come, when `fd()` is readable. True: that was all of it. Engines send the head
  /// of an answer long before its body when somebody waits for a container to end.
  bool take_some(Answer& whole);
  /// Instead of `send`, for what turns the connection into streams: what is sent from then on is
  /// the container's input, what comes its outputs. `early` is what has come already.
  Answer hijack(const std::string& path, Fd& streams, std::string& early);
  int fd() const { return fd_.get(); }

 private:
  static const llhttp_settings_t& settings();
  bool wait(short events);
  void write(std::string_view bytes);
  void on_bytes(const char* bytes, size_t count);

  Fd fd_;
  const int patience_ms_;
  llhttp_t parser_ = {};
  Answer answer_;
  std::string early_;
  std::string problem_;
  bool upgrades_ = false;
  bool complete_ = false;
};

/// All of it in one go.
Answer ask(
    const std::string& socket,
    const std::string& method,
    const std::string& path,
    const std::string& body = {},
    int patience_ms = 10'000);

/// Text as part of a path or a query.
std::string quoted(const std::string& text);

}  // namespace berth::agent
