#pragma once

#include <span>
#include <string_view>
#include <utility>

namespace berth::net {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kProblemType = "application/problem+json";
inline constexpr std::string_view kTextType = "text/plain; charset=utf-8";
inline constexpr std::string_view kEventStreamType = "text/event-stream";

/// What to answer; borrows everything for the call it is passed to.
struct HttpResponse {
  int status = 200;
  std::string_view content_type;  ///< empty: none
  std::string_view body;
  std::string_view gzip;  ///< of the body, for who accepts it; empty: made when it is wanted
  std::span<const std::pair<std::string_view, std::string_view>> headers;  ///< further ones
};

/// `Not Found`; `Unknown` for a number that has no name.
std::string_view http_reason(int status);

}  // namespace berth::net
