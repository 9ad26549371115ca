#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "net/http/json_schema.h"

namespace berth::net {

/// Where the parser keeps a value; zeros: nowhere. See json_in.cc.
using JsonPlace = std::array<uint64_t, 2>;

/// An object inside a body that has been checked against its schema: reading cannot fail, a field
/// that is absent, null or of another kind gives the default.
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
  /// Items of an array, entries of a map; 0 when absent.
  size_t count(std::string_view name) const;

  /// Calls `visit` for each item of an array: with a std::string_view, an int64_t, a double, a bool
  /// or a JsonObject, as the schema has it; of a map: with the key, then such a value.
  template <typename Value, typename Visit>
  void each(std::string_view name, Visit&& visit) const;
  template <typename Value, typename Visit>
  void each_of_map(std::string_view name, Visit&& visit) const;

 private:
  friend class JsonReader;
  struct Item;

  template <typename Value>
  static Value value_of(const Item& item);
  /// A borrowed callable: `std::function` would allocate.
  struct Visitor {
    template <typename Call>
    Visitor(const Call& call)  // NOLINT: made where it is passed
        : target(&call),
          invoke([](const void* to, const Item& item) { (*static_cast<const Call*>(to))(item); }) {}
    const void* target;
    void (*invoke)(const void*, const Item&);
  };
  void visit_items(std::string_view name, Visitor visitor) const;

  JsonPlace place_ = {};
};

struct JsonObject::Item {
  std::string_view key;
  std::string_view text;
  int64_t integer = 0;
  double number = 0;
  bool truth = false;
  JsonObject object;
};

template <typename Value>
Value JsonObject::value_of(const Item& item) {
  if constexpr (std::is_same_v<Value, std::string_view>) return item.text;
  if constexpr (std::is_same_v<Value, int64_t>) return item.integer;
  if constexpr (std::is_same_v<Value, double>) return item.number;
  if constexpr (std::is_same_v<Value, bool>) return item.truth;
  if constexpr (std::is_same_v<Value, JsonObject>) return item.object;
}

template <typename Value, typename Visit>
void JsonObject::each(std::string_view name, Visit&& visit) const {
  visit_items(name, [&](const Item& item) { visit(value_of<Value>(item)); });
}

template <typename Value, typename Visit>
void JsonObject::each_of_map(std::string_view name, Visit&& visit) const {
  visit_items(name, [&](const Item& item) { visit(item.key, value_of<Value>(item)); });
}

/// Text to checked objects: UTF-8, depth, duplicate keys, unknown fields, types, ranges.
///
/// Shape    one parser, reused; a body is an object, or an array of them where that is allowed
/// Threads  one owner
/// Memory   grows to the largest body
/// Errors   the first one: where (a JSON pointer) and what, with the nearest known field's name
class JsonReader {
 public:
  static constexpr size_t kDepthMax = 32;

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
