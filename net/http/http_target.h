#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::net {

/// A request's target, taken apart and decoded: `/path?query`, or the same behind `http://` and
/// whom it is for, as every server has to take it (RFC 9112, 3.2.2).
///
/// Shape    pure; the views of `query` point into `query_text`, `authority` into the target
/// Errors   false, and a sentence: another form or scheme, a user or anything else beside the host,
///          bad escapes, NUL, text that is not UTF-8, and in the path what could be another path to
///          somebody else: `.`, `..`, `//`, `%2f`
struct HttpTarget {
  std::string& path;
  std::string& query_text;
  std::vector<std::pair<std::string_view, std::string_view>>& query;
  std::string_view authority;  ///< `host:port`; empty: the target names none
  std::string_view problem;

  bool read(std::string_view target, size_t parameters_max);

 private:
  bool take_authority(std::string_view& target);
  bool read_path(std::string_view text);
  bool read_query(std::string_view text, size_t parameters_max);
  std::string_view piece(std::string_view text, bool& good);
};

}  // namespace berth::net
