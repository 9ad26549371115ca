#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace berth::net {
namespace {

bool is_host(std::string_view host) {
  for (const char c : host) {
    if (c <= ' ' || c == 0x7f || c == ',' || c == '/' || c == '[' || c == ']') return false;
  }
  return !host.empty() && host.size() <= 253;
}

bool fail(std::string& problem, std::string_view text, const char* why) {
  problem = "'" + std::string(text) + "' " + why;
  return false;
}

}  // namespace

bool parse_host_port(
    std::string_view text, uint16_t port_default, HostPort& parsed, std::string& problem) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos) return fail(problem, text, "has a '[' without ']'");
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port) return fail(problem, text, "is not HOST:PORT");
    if (has_port) port = rest.substr(1);
  } else if (const size_t colon = text.rfind(':'); colon != text.npos) {
    if (text.find(':') != colon) return fail(problem, text, "needs brackets: [ADDRESS]:PORT");
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (!is_host(host)) return fail(problem, text, "is not HOST:PORT, as 127.0.0.1:7640");
  uint16_t number = port_default;
  if (has_port) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size()) {
      return fail(problem, text, "has no port from 0 to 65535 after the colon");
    }
  } else if (port_default == 0) {
    return fail(problem, text, "has no port; write HOST:PORT");
  }
  parsed = {std::string(host), number};
  return true;
}

bool numeric_address(const HostPort& where, sockaddr_storage& address) {
  std::memset(&address, 0, sizeof address);
  const char* host = where.host == "localhost" ? "127.0.0.1" : where.host.c_str();
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(where.port);
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(where.port);
    return true;
  }
  return false;
}

bool resolve(const HostPort& where, sockaddr_storage& address, std::string& problem) {
  if (numeric_address(where, address)) return true;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(where.port);
  const int status = getaddrinfo(where.host.c_str(), port.c_str(), &hints, &found);
  if (status != 0) return fail(problem, where.host, gai_strerror(status));
  std::memset(&address, 0, sizeof address);
  std::memcpy(&address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return true;
}

socklen_t address_bytes(const sockaddr* address) {
  return address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::string format_address(const sockaddr* address) {
  char host[INET6_ADDRSTRLEN] = "?";
  uint16_t port = 0;
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
    port = ntohs(v6->sin6_port);
  } else {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
    port = ntohs(v4->sin_port);
  }
  return format_host_port({host, port});
}

std::string format_host_port(const HostPort& where) {
  const bool brackets = where.host.find(':') != where.host.npos;
  return (brackets ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port);
}

}  // namespace berth::net
