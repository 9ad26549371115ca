#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::net {

enum class HttpMethod : uint8_t { Get, Head, Post, Put, Patch, Delete, Options, Other };

/// `GET`.
std::string_view http_method_name(HttpMethod method);

/// One whole request, checked: what the parser let through needs no second look at its syntax.
///
/// Shape    owns its bytes; views into it last until `clear`. Reused for the next request of its
///          connection, so a request of ordinary size allocates nothing
/// Threads  one owner
/// Memory   `HttpLimits` bound it
class HttpRequest {
 public:
  /// What a connection without a request may hold on to, in each of these strings.
  static constexpr size_t kKeptMax = 4 * 1024;

  HttpRequest() = default;
  HttpRequest(const HttpRequest&) = delete;  // views into itself
  HttpRequest& operator=(const HttpRequest&) = delete;

  HttpMethod method = HttpMethod::Get;
  bool version_1_1 = true;  ///< else 1.0
  bool keep_alive = true;
  bool accepts_gzip = false;

  /// Percent-decoded, UTF-8, begins with `/`, without `.`, `..` and empty segments.
  std::string_view path() const { return path_; }
  /// The target as it came, for logs.
  std::string_view target() const { return target_; }
  /// Whom it is for, `host:port`: the target's if it names somebody, for then the header Host means
  /// nothing (RFC 9112, 3.2.2); else the header's. Empty: HTTP/1.0 without.
  std::string_view host() const { return authority_.empty() ? header("host") : authority_; }
  /// Decoded; in the order given. A parameter without `=` has an empty value; `+` is a space.
  const std::vector<std::pair<std::string_view, std::string_view>>& query() const { return query_; }
  /// `name` in lower case; empty when there is none. One that came twice and may not was refused;
  /// of those that may, the first.
  std::string_view header(std::string_view name) const;
  std::string_view body() const { return body_; }

  void clear();

 private:
  friend class HttpParser;

  struct Header {
    uint32_t name_at = 0, name_bytes = 0, value_at = 0, value_bytes = 0;  // in head_
  };

  std::string target_;
  std::string_view authority_;  // of target_
  std::string path_;
  std::vector<std::pair<std::string_view, std::string_view>> query_;
  std::string query_text_;  // what they point into
  std::string head_;        // names in lower case, and values
  std::vector<Header> headers_;
  std::string body_;
};

}  // namespace berth::net
