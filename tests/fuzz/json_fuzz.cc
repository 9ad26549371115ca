#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http/json_in.h"
#include "net/http/json_out.h"
#include "tests/net/http/sample_schema.h"

namespace {

using namespace berth::net;

/// What was read, written again: every kind of field, by its accessor.
void write(const JsonObject& from, const JsonSchema& schema, JsonOut& json);

template <typename Value>
void put(const Value& value, const JsonField&, JsonOut& json) {
  json.value(value);
}

void put(const JsonObject& value, const JsonField& field, JsonOut& json) {
  write(value, *field.object, json);
}

template <typename Value>
void write_field(const JsonObject& from, const JsonField& field, JsonOut& json, const Value& one) {
  json.key(field.name);
  if (field.map) {
    json.object();
    from.each_of_map<Value>(field.name, [&](std::string_view key, const Value& value) {
      put(value, field, json.key(key));
    });
    json.end();
  } else if (field.array) {
    json.array();
    from.each<Value>(field.name, [&](const Value& value) { put(value, field, json); });
    json.end();
  } else {
    put(one, field, json);
  }
}

void write(const JsonObject& from, const JsonSchema& schema, JsonOut& json) {
  json.object();
  for (const JsonField& field : schema.fields) {
    if (!from.has(field.name) || (field.array && field.map)) continue;
    switch (field.kind) {
      case JsonKind::Text: write_field(from, field, json, from.text(field.name)); break;
      case JsonKind::Integer: write_field(from, field, json, from.integer(field.name)); break;
      case JsonKind::Number: write_field(from, field, json, from.number(field.name)); break;
      case JsonKind::Boolean: write_field(from, field, json, from.truth(field.name)); break;
      case JsonKind::Object: write_field(from, field, json, from.object(field.name)); break;
      case JsonKind::Any: break;
    }
  }
  json.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static JsonReader reader;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (!reader.read_one_or_many(body, sample_schema(), 4)) {
    if (reader.problem().message.empty()) std::abort();
    return 0;
  }
  if (reader.items() == 0 || reader.items() > 4) std::abort();
  JsonOut first;
  write(reader.object(), sample_schema(), first);
  if (!reader.read(first.text(), sample_schema())) std::abort();
  JsonOut second;
  write(reader.object(), sample_schema(), second);
  if (first.text() != second.text()) std::abort();
  return 0;
}
