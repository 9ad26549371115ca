#include "net/http/json_in.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "net/http/json_check.h"

namespace berth::net {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// Memory that a reader keeps between bodies.
constexpr size_t kKeptMax = 256 * 1024;

std::string_view sentence(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY: return "the body is empty; send a JSON object";
    case simdjson::UTF8_ERROR: return "the body is not UTF-8";
    case simdjson::DEPTH_ERROR: return "the body is nested more than 32 levels deep";
    case simdjson::NUMBER_ERROR: return "the body has a number that is malformed or out of range";
    case simdjson::UNCLOSED_STRING: return "the body has a text that does not end";
    case simdjson::UNESCAPED_CHARS:
      return "the body has a control character in a text; escape it as \\u00XX";
    case simdjson::STRING_ERROR: return "the body has a text with an escape that is none";
    case simdjson::CAPACITY: return "the body is too large";
    default: return "the body is no JSON";
  }
}

}  // namespace

struct JsonReader::State {
  simdjson::dom::parser parser;
  std::vector<char> padded;  // the body, and what simdjson may read behind it
  std::vector<JsonObject> objects;
  bool many = false;
  JsonCheck check;

  bool fail(std::string_view message) {
    check.problem = {{}, std::string(message)};
    return false;
  }
  bool parse(std::string_view body, element& root);
  void forget();
};

void JsonReader::State::forget() {
  objects.clear();
  many = false;
  if (padded.size() > kKeptMax) {
    padded = {};
    parser = simdjson::dom::parser();
  }
}

bool JsonReader::State::parse(std::string_view body, element& root) {
  forget();
  if (padded.size() < body.size() + simdjson::SIMDJSON_PADDING) {
    padded.resize(std::max<size_t>(2 * body.size(), 4096) + simdjson::SIMDJSON_PADDING);
  }
  if (body.size() > parser.capacity()) {
    const size_t capacity = std::max<size_t>(2 * body.size(), 4096);
    if (parser.allocate(capacity, kDepthMax) != simdjson::SUCCESS) return fail("out of memory");
  }
  std::copy(body.begin(), body.end(), padded.begin());
  std::memset(padded.data() + body.size(), ' ', simdjson::SIMDJSON_PADDING);
  const simdjson::error_code error = parser.parse(padded.data(), body.size(), false).get(root);
  return error == simdjson::SUCCESS || fail(sentence(error));
}

// ---- Objects --------------------------------------------------------------------------------

namespace {

static_assert(std::is_trivially_copyable_v<element> && sizeof(element) == sizeof(JsonPlace));

/// The value of `name`; false when there is none, or null.
bool find(const JsonPlace& place, std::string_view name, element& value) {
  if (place == JsonPlace{}) return false;
  object in;
  return std::bit_cast<element>(place).get_object().get(in) == simdjson::SUCCESS &&
         in.at_key(name).get(value) == simdjson::SUCCESS && !value.is_null();
}

template <typename Value>
Value or_nothing(element value, Value otherwise = {}) {
  Value what;
  return value.get<Value>().get(what) == simdjson::SUCCESS ? what : otherwise;
}

template <typename Value>
Value read(const JsonPlace& place, std::string_view name, Value otherwise) {
  element value;
  return find(place, name, value) ? or_nothing<Value>(value, otherwise) : otherwise;
}

}  // namespace

bool JsonObject::has(std::string_view name) const {
  element value;
  return find(place_, name, value);
}

std::string_view JsonObject::text(std::string_view name, std::string_view otherwise) const {
  return read<std::string_view>(place_, name, otherwise);
}

int64_t JsonObject::integer(std::string_view name, int64_t otherwise) const {
  element value;
  int64_t number = 0;
  return find(place_, name, value) && JsonCheck::is_integer(value, number) ? number : otherwise;
}

double JsonObject::number(std::string_view name, double otherwise) const {
  return read<double>(place_, name, otherwise);
}

bool JsonObject::truth(std::string_view name, bool otherwise) const {
  return read<bool>(place_, name, otherwise);
}

JsonObject JsonObject::object(std::string_view name) const {
  element value;
  JsonObject inner;
  if (find(place_, name, value)) inner.place_ = std::bit_cast<JsonPlace>(value);
  return inner;
}

size_t JsonObject::count(std::string_view name) const {
  size_t items = 0;
  visit_items(name, [&](const Item&) { ++items; });
  return items;
}

void JsonObject::visit_items(std::string_view name, Visitor visitor) const {
  element value;
  if (!find(place_, name, value)) return;
  const auto visit = [&](std::string_view key, element what) {
    Item item;
    item.key = key;
    item.text = or_nothing<std::string_view>(what);
    item.number = or_nothing<double>(what);
    item.truth = or_nothing<bool>(what);
    if (!JsonCheck::is_integer(what, item.integer)) item.integer = 0;
    if (what.is_object()) item.object.place_ = std::bit_cast<JsonPlace>(what);
    visitor.invoke(visitor.target, item);
  };
  simdjson::dom::array items;
  simdjson::dom::object entries;
  if (value.get_array().get(items) == simdjson::SUCCESS) {
    for (const element item : items)
      visit({}, item);
  } else if (value.get_object().get(entries) == simdjson::SUCCESS) {
    for (const auto entry : entries)
      visit(entry.key, entry.value);
  }
}

// ---- Bodies ---------------------------------------------------------------------------------

JsonReader::JsonReader() : state_(std::make_unique<State>()) {}

JsonReader::~JsonReader() = default;

bool JsonReader::read(std::string_view body, const JsonSchema& schema) {
  element root;
  if (!state_->parse(body, root) || !state_->check.object(root, schema)) return false;
  state_->objects.emplace_back().place_ = std::bit_cast<JsonPlace>(root);
  return true;
}

bool JsonReader::read_one_or_many(
    std::string_view body, const JsonSchema& schema, size_t items_max) {
  element root;
  if (!state_->parse(body, root)) return false;
  simdjson::dom::array items;
  if (root.get_array().get(items) != simdjson::SUCCESS) {
    if (!state_->check.object(root, schema)) return false;
    state_->objects.emplace_back().place_ = std::bit_cast<JsonPlace>(root);
    return true;
  }
  state_->many = true;
  for (const element item : items) {
    const size_t at = state_->objects.size();
    if (at == items_max) {
      return state_->fail("the body has more than " + std::to_string(items_max) + " items");
    }
    if (!state_->check.object(item, schema)) return state_->check.inside(std::to_string(at));
    state_->objects.emplace_back().place_ = std::bit_cast<JsonPlace>(item);
  }
  return !state_->objects.empty() || state_->fail("the body is an array without items");
}

JsonObject JsonReader::object() const {
  return item(0);
}

size_t JsonReader::items() const {
  return state_->objects.size();
}

JsonObject JsonReader::item(size_t at) const {
  return at < state_->objects.size() ? state_->objects[at] : JsonObject();
}

bool JsonReader::many() const {
  return state_->many;
}

const JsonReader::Problem& JsonReader::problem() const {
  return state_->check.problem;
}

}  // namespace berth::net
