#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http/json_schema.h"

namespace berth::net {

/// An object inside a body that has been checked against its schema: reading cannot fail, a field
/// that is absent (or null) gives the default.
///
/// Memory   points into its JsonReader: valid until the next `read`
class JsonObject {
 public:
  bool has(std::string_view name) const;
  std::string_view text(std::string_view name, std::string_view otherwise = {}) const;
  int64_t integer(std::string_view name, int64_t otherwise = 0) const;
  double number(std::string_view name, double otherwise = 0) const;
  bool truth(std::string_view name, bool otherwise = false) const;
  JsonObject object(std::string_view name) const;  ///< empty when absent

  /// Calls `visit` for each item of an array: with a std::string_view, an int64_t, a double, a bool
  /// or a JsonObject, as the schema has it; of a map: with the key, then such a value.
  template <typename Value, typename Visit>
  void each(std::string_view name, Visit&& visit) const;
  template <typename Value, typename Visit>
  void each_of_map(std::string_view name, Visit&& visit) const;

 private:
  friend class JsonReader;
  const void* element_ = nullptr;  // of the parser in use; see json_in.cc
};

/// Text to checked objects: UTF-8, depth, duplicate keys, unknown fields, types, ranges.
///
/// Shape    one parser, reused; a body is an object, or an array of them where that is allowed
/// Threads  one owner
/// Memory   grows to the largest body
/// Errors   the first one: where (a JSON pointer) and what, with the nearest known field's name
class JsonReader {
 public:
  static constexpr int kDepthMax = 32;

  struct Problem {
    std::string pointer;  ///< `/resources/cpu_milli`
    std::string message;  ///< one sentence: what, the value, the remedy
  };

  JsonReader();
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// False: see `problem()`.
  bool read(std::string_view body, const JsonSchema& schema);
  /// The same for an object or an array of 1 to `items_max` objects.
  bool read_one_or_many(std::string_view body, const JsonSchema& schema, size_t items_max);

  JsonObject object() const;  ///< the first
  size_t items() const;
  JsonObject item(size_t at) const;
  bool many() const;  ///< the body was an array
  const Problem& problem() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::net
