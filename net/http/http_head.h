#pragma once

#include <cstdint>
#include <string_view>

namespace berth::net {

/// What the headers of one request add up to, beyond their syntax.
///
/// Shape    pure; told of each header, then asked
/// Errors   false: an HTTP status and a sentence
struct HttpHead {
  bool accepts_gzip = false;
  bool expects_continue = false;
  bool chunked = false;
  int status = 0;
  std::string_view problem;

  /// `name` in lower case, `value` without the spaces around it.
  bool add(std::string_view name, std::string_view value);
  /// All headers have come.
  bool check(bool version_1_1);

 private:
  bool bad(int with_status, std::string_view what);

  uint32_t seen_ = 0;  // bit per name that may come once
};

/// A name, an address, `[::1]`, each with or without a port: nothing that could be a user, a path
/// or a second host.
bool may_be_host(std::string_view text);

/// `POST /path HTTP/1.1`, as it came. False: what to answer is in `status` and `problem`.
struct HttpRequestLine {
  std::string_view method, target;
  bool version_1_1 = true;

  bool read(std::string_view line, size_t target_bytes_max, int& status, std::string_view& problem);
};

}  // namespace berth::net
