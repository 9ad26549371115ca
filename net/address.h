#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace berth::net {

/// `HOST:PORT` as people write it; an IPv6 host stands in brackets, `[::1]:7640`.
struct HostPort {
  std::string host;
  uint16_t port = 0;
};

/// Splits `text`; `port_default` is taken when no port is given (0: one must be).
/// False when it is malformed; then `problem` is a sentence about `text`.
bool parse_host_port(
    std::string_view text, uint16_t port_default, HostPort& parsed, std::string& problem);

/// Fills `address` from a numeric host, or `localhost`, without asking the network. False for a
/// name, which is for `uv_getaddrinfo` or `resolve`.
bool numeric_address(const HostPort& where, sockaddr_storage& address);

/// Like `numeric_address`, and asks the resolver for names: it may block, so only at start.
bool resolve(const HostPort& where, sockaddr_storage& address, std::string& problem);

socklen_t address_bytes(const sockaddr* address);

/// `127.0.0.1:7640`, `[::1]:7640`.
std::string format_address(const sockaddr* address);
std::string format_host_port(const HostPort& where);

}  // namespace berth::net
