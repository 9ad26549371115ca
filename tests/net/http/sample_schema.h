#pragma once

#include <array>

#include "net/http/json_schema.h"

namespace berth::net {

/// A schema with a field of every kind, for the tests and the fuzzer of JSON bodies.
inline const JsonSchema& sample_schema() {
  static constexpr std::array<std::string_view, 2> kColours = {"red", "blue"};
  static const std::array<JsonField, 2> kInner = {{
      {.name = "x", .kind = JsonKind::Integer, .required = true},
      {.name = "free", .kind = JsonKind::Any},
  }};
  static const JsonSchema inner = {.name = "Inner", .fields = kInner};
  static const JsonSchema open = {.name = "Open", .fields = kInner, .open = true};
  static const std::array<JsonField, 17> kFields = {{
      {.name = "task", .required = true, .min = 1, .max = 8},
      {.name = "colour", .one_of = kColours},
      {.name = "note", .nullable = true},
      {.name = "slots", .kind = JsonKind::Integer, .min = 0, .max = 100},
      {.name = "any_integer", .kind = JsonKind::Integer},
      {.name = "load", .kind = JsonKind::Number, .min = 0, .max = 1},
      {.name = "wait", .kind = JsonKind::Boolean},
      {.name = "inner", .kind = JsonKind::Object, .object = &inner},
      {.name = "open", .kind = JsonKind::Object, .object = &open},
      {.name = "free", .kind = JsonKind::Any},
      {.name = "tags", .array = true, .items_max = 3},
      {.name = "numbers", .kind = JsonKind::Integer, .array = true},
      {.name = "inners", .kind = JsonKind::Object, .array = true, .object = &inner},
      {.name = "labels", .map = true, .max = 4, .items_max = 2},
      {.name = "amounts", .kind = JsonKind::Number, .map = true},
      {.name = "flags", .kind = JsonKind::Boolean, .array = true},
      {.name = "lists", .array = true, .map = true},
  }};
  static const JsonSchema schema = {.name = "Sample", .fields = kFields};
  return schema;
}

}  // namespace berth::net
