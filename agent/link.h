#pragma once

#include <functional>
#include <memory>
#include <string>

#include <uv.h>

#include "agent/session.h"
#include "net/address.h"
#include "net/frame_stream.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace berth::agent {

class Link;

/// Somebody who shares the connection of a link.
class LinkGuest {
 public:
  virtual ~LinkGuest() = default;
  /// The worker is registered: `link` takes messages until `on_down`.
  virtual void on_up(Link& link) = 0;
  virtual void on_down() = 0;
  /// False: not for the guest.
  virtual bool on_reply(wire::RequestId id, const wire::Reply& reply) = 0;
};

/// What all links of one agent share.
struct LinkShared {
  explicit LinkShared(uv_loop_t* loop) : streams(loop) {}

  net::StreamLoop streams;
  net::StreamLimits limits;
  wire::Encoder encoder;
  wire::Decoder decoder;
  std::function<void(const Log&)> on_log;
  std::function<void(const Exit&)> on_exit;
  std::function<void()> on_stopped;  ///< a session has reached Stopped
};

/// Carries out what one Session wants: a socket to its server, and a timer.
///
/// Threads  the loop's
/// Memory   a stream while connected; an ended one is freed in its last callback
/// Errors   every failure becomes an event of the session
class Link final : private net::FrameHandler {
 public:
  Link(
      LinkShared& shared,
      const net::HostPort& server,
      const SessionSettings& settings,
      Life& life,
      const Profile& profile,
      const Vitals& vitals,
      uint64_t seed);
  /// After `close()` and the end of the loop.
  ~Link() override;

  /// Before `start`; borrowed until `close`.
  void set_guest(LinkGuest& guest) { guest_ = &guest; }

  void start();
  /// For the guest: to be followed by `flush` once in a turn.
  void send(wire::RequestId id, const wire::Request& message);
  void flush();
  void on_profile_changed();
  void stop();
  /// Lets go of timer and socket, so that the loop can end.
  void close();
  /// Applies the stream's deadlines. Call about once a second.
  void sweep();

  const Session& session() const { return session_; }

 private:
  struct Lookup;

  void on_frame(net::FrameStream& stream, const wire::Frame& frame) override;
  void on_frames_end(net::FrameStream& stream) override;
  void on_connected(net::FrameStream& stream) override;
  void on_closed(net::FrameStream& stream, net::CloseReason reason) override;

  void on_timer();
  void carry_out();
  void connect();
  void connect_to(const sockaddr* address);
  void look_up();
  void disconnect();
  void set_timer();

  LinkShared& shared_;
  const net::HostPort server_;
  Session session_;
  LinkGuest* guest_ = nullptr;
  Effects effects_;
  bool carrying_out_ = false;
  bool told_stopped_ = false;
  net::FrameStream* stream_ = nullptr;  // deletes itself in on_closed
  Lookup* lookup_ = nullptr;            // deletes itself when answered
  uv_timer_t timer_;
};

}  // namespace berth::agent
