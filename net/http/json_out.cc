#include "net/http/json_out.h"

#include <rapidjson/writer.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace berth::net {
namespace {

/// What rapidjson writes to.
struct Sink {
  using Ch = char;
  std::string& text;

  void Put(char c) { text.push_back(c); }
  void Flush() {}
};

size_t character_bytes(char first) {
  const auto c = static_cast<unsigned char>(first);
  return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/// `text` with U+FFFD in place of every byte that is part of no character.
std::string repaired(std::string_view text) {
  std::string good;
  while (!text.empty()) {
    const size_t bytes = std::min(character_bytes(text.front()), text.size());
    const bool fine = simdjson::validate_utf8(text.data(), bytes);
    good += fine ? text.substr(0, bytes) : "\xef\xbf\xbd";
    text.remove_prefix(fine ? bytes : 1);
  }
  return good;
}

}  // namespace

struct JsonOut::State {
  std::string text;
  Sink sink = {text};
  rapidjson::Writer<Sink> writer{sink};
  std::vector<bool> objects;  // of what is open, innermost last: an object, or an array

  template <typename Write>
  void put(std::string_view what, Write&& write) {
    const bool good = simdjson::validate_utf8(what.data(), what.size());
    const std::string mended = good ? std::string() : repaired(what);
    if (!good) what = mended;
    write(what.data(), static_cast<rapidjson::SizeType>(what.size()));
  }
};

JsonOut::JsonOut() : state_(std::make_unique<State>()) {}

JsonOut::~JsonOut() = default;

JsonOut& JsonOut::object() {
  state_->objects.push_back(true);
  state_->writer.StartObject();
  return *this;
}

JsonOut& JsonOut::array() {
  state_->objects.push_back(false);
  state_->writer.StartArray();
  return *this;
}

JsonOut& JsonOut::end() {
  const bool object = state_->objects.back();
  state_->objects.pop_back();
  if (object) {
    state_->writer.EndObject();
  } else {
    state_->writer.EndArray();
  }
  return *this;
}

JsonOut& JsonOut::key(std::string_view name) {
  state_->put(
      name, [&](const char* at, rapidjson::SizeType bytes) { state_->writer.Key(at, bytes); });
  return *this;
}

JsonOut& JsonOut::value(std::string_view text) {
  state_->put(
      text, [&](const char* at, rapidjson::SizeType bytes) { state_->writer.String(at, bytes); });
  return *this;
}

JsonOut& JsonOut::value(int64_t number) {
  state_->writer.Int64(number);
  return *this;
}

JsonOut& JsonOut::value(uint64_t number) {
  state_->writer.Uint64(number);
  return *this;
}

JsonOut& JsonOut::value(double number) {
  if (!std::isfinite(number)) return null();
  state_->writer.Double(number);
  return *this;
}

JsonOut& JsonOut::value(bool truth) {
  state_->writer.Bool(truth);
  return *this;
}

JsonOut& JsonOut::null() {
  state_->writer.Null();
  return *this;
}

JsonOut& JsonOut::raw(std::string_view json) {
  state_->writer.RawValue(json.data(), json.size(), rapidjson::kObjectType);
  return *this;
}

std::string_view JsonOut::text() const {
  return state_->text;
}

std::string JsonOut::take() {
  return std::exchange(state_->text, {});
}

void JsonOut::clear() {
  state_->text.clear();
  state_->objects.clear();
  state_->writer.Reset(state_->sink);
}

}  // namespace berth::net
