#pragma once

#include <array>
#include <span>
#include <string_view>

#include "net/http/json_schema.h"

/// Fields of an answer, each in a line: all that an answer has is required, for clients may rely on
/// it.
namespace berth::net::v1::schema_fields {

constexpr JsonField text(std::string_view name, std::string_view about) {
  return {.name = name, .about = about, .required = true};
}
constexpr JsonField text_or_null(std::string_view name, std::string_view about) {
  return {.name = name, .about = about, .required = true, .nullable = true};
}
constexpr JsonField count(std::string_view name, std::string_view about) {
  return {.name = name, .kind = JsonKind::Integer, .about = about, .required = true};
}
constexpr JsonField count_or_null(std::string_view name, std::string_view about) {
  return {
      .name = name, .kind = JsonKind::Integer, .about = about, .required = true, .nullable = true};
}
constexpr JsonField number(std::string_view name, std::string_view about) {
  return {.name = name, .kind = JsonKind::Number, .about = about, .required = true};
}
constexpr JsonField number_or_null(std::string_view name, std::string_view about) {
  return {
      .name = name, .kind = JsonKind::Number, .about = about, .required = true, .nullable = true};
}
constexpr JsonField truth(std::string_view name, std::string_view about) {
  return {.name = name, .kind = JsonKind::Boolean, .about = about, .required = true};
}
constexpr JsonField word(
    std::string_view name, std::string_view about, std::span<const std::string_view> words) {
  return {.name = name, .about = about, .required = true, .one_of = words};
}
constexpr JsonField object(
    std::string_view name, std::string_view about, const JsonSchema& schema) {
  return {
      .name = name, .kind = JsonKind::Object, .about = about, .required = true, .object = &schema};
}
constexpr JsonField object_or_null(
    std::string_view name, std::string_view about, const JsonSchema& schema) {
  return {
      .name = name,
      .kind = JsonKind::Object,
      .about = about,
      .required = true,
      .nullable = true,
      .object = &schema};
}
constexpr JsonField objects(
    std::string_view name, std::string_view about, const JsonSchema& schema) {
  return {
      .name = name,
      .kind = JsonKind::Object,
      .about = about,
      .required = true,
      .array = true,
      .object = &schema};
}

template <size_t N, size_t M>
constexpr std::array<JsonField, N + M> joined(
    const std::array<JsonField, N>& first, const std::array<JsonField, M>& second) {
  std::array<JsonField, N + M> all = {};
  for (size_t i = 0; i < N; ++i)
    all[i] = first[i];
  for (size_t i = 0; i < M; ++i)
    all[N + i] = second[i];
  return all;
}

}  // namespace berth::net::v1::schema_fields
