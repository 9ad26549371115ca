#include "net/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "net/text/units.h"

namespace berth::net {
namespace {

std::string_view variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

}  // namespace

ServiceManager::ServiceManager() : socket_(variable("NOTIFY_SOCKET")) {
  const std::optional<uint64_t> us = parse_count(variable("WATCHDOG_USEC"));
  const std::optional<uint64_t> pid = parse_count(variable("WATCHDOG_PID"));
  const bool ours = !pid || *pid == static_cast<uint64_t>(getpid());
  if (us && *us >= 1000 && ours && !socket_.empty()) watchdog_ms_ = *us / 1000;
}

void ServiceManager::notify(std::string_view state) const {
  sockaddr_un address = {};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  (void)sendto(
      fd,
      state.data(),
      state.size(),
      MSG_NOSIGNAL | MSG_DONTWAIT,
      reinterpret_cast<const sockaddr*>(&address),
      bytes);
  close(fd);
}

}  // namespace berth::net
