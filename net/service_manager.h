#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::net {

/// systemd's notify protocol (sd_notify(3)): datagrams to the socket that NOTIFY_SOCKET names.
///
/// Errors   without such a socket, or when it does not listen, nothing happens
class ServiceManager {
 public:
  /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  ServiceManager();

  void notify(std::string_view state) const;
  /// How often it wants to hear that we live; none: it does not ask.
  std::optional<uint64_t> watchdog_ms() const { return watchdog_ms_; }

 private:
  std::string socket_;
  std::optional<uint64_t> watchdog_ms_;
};

}  // namespace berth::net
