#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace berth::net {

/// JSON text, written front to back; commas and quotes are its business.
///
///     json.object().field("worker", id).field("load", 0.5).key("tags").array();
///     for (auto tag : tags) json.value(tag);
///     json.end().end();
///
/// Shape    appends to one string, which the caller takes or clears
/// Threads  one owner
/// Memory   that string, reused
/// Errors   text that is not UTF-8 has U+FFFD in place of what is wrong; NaN and infinities are
/// null
class JsonOut {
 public:
  JsonOut();
  ~JsonOut();
  JsonOut(const JsonOut&) = delete;
  JsonOut& operator=(const JsonOut&) = delete;

  JsonOut& object();
  JsonOut& array();
  JsonOut& end();  ///< of the innermost object or array
  JsonOut& key(std::string_view name);

  JsonOut& value(std::string_view text);
  JsonOut& value(const char* text) { return value(std::string_view(text)); }
  JsonOut& value(const std::string& text) { return value(std::string_view(text)); }
  JsonOut& value(int64_t number);
  JsonOut& value(uint64_t number);
  JsonOut& value(int32_t number) { return value(int64_t{number}); }
  JsonOut& value(uint32_t number) { return value(uint64_t{number}); }
  JsonOut& value(uint16_t number) { return value(uint64_t{number}); }
  JsonOut& value(double number);
  JsonOut& value(bool truth);
  JsonOut& null();
  JsonOut& raw(std::string_view json);  ///< is JSON already

  template <typename Value>
  JsonOut& field(std::string_view name, const Value& what) {
    return key(name).value(what);
  }

  std::string_view text() const;
  size_t size() const { return text().size(); }
  /// What was written so far, to be sent on; depth and commas are kept.
  std::string take();
  /// From the start again.
  void clear();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::net
