#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "net/api/exchange.h"
#include "net/http/http_request.h"
#include "net/http/http_response.h"
#include "net/http/json_schema.h"

namespace berth::net {

/// A parameter of the path or the query. A Boolean may be given without a value: `?verbose`.
struct Parameter {
  std::string_view name;
  JsonKind kind = JsonKind::Text;
  std::string_view about;
  bool required = false;  ///< those of the path always are
  bool repeats = false;   ///< `tag=a&tag=b`
  uint64_t min = 0;       ///< Integer
  uint64_t max = ~uint64_t{0};
  std::span<const std::string_view> one_of = {};
};

/// A header of the request that the handler reads; a text, and never required.
struct RequestHeader {
  std::string_view name;
  std::string_view about;
};

/// An answer that a route can give, for the document.
struct Answer {
  int status = 200;
  std::string_view about;
  const JsonSchema* schema = nullptr;  ///< null: no JSON
  bool array = false;                  ///< of `schema`
  std::string_view content_type = kJsonType;
};

/// One line of the route table: dispatch, checks, 404, 405, 415 and the OpenAPI document all come
/// from it.
struct Route {
  HttpMethod method = HttpMethod::Get;
  std::string_view path;   ///< `/v1/jobs/{id}`; a segment is text or one parameter
  std::string_view id;     ///< `getJob`, unique
  std::string_view about;  ///< one sentence
  std::span<const Parameter> parameters = {};
  const JsonSchema* body = nullptr;  ///< null: none is read
  size_t bodies_max = 1;             ///< more: an array of so many is allowed, too
  bool body_optional = false;
  std::span<const Answer> answers = {};
  void (*handle)(Exchange&) = nullptr;
  bool open_to_all = false;                     ///< without a token: /livez, /readyz
  std::span<const RequestHeader> headers = {};  ///< beside those that every route takes
};

/// The routes of one API, and how it words what went wrong before a handler was reached.
struct Api {
  std::string_view name;  ///< a tag of the document
  std::string_view about;
  std::span<const Route> routes;
  /// Null: problem details. Older APIs have their own.
  void (*say_problem)(Exchange&, const Problem&) = nullptr;
  /// Paths that no route has are this API's to refuse when they begin so: `/api/v1/`.
  std::string_view prefix = {};
  /// As the older servers were: bodies are JSON whatever their Content-Type says, parameters that
  /// are not known or have no value are ignored, and of one that is given twice the first counts.
  bool lenient = false;
};

}  // namespace berth::net
