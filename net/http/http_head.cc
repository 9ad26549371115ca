#include "net/http/http_head.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace berth::net {
namespace {

// Whose second value would be taken by one reader and left by another.
enum Once { Host, Length, Coding, Expect };
constexpr std::array<std::string_view, 13> kOnce = {
    "host",
    "content-length",
    "transfer-encoding",
    "expect",
    "authorization",
    "content-type",
    "content-encoding",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "origin",
    "upgrade",
    "x-api-token"};

/// Letters, digits and `marks`. The C library asks the locale, for every byte of every header.
constexpr std::array<bool, 256> letters_digits_and(std::string_view marks) {
  std::array<bool, 256> in = {};
  for (unsigned c = 0; c < 256; ++c)
    in[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  for (const char mark : marks)
    in[static_cast<unsigned char>(mark)] = true;
  return in;
}
constexpr std::array<bool, 256> kOfTokens = letters_digits_and("!#$%&'*+-.^_`|~");
constexpr std::array<bool, 256> kOfHosts = letters_digits_and(".-_:[]%~");

bool all_in(const std::array<bool, 256>& set, std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [&](unsigned char c) { return set[c]; });
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

/// Whether one of `br, gzip;q=0.5` is gzip, or `*`, with a weight that is not zero.
bool names_gzip(std::string_view value) {
  while (!value.empty()) {
    const std::string_view item = value.substr(0, value.find(','));
    value.remove_prefix(std::min(item.size() + 1, value.size()));
    const size_t mark = item.find(';');
    const std::string_view coding = trimmed(item.substr(0, mark));
    if (!same_word(coding, "gzip") && coding != "*") continue;
    if (mark == item.npos) return true;
    const std::string_view weight = trimmed(item.substr(mark + 1));
    return weight.substr(0, 2) != "q=" || weight.substr(2).find_first_not_of("0.") != weight.npos;
  }
  return false;
}

bool is_token(std::string_view text) {
  return all_in(kOfTokens, text);
}

}  // namespace

bool may_be_host(std::string_view text) {
  return all_in(kOfHosts, text);
}

bool HttpHead::bad(int with_status, std::string_view what) {
  status = with_status;
  problem = what;
  return false;
}

bool HttpHead::add(std::string_view name, std::string_view value) {
  if (!is_token(name)) return bad(400, "a header's name has a character that no name may have");
  if (name == "accept-encoding") accepts_gzip |= names_gzip(value);
  const auto* const found = std::find(kOnce.begin(), kOnce.end(), name);
  if (found == kOnce.end()) return true;
  const auto which = static_cast<uint32_t>(found - kOnce.begin());
  if ((seen_ >> which & 1) != 0) return bad(400, "a header that may come once came twice");
  seen_ |= 1u << which;
  switch (which) {
    case Host: return may_be_host(value) || bad(400, "Host is no name or address");
    case Length: return all_digits(value) || bad(400, "Content-Length is no number");
    case Coding:
      chunked = same_word(value, "chunked");
      return chunked || bad(501, "the only Transfer-Encoding that is understood is 'chunked'");
    case Expect:
      expects_continue = same_word(value, "100-continue");
      return expects_continue || bad(417, "the only Expect that is understood is '100-continue'");
    default: return true;
  }
}

bool HttpHead::check(bool version_1_1) {
  if ((seen_ >> Host & 1) == 0 && version_1_1) return bad(400, "HTTP/1.1 needs a Host header");
  if (chunked && (seen_ >> Length & 1) != 0) {
    return bad(400, "the body's length is given in two ways");
  }
  if (chunked && !version_1_1) return bad(400, "HTTP/1.0 has no Transfer-Encoding");
  if (!version_1_1) expects_continue = false;
  return true;
}

bool HttpRequestLine::read(
    std::string_view line, size_t target_bytes_max, int& status, std::string_view& problem) {
  const auto bad = [&](int with_status, std::string_view what) {
    status = with_status;
    problem = what;
    return false;
  };
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == line.npos || line.find(' ', first + 1) != last || first == last) {
    return bad(400, "the request line is not 'METHOD /path HTTP/1.1'");
  }
  method = line.substr(0, first);
  target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return bad(400, "the method has a character that no method may have");
  if (version.size() != 8 || !version.starts_with("HTTP/") || std::isdigit(version[5]) == 0 ||
      version[6] != '.' || std::isdigit(version[7]) == 0) {
    return bad(400, "the request line does not end in 'HTTP/1.1'");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return bad(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  version_1_1 = version.back() == '1';
  if (target.size() > target_bytes_max) return bad(414, "the target is too long");
  if (method == "CONNECT") return bad(501, "this server is no proxy: CONNECT is not offered");
  return true;
}

}  // namespace berth::net
