#include "net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/check.h"
#include "net/address.h"
#include "net/log/log.h"

namespace berth::net {
namespace {

constexpr int kBacklog = 4096;

// Accepts of one wake-up; then the connections there are get their turn.
constexpr int kBurst = 64;

// A peer that vanished without a word is noticed after about three minutes. Linux hands these
// options down from the listening socket to what it accepts.
void keep_alive(int socket) {
  const int on = 1;
  const int idle_s = 120;
  const int interval_s = 20;
  const int probes = 3;
  (void)setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  (void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  (void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

bool set_reuse_port(int socket) {
  const int on = 1;
  return setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

int open_reserve() {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

int listen_on(const sockaddr* address, PortShare share, std::string& problem) {
  const int on = 1;
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
  good = good && (share != PortShare::Next || set_reuse_port(fd));
  good = good && bind(fd, address, address_bytes(address)) == 0;
  // The first of a shared port may share only once it is bound: bound with sharing allowed, it
  // would quietly join another server's port.
  good = good && (share != PortShare::First || set_reuse_port(fd));
  if (good) keep_alive(fd);
  good = good && listen(fd, kBacklog) == 0;
  if (good) return fd;
  const int error = errno;
  const std::string where = format_address(address);
  if (error == EADDRINUSE) {
    problem = where + " is in use by another program; stop it or choose another port";
  } else {
    problem = "cannot listen on " + where + ": " + std::strerror(error);
  }
  if (fd >= 0) close(fd);
  return -1;
}

bool bound_address(int socket, sockaddr_storage& address) {
  socklen_t bytes = sizeof address;
  return getsockname(socket, reinterpret_cast<sockaddr*>(&address), &bytes) == 0;
}

Listener::Listener(uv_loop_t* loop, int socket, Handler& handler)
    : loop_(loop), handler_(handler), socket_(socket), reserve_(open_reserve()) {
  poll_.data = rest_.data = this;
}

Listener::~Listener() {
  if (reserve_ >= 0) close(reserve_);
  if (socket_ >= 0) close(socket_);
}

void Listener::start() {
  BERTH_CHECK(uv_poll_init(loop_, &poll_, socket_) == 0);
  BERTH_CHECK(uv_timer_init(loop_, &rest_) == 0);
  started_ = true;
  poll();
}

void Listener::poll() {
  const auto readable = [](uv_poll_t* handle, int, int) {
    static_cast<Listener*>(handle->data)->on_readable();
  };
  BERTH_CHECK(uv_poll_start(&poll_, UV_READABLE, readable) == 0);
}

void Listener::stop() {
  if (!started_) return;
  started_ = false;
  uv_poll_stop(&poll_);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&rest_), nullptr);
  close(socket_);
  socket_ = -1;
}

void Listener::on_readable() {
  for (int i = 0; i < kBurst && started_; ++i) {
    const int peer = accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer >= 0) {
      handler_.on_accept(peer);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (!shed()) return rest();
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;  // EAGAIN: all are in
    }
  }
}

bool Listener::shed() {
  BERTH_LOG(
      Warning,
      "out of file descriptors: closing new connections; raise the limit (ulimit -n) or lower "
      "--max-connections");
  if (reserve_ >= 0) close(reserve_);
  const int peer = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
  if (peer >= 0) {
    close(peer);
    handler_.on_accept_starved();
  }
  reserve_ = open_reserve();
  return peer >= 0;
}

// Even the reserve is gone: another thread took it. Polling on would spin.
void Listener::rest() {
  constexpr uint64_t kRestMs = 100;
  uv_poll_stop(&poll_);
  const auto rested = [](uv_timer_t* handle) {
    static_cast<Listener*>(handle->data)->poll();
  };
  uv_timer_start(&rest_, rested, kRestMs, 0);
}

}  // namespace berth::net
