#include "net/api/openapi.h"

#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "net/api/problem_schema.h"
#include "net/api/router.h"
#include "net/http/json_out.h"

namespace berth::net {
namespace {

class Document {
 public:
  Document(std::span<const Api* const> apis, std::string_view version)
      : apis_(apis), version_(version) {}

  std::string write();

 private:
  void write_info();
  void write_paths();
  void write_operation(const Api& api, const Route& route);
  void write_parameter(const Route& route, const Parameter& parameter);
  void write_header(const RequestHeader& header);
  void write_body(const Route& route);
  void write_answers(const Api& api, const Route& route);
  void write_answer(const Route& route, const Answer& first);
  void write_content(const Answer& answer);
  void write_components();
  void write_schema(const JsonSchema& schema, bool closed);
  void write_field(const JsonField& field);
  void write_kind(const JsonField& field);
  void write_limits(const JsonField& field);
  void write_ref(const JsonSchema& schema);
  void write_choices(std::span<const std::string_view> words);
  void use(const JsonSchema& schema, bool in_body);

  const std::span<const Api* const> apis_;
  const std::string_view version_;
  JsonOut json_;
  std::map<std::string_view, const JsonSchema*> schemas_;
  std::set<const JsonSchema*> in_bodies_;
};

const JsonSchema* schema_of(const Answer& answer) {
  return answer.content_type == kProblemType ? &kProblemSchema : answer.schema;
}

const char* type_of(JsonKind kind) {
  switch (kind) {
    case JsonKind::Text: return "string";
    case JsonKind::Integer: return "integer";
    case JsonKind::Number: return "number";
    case JsonKind::Boolean: return "boolean";
    case JsonKind::Object:
    case JsonKind::Any: break;
  }
  return nullptr;
}

std::string lower_name(HttpMethod method) {
  std::string name(http_method_name(method));
  for (char& c : name)
    c = static_cast<char>(c - 'A' + 'a');
  return name;
}

// Of whole numbers that a double holds, which all limits are.
void write_limit(JsonOut& json, std::string_view name, double limit) {
  if (!std::isfinite(limit)) return;
  if (std::trunc(limit) == limit && std::abs(limit) < 9e15) {
    json.field(name, static_cast<int64_t>(limit));
  } else {
    json.field(name, limit);
  }
}

std::string Document::write() {
  use(kProblemSchema, false);
  json_.object();
  json_.field("openapi", "3.1.0");
  write_info();
  write_paths();
  write_components();
  json_.key("security").array();
  json_.object().key("bearer").array().end().end();
  json_.object().key("apiToken").array().end().end();
  json_.end();
  json_.end();
  return json_.take();
}

void Document::write_info() {
  json_.key("info").object();
  json_.field("title", "Berth");
  json_.field("version", version_);
  json_.field("description", "Berth finds every task a place to run. docs/http.md has examples.");
  json_.end();
  json_.key("tags").array();
  for (const Api* api : apis_)
    json_.object().field("name", api->name).field("description", api->about).end();
  json_.end();
}

void Document::write_paths() {
  std::map<std::string_view, std::vector<std::pair<const Api*, const Route*>>> paths;
  for (const Api* api : apis_)
    for (const Route& route : api->routes)
      paths[route.path].emplace_back(api, &route);
  json_.key("paths").object();
  for (const auto& [path, routes] : paths) {
    json_.key(path).object();
    for (const auto& [api, route] : routes)
      write_operation(*api, *route);
    json_.end();
  }
  json_.end();
}

void Document::write_operation(const Api& api, const Route& route) {
  json_.key(lower_name(route.method)).object();
  json_.field("operationId", route.id).field("summary", route.about);
  json_.key("tags").array().value(api.name).end();
  if (route.open_to_all) json_.key("security").array().end();
  if (!route.parameters.empty() || !route.headers.empty()) {
    json_.key("parameters").array();
    for (const Parameter& parameter : route.parameters)
      write_parameter(route, parameter);
    for (const RequestHeader& header : route.headers)
      write_header(header);
    json_.end();
  }
  if (route.body != nullptr) write_body(route);
  write_answers(api, route);
  json_.end();
}

void Document::write_parameter(const Route& route, const Parameter& parameter) {
  const bool in_path = is_in_path(route, parameter.name);
  json_.object();
  json_.field("name", parameter.name).field("in", in_path ? "path" : "query");
  json_.field("description", parameter.about);
  json_.field("required", in_path || parameter.required);
  // `?verbose`
  if (parameter.kind == JsonKind::Boolean) json_.field("allowEmptyValue", true);
  json_.key("schema").object();
  if (parameter.repeats) json_.field("type", "array").key("items").object();
  json_.field("type", type_of(parameter.kind));
  if (parameter.kind == JsonKind::Integer) {
    json_.field("minimum", parameter.min);
    if (parameter.max != ~uint64_t{0}) json_.field("maximum", parameter.max);
  }
  write_choices(parameter.one_of);
  if (parameter.repeats) json_.end();
  json_.end().end();
}

void Document::write_header(const RequestHeader& header) {
  json_.object();
  json_.field("name", header.name).field("in", "header");
  json_.field("description", header.about).field("required", false);
  json_.key("schema").object().field("type", "string").end();
  json_.end();
}

void Document::write_body(const Route& route) {
  use(*route.body, true);
  json_.key("requestBody").object();
  json_.field("required", !route.body_optional);
  json_.key("content").object().key(kJsonType).object().key("schema").object();
  if (route.bodies_max > 1) {
    json_.key("oneOf").array().object();
    write_ref(*route.body);
    json_.end().object().field("type", "array");
    json_.field("minItems", 1).field("maxItems", static_cast<uint64_t>(route.bodies_max));
    json_.key("items").object();
    write_ref(*route.body);
    json_.end().end().end();
  } else {
    write_ref(*route.body);
  }
  json_.end().end().end().end();
}

void Document::write_answers(const Api& api, const Route& route) {
  json_.key("responses").object();
  std::set<int> statuses;
  for (const Answer& answer : route.answers) {
    if (statuses.insert(answer.status).second) write_answer(route, answer);
  }
  if (api.say_problem == nullptr) {
    json_.key("default").object().field("description", "Why it was not done, as RFC 9457 has it");
    json_.key("content").object().key(kProblemType).object().key("schema").object();
    write_ref(kProblemSchema);
    json_.end().end().end().end();
  }
  json_.end();
}

/// Of several answers with one status the first describes it, and each brings its type.
void Document::write_answer(const Route& route, const Answer& first) {
  json_.key(std::to_string(first.status)).object().field("description", first.about);
  bool begun = false;
  for (const Answer& answer : route.answers) {
    const bool empty =
        answer.status == 204 || (schema_of(answer) == nullptr && answer.content_type == kJsonType);
    if (answer.status != first.status || empty) continue;
    if (!std::exchange(begun, true)) json_.key("content").object();
    write_content(answer);
  }
  if (begun) json_.end();
  json_.end();
}

void Document::write_content(const Answer& answer) {
  const JsonSchema* schema = schema_of(answer);
  json_.key(answer.content_type).object().key("schema").object();
  if (schema == nullptr) {
    json_.field("type", "string");
  } else {
    use(*schema, false);
    if (answer.array) json_.field("type", "array").key("items").object();
    write_ref(*schema);
    if (answer.array) json_.end();
  }
  json_.end().end();
}

void Document::use(const JsonSchema& schema, bool in_body) {
  const bool first = schemas_.emplace(schema.name, &schema).second;
  const bool first_in_body = in_body && in_bodies_.insert(&schema).second;
  if (!first && !first_in_body) return;
  for (const JsonField& field : schema.fields)
    if (field.object != nullptr) use(*field.object, in_body);
}

void Document::write_components() {
  json_.key("components").object();
  json_.key("schemas").object();
  for (const auto& [name, schema] : schemas_) {
    json_.key(name);
    write_schema(*schema, !schema->open && in_bodies_.contains(schema));
  }
  json_.end();
  json_.key("securitySchemes").object();
  json_.key("bearer").object().field("type", "http").field("scheme", "bearer");
  json_.field("description", "The secret of --token-file, where the server has one").end();
  json_.key("apiToken").object().field("type", "apiKey").field("in", "header");
  json_.field("name", "X-API-Token").field("description", "The same secret").end();
  json_.end().end();
}

// What is answered may grow by keys; what is asked may not have any that are not known.
void Document::write_schema(const JsonSchema& schema, bool closed) {
  json_.object().field("type", "object").field("description", schema.about);
  json_.key("properties").object();
  for (const JsonField& field : schema.fields) {
    json_.key(field.name);
    write_field(field);
  }
  json_.end();
  json_.key("required").array();
  for (const JsonField& field : schema.fields)
    if (field.required) json_.value(field.name);
  json_.end();
  if (closed) json_.field("additionalProperties", false);
  json_.end();
}

void Document::write_field(const JsonField& field) {
  json_.object().field("description", field.about);
  if (field.nullable) json_.key("anyOf").array().object();
  if (field.map) json_.field("type", "object").key("additionalProperties").object();
  if (field.array) {
    json_.field("type", "array");
    if (std::isfinite(field.max)) json_.field("maxItems", field.items_max);
    json_.key("items").object();
  }
  write_kind(field);
  if (field.array) json_.end();
  if (field.map) json_.end();
  if (field.nullable) json_.end().object().field("type", "null").end().end();
  json_.end();
}

void Document::write_kind(const JsonField& field) {
  if (field.object != nullptr) return write_ref(*field.object);
  const char* type = type_of(field.kind);
  if (type == nullptr && field.kind == JsonKind::Object) type = "object";
  if (type != nullptr) json_.field("type", type);
  write_limits(field);
  write_choices(field.one_of);
}

void Document::write_limits(const JsonField& field) {
  const bool text = field.kind == JsonKind::Text;
  // Bytes are checked; of a text's characters there are no more than of its bytes.
  if (text && field.min == 1) json_.field("minLength", 1);
  if (text) write_limit(json_, "maxLength", field.max);
  if (text) return;
  write_limit(json_, "minimum", field.min);
  write_limit(json_, "maximum", field.max);
}

void Document::write_ref(const JsonSchema& schema) {
  json_.field("$ref", "#/components/schemas/" + std::string(schema.name));
}

void Document::write_choices(std::span<const std::string_view> words) {
  if (words.empty()) return;
  json_.key("enum").array();
  for (const std::string_view word : words)
    json_.value(word);
  json_.end();
}

}  // namespace

std::string openapi_document(std::span<const Api* const> apis, std::string_view version) {
  return Document(apis, version).write();
}

}  // namespace berth::net
