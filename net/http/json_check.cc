#include "net/http/json_check.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/check.h"
#include "net/text/units.h"

namespace berth::net {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr size_t kShownMax = 64;
constexpr size_t kFieldsMax = 64;                 // bits of the set of those seen
constexpr double kExactMax = 9007199254740992.0;  // 2^53: integers beyond it are not exact

/// A value in quotes, cut short. What is cut may be half of a character; JsonOut mends that.
std::string quoted(std::string_view text) {
  std::string shown = "'" + std::string(text.substr(0, kShownMax));
  return shown + (text.size() > kShownMax ? "…'" : "'");
}

std::string_view kind_name(element value) {
  switch (value.type()) {
    case element_type::ARRAY: return "an array";
    case element_type::OBJECT: return "an object";
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE: return "a number";
    case element_type::STRING: return "a text";
    case element_type::BOOL: return "true or false";
    case element_type::NULL_VALUE: return "null";
  }
  return "something else";
}

std::string shown_number(double value) {
  std::array<char, 32> text;
  const int bytes = std::snprintf(text.data(), text.size(), "%.15g", value);
  return {text.data(), static_cast<size_t>(bytes)};
}

/// A name inside a JSON pointer.
std::string escaped(std::string_view name) {
  std::string to;
  for (const char c : name.substr(0, kShownMax)) {
    if (c == '~') {
      to += "~0";
    } else if (c == '/') {
      to += "~1";
    } else {
      to += c;
    }
  }
  return to;
}

}  // namespace

bool JsonCheck::wrong(std::string message) {
  problem.message = std::move(message);
  problem.pointer.clear();
  return false;
}

bool JsonCheck::inside(std::string_view name) {
  problem.pointer.insert(0, "/" + escaped(name));
  return false;
}

bool JsonCheck::wrong_kind(element value, std::string_view wanted) {
  return wrong("has to be " + std::string(wanted) + ", and is " + std::string(kind_name(value)));
}

bool JsonCheck::is_integer(element value, int64_t& number) {
  if (value.get_int64().get(number) == simdjson::SUCCESS) return true;
  double real = 0;
  if (!value.is_double() || value.get_double().get(real) != simdjson::SUCCESS) return false;
  if (std::abs(real) > kExactMax || real != std::trunc(real)) return false;
  number = static_cast<int64_t>(real);
  return true;
}

// ---- Objects --------------------------------------------------------------------------------

bool JsonCheck::object(element value, const JsonSchema& schema) {
  simdjson::dom::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return wrong_kind(value, "an object");
  return distinct(object) && fields(object, schema);
}

bool JsonCheck::distinct(simdjson::dom::object object) {
  keys_.clear();
  for (const auto entry : object)
    keys_.push_back(entry.key);
  std::string_view twice;
  if (keys_.size() <= 16) {
    for (size_t i = 1; i < keys_.size() && twice.data() == nullptr; ++i) {
      const auto end = keys_.begin() + static_cast<ptrdiff_t>(i);
      if (std::find(keys_.begin(), end, keys_[i]) != end) twice = keys_[i];
    }
  } else {
    std::sort(keys_.begin(), keys_.end());
    const auto found = std::adjacent_find(keys_.begin(), keys_.end());
    if (found != keys_.end()) twice = *found;
  }
  if (twice.data() == nullptr) return true;
  (void)wrong("is there twice; leave one of them out");
  return inside(twice);
}

bool JsonCheck::fields(simdjson::dom::object object, const JsonSchema& schema) {
  BERTH_CHECK(schema.fields.size() <= kFieldsMax);
  uint64_t seen = 0;
  size_t likely = 0;  // clients tend to keep to the order of the documentation
  for (const auto entry : object) {
    size_t at = likely;
    if (at >= schema.fields.size() || schema.fields[at].name != entry.key) {
      at = 0;
      while (at < schema.fields.size() && schema.fields[at].name != entry.key)
        ++at;
    }
    if (at == schema.fields.size()) {
      if (schema.open ? any(entry.value) : unknown(entry.key, schema)) continue;
      return inside(entry.key);
    }
    likely = at + 1;
    if (!field(entry.value, schema.fields[at])) return inside(entry.key);
    if (!entry.value.is_null()) seen |= uint64_t{1} << at;
  }
  for (size_t at = 0; at < schema.fields.size(); ++at) {
    if (!schema.fields[at].required || (seen >> at & 1) != 0) continue;
    (void)wrong("is missing");
    return inside(schema.fields[at].name);
  }
  return true;
}

bool JsonCheck::unknown(std::string_view name, const JsonSchema& schema) {
  std::vector<std::string_view> known;
  for (const JsonField& field : schema.fields)
    known.push_back(field.name);
  const std::string_view near = nearest_word(name.substr(0, kShownMax), known);
  if (!near.empty()) return wrong("is no known field; did you mean " + quoted(near) + "?");
  return wrong("is no known field of " + std::string(schema.name));
}

bool JsonCheck::field(element value, const JsonField& field) {
  if (value.is_null()) {
    // Reading gives the default for it, as for one that is absent.
    if (field.nullable || !field.required) return true;
    return wrong("is null, and has to be there");
  }
  if (field.map) return entries(value, field);
  return field.array ? items(value, field) : one(value, field);
}

bool JsonCheck::items(element value, const JsonField& field) {
  simdjson::dom::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return wrong_kind(value, "an array");
  size_t at = 0;
  for (const element item : array) {
    if (at == field.items_max) {
      return wrong("has more than " + std::to_string(field.items_max) + " items");
    }
    if (!one(item, field)) return inside(std::to_string(at));
    ++at;
  }
  return true;
}

bool JsonCheck::entries(element value, const JsonField& field) {
  simdjson::dom::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return wrong_kind(value, "an object");
  if (!distinct(object)) return false;
  size_t count = 0;
  for (const auto entry : object) {
    if (++count > field.items_max) {
      return wrong("has more than " + std::to_string(field.items_max) + " entries");
    }
    const bool good = field.array ? items(entry.value, field) : one(entry.value, field);
    if (!good) return inside(entry.key);
  }
  return true;
}

// ---- Values ---------------------------------------------------------------------------------

bool JsonCheck::one(element value, const JsonField& field) {
  switch (field.kind) {
    case JsonKind::Text: {
      std::string_view what;
      if (value.get_string().get(what) == simdjson::SUCCESS) return text(what, field);
      return wrong_kind(value, "a text");
    }
    case JsonKind::Integer:
    case JsonKind::Number: return number(value, field);
    case JsonKind::Boolean: return value.is_bool() || wrong_kind(value, "true or false");
    case JsonKind::Object:
      if (field.object != nullptr) return object(value, *field.object);
      return value.is_object() ? any(value) : wrong_kind(value, "an object");
    case JsonKind::Any: return any(value);
  }
  return true;
}

bool JsonCheck::text(std::string_view value, const JsonField& field) {
  if (value.find('\0') != value.npos) return wrong("has a NUL character; leave it out");
  if (!range(static_cast<double>(value.size()), field, quoted(value), " bytes")) return false;
  if (field.one_of.empty()) return true;
  if (std::find(field.one_of.begin(), field.one_of.end(), value) != field.one_of.end()) return true;
  std::string message = quoted(value) + " is none of ";
  for (const std::string_view word : field.one_of) {
    if (word != field.one_of.front()) message += ", ";
    message += quoted(word);
  }
  return wrong(message);
}

bool JsonCheck::number(element value, const JsonField& field) {
  if (!value.is_number()) {
    return wrong_kind(value, field.kind == JsonKind::Integer ? "an integer" : "a number");
  }
  double real = 0;
  if (value.get_double().get(real) != simdjson::SUCCESS) return wrong("is out of range");
  int64_t whole = 0;
  if (field.kind == JsonKind::Integer && !is_integer(value, whole)) {
    const bool large = std::abs(real) >= kExactMax;
    return wrong(shown_number(real) + (large ? " is too large" : " is no integer"));
  }
  return range(real, field, shown_number(real), "");
}

bool JsonCheck::range(
    double value, const JsonField& field, std::string_view shown, std::string_view unit) {
  if (value >= field.min && value <= field.max) return true;
  std::string message(shown);
  const bool low = value < field.min;
  if (!unit.empty() && low && value == 0) return wrong("is empty");
  message += low ? " is below the least" : " is above the most";
  message += unit.empty() ? "" : " in length";
  return wrong(message + ", " + shown_number(low ? field.min : field.max) + std::string(unit));
}

bool JsonCheck::any(element value) {
  simdjson::dom::array items;
  if (value.get_array().get(items) == simdjson::SUCCESS) {
    size_t at = 0;
    for (const element item : items) {
      if (!any(item)) return inside(std::to_string(at));
      ++at;
    }
    return true;
  }
  simdjson::dom::object entries;
  if (value.get_object().get(entries) != simdjson::SUCCESS) return true;
  if (!distinct(entries)) return false;
  for (const auto entry : entries) {
    if (!any(entry.value)) return inside(entry.key);
  }
  return true;
}

}  // namespace berth::net
