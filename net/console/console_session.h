#pragma once

#include <cstdint>
#include <string>

#include "net/api/asker.h"
#include "net/console/console_command.h"
#include "net/tcp_stream.h"

namespace berth::net {

class ConsoleSession;

/// Who does what the lines ask for.
class ConsoleHost {
 public:
  virtual ~ConsoleHost() = default;
  /// `on_reply` is called for it once: inside this call or later.
  virtual void on_console_request(ConsoleSession& session, const wire::Request& request) = 0;
  /// The session has output or held-back input: call `proceed` at the end of the turn.
  virtual void on_console_dirty(ConsoleSession& session) = 0;
  virtual void on_console_closed(ConsoleSession& session) = 0;
  /// Name and version of the server.
  virtual std::string_view software() const = 0;
};

/// One person or script on the console: a line in, lines out, strictly in order.
///
/// Shape    while a line is being worked on, the next one is not looked at
/// Threads  the loop's
/// Memory   as TcpStream says; a line is at most `kConsoleLineMax` long
/// Errors   a line that is not understood is answered `ERR`, and the session goes on
class ConsoleSession final : public TcpStream, public Peer {
 public:
  ConsoleSession(StreamLoop& shared, const StreamLimits& limits, ConsoleHost& host)
      : TcpStream(shared, limits), host_(host) {}

  void on_reply(wire::RequestId request, const wire::Reply& reply) override;
  void on_ended() override { finish(CloseReason::Refused); }
  /// An error of the host's own, before or instead of any line.
  void refuse(std::string_view code, std::string_view message);
  /// Looks at the next lines, sends what is ready, and ends when all is said.
  void proceed();
  bool waiting() const { return waiting_; }

  bool dirty = false;  ///< for the host

 private:
  Taken on_input(std::span<const std::byte> input) override;
  void on_end(std::span<const std::byte> rest) override;
  void on_closed(CloseReason) override { host_.on_console_closed(*this); }
  bool busy() const override { return waiting_; }

  void run(std::string_view line);
  void request(wire::Request& request);
  void say(const std::string& text);

  ConsoleHost& host_;
  ConsoleCommand command_;
  std::string invented_task_;
  uint64_t invented_ = 0;
  bool waiting_ = false;
  bool skipping_ = false;  // the rest of a line that is too long
  bool ended_ = false;
};

}  // namespace berth::net
