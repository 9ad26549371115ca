#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace berth::net {

struct JsonSchema;

enum class JsonKind : uint8_t { Text, Integer, Number, Boolean, Object, Any };

/// One field of an object. `array` and `map` (text → kind) may be combined with every kind.
struct JsonField {
  std::string_view name;
  JsonKind kind = JsonKind::Text;
  std::string_view about;  ///< one sentence, with the unit
  bool required = false;
  bool array = false;
  bool map = false;
  bool nullable = false;
  const JsonSchema* object = nullptr;                     ///< for Object
  double min = -std::numeric_limits<double>::infinity();  ///< numbers; of texts: bytes
  double max = std::numeric_limits<double>::infinity();
  uint32_t items_max = 10'000;                    ///< of an array or map
  std::span<const std::string_view> one_of = {};  ///< texts: the only ones allowed
};

/// The shape of a JSON object: what a body is checked against before a handler sees it, and what
/// the OpenAPI document says of it. One table serves both, so they cannot differ.
struct JsonSchema {
  std::string_view name;  ///< in the document: `#/components/schemas/NAME`
  std::string_view about;
  std::span<const JsonField> fields;
  bool open = false;  ///< further fields are ignored instead of refused
};

}  // namespace berth::net
