#include "net/http/http_target.h"

#include <algorithm>

#include "core/base/text.h"

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

}  // namespace

bool HttpTarget::read(std::string_view target, size_t parameters_max) {
  if (target.empty() || target.front() != '/') {
    problem = "the target has to begin with '/'; this server is no proxy";
    return false;
  }
  if (!all_visible(target)) {
    problem = "the target has a character that has to be percent-encoded";
    return false;
  }
  const size_t mark = target.find('?');
  if (!read_path(target.substr(0, mark))) return false;
  return mark == target.npos || read_query(target.substr(mark + 1), parameters_max);
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
