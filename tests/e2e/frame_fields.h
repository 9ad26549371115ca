#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "wire/messages.h"

namespace berth::e2e {

using nlohmann::json;

inline int hex_digit(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

inline std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(hex_digit(hex[i]) * 16 + hex_digit(hex[i + 1])));
  }
  return bytes;
}

/// Reads the fields of one request and keeps what its spans point to. Deques: nothing moves.
class Fields {
 public:
  explicit Fields(const json& object) : object_(object) {}

  template <typename Number>
  Number number(const char* name, Number otherwise) const {
    auto found = object_.find(name);
    if (found == object_.end()) return otherwise;
    if (!found->is_string()) return found->get<Number>();
    double value = *found == "nan"   ? std::numeric_limits<double>::quiet_NaN()
                   : *found == "inf" ? std::numeric_limits<double>::infinity()
                                     : -std::numeric_limits<double>::infinity();
    return static_cast<Number>(value);
  }
  bool flag(const char* name, bool otherwise = false) const {
    return object_.value(name, otherwise);
  }
  Fields inside(const char* name) const {
    static const json kNothing = json::object();
    return Fields(object_.contains(name) ? object_[name] : kNothing);
  }

  wire::Text text(const char* name) {
    return object_.contains(name) ? keep(object_[name]) : wire::Text();
  }
  wire::TextList texts(const char* name) {
    return object_.contains(name) ? keep_list(object_[name]) : wire::TextList();
  }
  std::span<const wire::TextList> text_groups(const char* name) {
    std::vector<wire::TextList>& kept = groups_.emplace_back();
    for (const json& group : object_.value(name, json::array()))
      kept.push_back(keep_list(group));
    return kept;
  }
  std::span<const wire::Label> labels(const char* name) {
    std::vector<wire::Label>& kept = labels_.emplace_back();
    for (const json& pair : object_.value(name, json::array())) {
      kept.push_back({keep(pair[0]), keep(pair[1])});
    }
    return kept;
  }
  std::span<const wire::NamedAmount> amounts(const char* name) {
    std::vector<wire::NamedAmount>& kept = amounts_.emplace_back();
    for (const json& pair : object_.value(name, json::array())) {
      kept.push_back({keep(pair[0]), pair[1].get<int64_t>()});
    }
    return kept;
  }
  template <typename Number = uint64_t>
  std::span<const Number> numbers(const char* name) {
    return keep_all(object_.value(name, std::vector<Number>()));
  }
  /// One `T` for each element of the list, as `make` reads it.
  template <typename T, typename Make>
  std::span<const T> all(const char* name, Make make) {
    std::vector<T> made;
    for (const json& one : object_.value(name, json::array()))
      made.push_back(make(one));
    return keep_all(std::move(made));
  }
  template <typename T>
  std::span<const T> keep_all(std::vector<T> made) {
    auto kept = std::make_shared<const std::vector<T>>(std::move(made));
    anything_.push_back(kept);
    return *kept;
  }
  const json& raw() const { return object_; }

 private:
  wire::Text keep(const json& value) {
    return texts_.emplace_back(
        value.is_object() ? from_hex(value["hex"].get<std::string>()) : value.get<std::string>());
  }
  wire::TextList keep_list(const json& values) {
    std::vector<std::string_view>& kept = lists_.emplace_back();
    for (const json& value : values)
      kept.push_back(keep(value));
    return kept;
  }

  const json& object_;
  // Static: what a nested Fields has kept outlives it. One request at a time, see clear().
  static inline std::deque<std::string> texts_;
  static inline std::deque<std::vector<std::string_view>> lists_;
  static inline std::deque<std::vector<wire::TextList>> groups_;
  static inline std::deque<std::vector<wire::Label>> labels_;
  static inline std::deque<std::vector<wire::NamedAmount>> amounts_;
  static inline std::vector<std::shared_ptr<const void>> anything_;

 public:
  static void clear() {
    texts_.clear();
    lists_.clear();
    groups_.clear();
    labels_.clear();
    amounts_.clear();
    anything_.clear();
  }
};

inline wire::Demand demand_of(Fields f) {
  return {
      .slots = f.number<int64_t>("slots", 1),
      .cpu_milli = f.number<int64_t>("cpu_milli", 0),
      .memory_mib = f.number<int64_t>("memory_mib", 0),
      .disk_mib = f.number<int64_t>("disk_mib", 0),
      .network_mbit = f.number<int64_t>("network_mbit", 0),
      .gpu_count = f.number<int64_t>("gpu_count", 0),
      .gpu_milli = f.number<int64_t>("gpu_milli", 0),
      .gpu_models = f.texts("gpu_models"),
      .custom = f.amounts("custom")};
}

inline wire::Requirements requirements_of(Fields f) {
  return {
      .all_tags = f.texts("all_tags"),
      .any_tags = f.text_groups("any_tags"),
      .none_tags = f.texts("none_tags"),
      .affinity = f.labels("affinity"),
      .anti_affinity = f.labels("anti_affinity"),
      .spread_by = f.text("spread_by"),
      .exclude_workers = f.texts("exclude_workers")};
}

}  // namespace berth::e2e
