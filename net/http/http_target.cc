#include "net/http/http_target.h"

#include <algorithm>

#include "core/base/text.h"
#include "net/http/http_head.h"

namespace berth::net {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Appends `text` with its escapes undone. False: one of them is none.
bool decode(std::string_view text, bool plus_is_space, std::string& to) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      to += plus_is_space && text[at] == '+' ? ' ' : text[at];
      continue;
    }
    if (text.size() - at < 3) return false;
    const int high = hex_digit(text[at + 1]);
    const int low = hex_digit(text[at + 2]);
    if (high < 0 || low < 0) return false;
    to += static_cast<char>(high << 4 | low);
    at += 2;
  }
  return true;
}

bool all_visible(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '#' || c == '\\') return false;
  }
  return true;
}

constexpr std::string_view kScheme = "http://";

bool has_scheme(std::string_view target) {
  if (target.size() < kScheme.size()) return false;
  return std::equal(kScheme.begin(), kScheme.end(), target.begin(), [](char lower, char c) {
    return (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == lower;
  });
}

}  // namespace

bool HttpTarget::read(std::string_view target, size_t parameters_max) {
  authority = {};
  if (!target.starts_with('/') && !has_scheme(target)) {
    problem = "the target has to begin with '/', or with 'http://' and this server's name";
    return false;
  }
  if (!all_visible(target)) {
    problem = "the target has a character that has to be percent-encoded";
    return false;
  }
  if (!target.starts_with('/') && !take_authority(target)) return false;
  const size_t mark = target.find('?');
  // Behind an authority nothing is the root; alone it would be no target.
  if (!read_path(mark == 0 || target.empty() ? "/" : target.substr(0, mark))) return false;
  return mark == target.npos || read_query(target.substr(mark + 1), parameters_max);
}

bool HttpTarget::take_authority(std::string_view& target) {
  target.remove_prefix(kScheme.size());
  authority = target.substr(0, target.find_first_of("/?"));
  target.remove_prefix(authority.size());
  if (may_be_host(authority)) return true;
  problem = "what follows 'http://' in the target is no name or address";
  return false;
}

bool HttpTarget::read_path(std::string_view text) {
  path.clear();
  if (text.size() == 1) {
    path = text;
    return true;
  }
  while (!text.empty()) {
    text.remove_prefix(1);  // the slash
    const std::string_view segment = text.substr(0, text.find('/'));
    text.remove_prefix(segment.size());
    path += '/';
    const size_t begin = path.size();
    if (!decode(segment, false, path)) {
      problem = "the path has a percent sign without two hexadecimal digits";
      return false;
    }
    const std::string_view plain = std::string_view(path).substr(begin);
    if (plain.empty() || plain == "." || plain == ".." || plain.find('/') != plain.npos) {
      problem = "the path has an empty segment, '.', '..' or an encoded slash";
      return false;
    }
  }
  if (!core::is_clean_text(path)) {
    problem = "the path is not UTF-8, or has control characters";
    return false;
  }
  return true;
}

std::string_view HttpTarget::piece(std::string_view text, bool& good) {
  const size_t begin = query_text.size();
  good &= decode(text, true, query_text);
  return std::string_view(query_text).substr(begin);
}

bool HttpTarget::read_query(std::string_view text, size_t parameters_max) {
  query_text.clear();
  query_text.reserve(text.size());  // it only gets shorter, so the views stay where they are
  bool good = true;
  while (!text.empty() && good) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    if (query.size() == parameters_max) {
      problem = "the query has too many parameters";
      return false;
    }
    const size_t equals = pair.find('=');
    const std::string_view name = piece(pair.substr(0, equals), good);
    std::string_view value;
    if (equals != pair.npos) value = piece(pair.substr(equals + 1), good);
    query.emplace_back(name, value);
  }
  if (!good) {
    problem = "the query has a percent sign without two hexadecimal digits";
    return false;
  }
  if (!core::is_program_text(query_text)) {
    problem = "the query is not UTF-8, or has a NUL";
    return false;
  }
  return true;
}

}  // namespace berth::net
