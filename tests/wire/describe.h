#pragma once

#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "tests/wire/fields.h"
#include "wire/messages.h"

/// A message as text, with every field in order: what tests compare and print.
namespace berth::wire {

template <typename T>
struct IsSpan : std::false_type {};
template <typename T>
struct IsSpan<std::span<T>> : std::true_type {};

inline void describe_number(double value, std::string& out) {
  char digits[32];
  // The wire leaves out what equals its default, and -0 equals 0.
  if (value == 0) value = 0;
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
}

template <typename T>
void describe(const T& value, std::string& out) {
  if constexpr (std::is_same_v<T, Text>) {
    out.append("'").append(value).append("'");
  } else if constexpr (std::is_enum_v<T>) {
    out.append("#").append(std::to_string(static_cast<int>(value)));
  } else if constexpr (std::is_floating_point_v<T>) {
    describe_number(value, out);
  } else if constexpr (std::is_arithmetic_v<T>) {
    out.append(std::to_string(value));
  } else if constexpr (IsSpan<T>::value) {
    out.append("[");
    for (const auto& element : value) {
      describe(element, out);
      out.append(" ");
    }
    out.append("]");
  } else {
    out.append("{");
    for_each_field(value, [&](const auto& field) {
      describe(field, out);
      out.append(" ");
    });
    out.append("}");
  }
}

/// The number of the alternative, then its fields.
template <typename... Messages>
std::string describe(const std::variant<Messages...>& message) {
  std::string out = std::to_string(message.index());
  std::visit([&](const auto& body) { describe(body, out); }, message);
  return out;
}

}  // namespace berth::wire
