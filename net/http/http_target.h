#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::net {

/// A request's target, taken apart and decoded.
///
/// Shape    pure; the views of `query` point into `query_text`
/// Errors   false, and a sentence: no origin form, bad escapes, NUL, text that is not UTF-8, and in
///          the path what could be another path to somebody else: `.`, `..`, `//`, `%2f`
struct HttpTarget {
  std::string& path;
  std::string& query_text;
  std::vector<std::pair<std::string_view, std::string_view>>& query;
  std::string_view problem;

  bool read(std::string_view target, size_t parameters_max);

 private:
  bool read_path(std::string_view text);
  bool read_query(std::string_view text, size_t parameters_max);
  std::string_view piece(std::string_view text, bool& good);
};

}  // namespace berth::net
