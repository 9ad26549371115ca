#include "tests/net/support/wire_peer.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include "net/address.h"

namespace berth::net {

WirePeer::WirePeer(const std::string& address, int receive_bytes) {
  HostPort where;
  std::string problem;
  sockaddr_storage to;
  if (!parse_host_port(address, 0, where, problem) || !numeric_address(where, to)) return;
  const auto* name = reinterpret_cast<const sockaddr*>(&to);
  fd_ = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience = {kPatienceS, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (receive_bytes > 0) {
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  }
  if (connect(fd_, name, address_bytes(name)) == 0) return;
  close(fd_);
  fd_ = -1;
}

WirePeer::~WirePeer() {
  if (fd_ >= 0) close(fd_);
}

bool WirePeer::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(sent));
  }
  return true;
}

bool WirePeer::send(const std::string& text) {
  return send({reinterpret_cast<const std::byte*>(text.data()), text.size()});
}

void WirePeer::end_sending() {
  shutdown(fd_, SHUT_WR);
}

std::string WirePeer::read_all() {
  std::string all;
  char buffer[65536];
  ssize_t got = 0;
  while ((got = recv(fd_, buffer, sizeof buffer, 0)) > 0)
    all.append(buffer, got);
  return all;
}

std::string WirePeer::read_until(std::string_view mark) {
  std::string all;
  char next = 0;
  while (!all.ends_with(mark) && recv(fd_, &next, 1, 0) == 1)
    all += next;
  return all;
}

bool WirePeer::has_input() const {
  char next = 0;
  return recv(fd_, &next, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

void WirePeer::reset_on_close() {
  const linger now = {1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void WirePeer::send(wire::RequestId id, const wire::Request& request) {
  std::vector<std::byte> frame;
  encoder_.encode(id, request, frame);
  send(frame);
}

std::optional<WirePeer::Answer> WirePeer::receive() {
  // Frames are multiples of 8, so what is left after some of them stays aligned.
  input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(taken_));
  taken_ = 0;
  while (true) {
    wire::Frame frame;
    const wire::FrameStatus status = wire::next_frame(input_, 64u << 20, frame, taken_);
    if (status == wire::FrameStatus::Ok) {
      Answer answer = {frame.request, {}};
      if (decoder_.decode(frame.payload, answer.reply) != wire::DecodeStatus::Ok) return {};
      return answer;
    }
    taken_ = 0;
    if (status != wire::FrameStatus::NeedMore) return {};
    std::byte buffer[65536];
    const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0) return {};
    input_.insert(input_.end(), buffer, buffer + got);
  }
}

bool WirePeer::greet(const std::string& token) {
  const Answer answer = ask(wire::Hello{.identity = "test", .token = token});
  return std::holds_alternative<wire::Welcome>(answer.reply);
}

WirePeer::Answer WirePeer::ask(const wire::Request& request) {
  const wire::RequestId id = {++last_id_};
  send(id, request);
  while (std::optional<Answer> answer = receive()) {
    if (answer->id == id) return *answer;
  }
  return {{0}, wire::Refused{wire::Refusal::None, "the connection was closed"}};
}

}  // namespace berth::net
