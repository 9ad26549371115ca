#include "net/api/router.h"

#include <algorithm>

#include "core/base/check.h"
#include "net/text/units.h"

namespace berth::net {
namespace {

using Values = absl::InlinedVector<std::string_view, 2>;

bool matches(std::span<const std::string_view> segments, std::string_view path, Values& values) {
  values.clear();
  size_t at = 0;
  bool same = true;
  for_each_segment(path, [&](std::string_view segment) {
    const std::string_view wanted = at < segments.size() ? segments[at] : std::string_view();
    ++at;
    if (is_parameter(wanted) && !segment.empty()) {
      values.push_back(segment);
    } else {
      same = same && wanted == segment;
    }
  });
  return same && at == segments.size();
}

}  // namespace

Router::Router(std::span<const Api* const> apis) : apis_(apis) {
  for (const Api* api : apis)
    for (const Route& route : api->routes)
      add(*api, route);
  for (const std::unique_ptr<Resource>& resource : resources_) {
    for (size_t method = 0; method < kMethods; ++method) {
      if (resource->routes[method] == nullptr) continue;
      resource->allow += http_method_name(static_cast<HttpMethod>(method));
      resource->allow += method == static_cast<size_t>(HttpMethod::Get) ? ", HEAD, " : ", ";
    }
    resource->allow += "OPTIONS";
    const bool plain = resource->path.find('{') == std::string_view::npos;
    if (!plain) patterns_.push_back(resource.get());
  }
}

void Router::add(const Api& api, const Route& route) {
  Resource*& resource = plain_[route.path];
  if (resource == nullptr) {
    resource = resources_.emplace_back(std::make_unique<Resource>()).get();
    resource->api = &api;
    resource->path = route.path;
    for_each_segment(
        route.path, [&](std::string_view segment) { resource->segments.push_back(segment); });
  }
  const Route*& slot = resource->routes[static_cast<size_t>(route.method)];
  BERTH_CHECK(slot == nullptr && route.handle != nullptr);
  slot = &route;
}

const Router::Resource* Router::resource_of(std::string_view path, Found& found) const {
  const auto plain = plain_.find(path);
  // A path that is written like a pattern is none of the plain ones.
  if (plain != plain_.end() && path.find('{') == path.npos) return plain->second;
  for (const Resource* pattern : patterns_)
    if (matches(pattern->segments, path, found.values)) return pattern;
  return nullptr;
}

Router::Found Router::find(HttpMethod method, std::string_view path) const {
  Found found;
  const Resource* resource = resource_of(path, found);
  if (resource == nullptr) {
    for (const Api* api : apis_) {
      if (!api->prefix.empty() && path.starts_with(api->prefix)) found.api = api;
    }
    return found;
  }
  const HttpMethod meant = method == HttpMethod::Head ? HttpMethod::Get : method;
  found.api = resource->api;
  found.route = resource->routes[static_cast<size_t>(meant)];
  found.allow = resource->allow;
  return found;
}

Problem Router::nothing_found(const Found& found, HttpMethod method, std::string_view path) const {
  Problem problem;
  if (!found.allow.empty()) {
    problem.status = 405;
    problem.code = "method_not_allowed";
    const bool named = method != HttpMethod::Other;
    problem.detail = std::string(path) + " does not take " +
                     (named ? std::string(http_method_name(method)) : "this method");
    problem.hint = "it takes " + std::string(found.allow);
    problem.allow = found.allow;
    return problem;
  }
  problem.status = 404;
  problem.code = "not_found";
  problem.detail = "there is no " + std::string(path);
  std::vector<std::string_view> known;
  for (const std::unique_ptr<Resource>& resource : resources_)
    known.push_back(resource->path);
  const std::string_view near = nearest_word(path, known);
  problem.hint = near.empty() ? "see /v1/openapi.json for what there is"
                              : "did you mean " + std::string(near) + "?";
  return problem;
}

}  // namespace berth::net
