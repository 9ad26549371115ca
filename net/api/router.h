#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/api/problem.h"
#include "net/api/route.h"

namespace berth::net {

/// Finds the route of a request among those of all APIs.
///
/// Shape    built once. A path without parameters is one look-up; the others are compared one after
///          the other, segment by segment: there are a few dozen
/// Threads  any, once built
/// Errors   two routes with the same method and path are a CHECK
class Router {
 public:
  explicit Router(std::span<const Api* const> apis);

  /// Where a path leads. Views into the path that was asked for.
  struct Found {
    const Api* api = nullptr;      ///< whose words to use; null: nobody's
    const Route* route = nullptr;  ///< null: `allow` says what the path does offer
    std::string_view allow;        ///< `GET, HEAD, OPTIONS`; empty: there is no such path
    absl::InlinedVector<std::string_view, 2> values;  ///< of the parameters of the path, in order
  };
  Found find(HttpMethod method, std::string_view path) const;

  /// 404 or 405 for what `find` found no route for.
  Problem nothing_found(const Found& found, HttpMethod method, std::string_view path) const;

 private:
  static constexpr size_t kMethods = static_cast<size_t>(HttpMethod::Other) + 1;

  struct Resource {
    const Api* api = nullptr;
    std::string_view path;
    std::vector<std::string_view> segments;
    std::array<const Route*, kMethods> routes = {};
    std::string allow;
  };

  void add(const Api& api, const Route& route);
  const Resource* resource_of(std::string_view path, Found& found) const;

  const std::span<const Api* const> apis_;
  std::vector<std::unique_ptr<Resource>> resources_;
  absl::flat_hash_map<std::string_view, Resource*> plain_;
  std::vector<const Resource*> patterns_;
};

/// Whether a segment of a route's path stands for a parameter: `{id}`.
inline bool is_parameter(std::string_view segment) {
  return segment.starts_with('{');
}

/// Calls `visit` with each segment of a path, without slashes.
template <typename Visit>
void for_each_segment(std::string_view path, Visit&& visit) {
  while (!path.empty()) {
    path.remove_prefix(1);  // of '/'
    const size_t end = std::min(path.find('/'), path.size());
    visit(path.substr(0, end));
    path.remove_prefix(end);
  }
}

/// Whether the route's path has a segment `{name}`; a parameter that it has not is of the query.
inline bool is_in_path(const Route& route, std::string_view name) {
  bool found = false;
  for_each_segment(route.path, [&](std::string_view segment) {
    found = found || (is_parameter(segment) && segment.substr(1, segment.size() - 2) == name);
  });
  return found;
}

}  // namespace berth::net
