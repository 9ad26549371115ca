#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include <uv.h>

namespace berth::net {

/// A bound and listening socket, or -1 with a sentence in `problem`.
///
/// Sockets that share a port are made one after the other with `share`: the first with
/// `share = First`, which still fails when anyone else has the port, the others with `Next`.
enum class PortShare : uint8_t { None, First, Next };
int listen_on(const sockaddr* address, PortShare share, std::string& problem);

/// What the socket is really bound to: the port when 0 was asked for.
bool bound_address(int socket, sockaddr_storage& address);

/// Accepts connections on a loop, and stays calm when file descriptors run out: a descriptor kept
/// in reserve takes each waiting connection and closes it, so that peers learn at once and the
/// loop never spins on a socket it cannot empty.
///
/// Threads  the loop's
class Listener {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    /// Takes over a non-blocking socket.
    virtual void on_accept(int socket) = 0;
    /// A connection was accepted and closed at once: no descriptor was left.
    virtual void on_accept_starved() = 0;
  };

  /// Takes over `socket`.
  Listener(uv_loop_t* loop, int socket, Handler& handler);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  /// Closes the socket; idempotent. The loop must turn once more before destruction.
  void stop();

 private:
  void poll();
  void on_readable();
  bool shed();
  void rest();

  uv_loop_t* loop_;
  Handler& handler_;
  int socket_;
  int reserve_;
  uv_poll_t poll_;
  uv_timer_t rest_;
  bool started_ = false;
};

}  // namespace berth::net
