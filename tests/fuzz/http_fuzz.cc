#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http/http_parser.h"

namespace {

using namespace berth::net;

constexpr HttpLimits kLimits = {
    .target_bytes_max = 128,
    .head_bytes_max = 512,
    .headers_max = 8,
    .parameters_max = 4,
    .body_bytes_max = 64,
};

void must(bool condition) {
  if (!condition) std::abort();
}

void check_limits(const HttpRequest& request) {
  must(request.target().size() <= kLimits.target_bytes_max);
  must(request.query().size() <= kLimits.parameters_max);
  must(request.body().size() <= kLimits.body_bytes_max);
  must(request.path().starts_with('/'));
  must(request.path() == "/" || request.path().back() != '/');
  must(request.path().find("//") == std::string_view::npos);
  must(request.path().find("/../") == std::string_view::npos);
}

/// Everything that a parser makes of `bytes` when it gets `step(at)` of them at once.
template <typename Step>
std::string story(std::string_view bytes, Step step) {
  HttpParser parser(kLimits);
  std::string said;
  for (size_t at = 0; at < bytes.size();) {
    const std::string_view piece = bytes.substr(at, step(at));
    size_t taken = 0;
    const HttpParser::Outcome outcome = parser.feed(piece, taken);
    must(taken <= piece.size());
    at += taken;
    switch (outcome) {
      case HttpParser::Outcome::More: must(taken == piece.size()); break;
      case HttpParser::Outcome::Continue: said += "continue\n"; break;
      case HttpParser::Outcome::Bad:
        must(parser.status() >= 400 && parser.status() <= 505 && !parser.problem().empty());
        return said + std::to_string(parser.status()) + std::string(parser.problem());
      case HttpParser::Outcome::Request: {
        const HttpRequest& request = parser.request();
        check_limits(request);
        said += std::to_string(static_cast<int>(request.method)) + (request.keep_alive ? "k" : "c");
        said += std::to_string(at) + std::string(request.path()) + "\n";
        for (const auto& [name, value] : request.query())
          said += std::string(name) + "=" + std::string(value) + "\n";
        said += std::string(request.host()) + "\n" + std::string(request.body()) + "\n";
        parser.next();
      }
    }
  }
  return said + (parser.finish() ? "." : "…") + (parser.in_body() ? "body" : "");
}

}  // namespace

// The first byte seeds the splits; the rest is what a client sends.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  uint32_t seed = data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = story(bytes, [&](size_t) { return bytes.size(); });
  must(story(bytes, [](size_t) { return 1; }) == whole);
  must(story(bytes, [&](size_t) {
         seed = seed * 1664525 + 1013904223;
         return 1 + (seed >> 16) % 32;
       }) == whole);
  return 0;
}
