#include "net/http/json_out.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace berth::net {
namespace {

/// What stands behind the backslash for each byte that needs one; 'u': `\u00XX`; 0: none.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> to = {};
  for (size_t c = 0; c < 0x20; ++c)
    to[c] = 'u';
  to['\b'] = 'b';
  to['\f'] = 'f';
  to['\n'] = 'n';
  to['\r'] = 'r';
  to['\t'] = 't';
  to['"'] = '"';
  to['\\'] = '\\';
  return to;
}();

/// Neither ASCII nor as it is: whether one of them has to be looked at.
constexpr std::array<uint8_t, 256> kSpecial = [] {
  std::array<uint8_t, 256> to = {};
  for (size_t c = 0; c < to.size(); ++c)
    to[c] = c >= 0x80 || kEscapes[c] != 0 ? 1 : 0;
  return to;
}();

bool is_plain(std::string_view text) {
  uint8_t special = 0;
  for (const char c : text)
    special |= kSpecial[static_cast<unsigned char>(c)];
  return special == 0;
}

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

void escape(std::string_view text, std::string& to) {
  constexpr std::string_view kHex = "0123456789abcdef";
  size_t from = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (kEscapes[c] == 0) continue;
    to.append(text.substr(from, at - from));
    from = at + 1;
    to += '\\';
    to += kEscapes[c];
    if (kEscapes[c] != 'u') continue;
    to += "00";
    to += kHex[c >> 4];
    to += kHex[c & 15];
  }
  to.append(text.substr(from));
}

}  // namespace

struct JsonOut::State {
  std::string text;
  std::vector<char> closing;  // of what is open, innermost last
  bool comma = false;         // in front of what comes next

  void put(std::string_view json) {
    if (comma) text += ',';
    comma = true;
    text += json;
  }
  void open(char opening, char close) {
    put({&opening, 1});
    closing.push_back(close);
    comma = false;
  }
  void put_text(std::string_view what) {
    if (is_plain(what)) return put_plain(what, "\"");
    put("\"");
    if (simdjson::validate_utf8(what.data(), what.size())) {
      escape(what, text);
    } else {
      escape(repaired(what), text);
    }
    text += '"';
  }
  /// Nearly every text is plain, and there are fifty of them in the row of a worker: in one step.
  void put_plain(std::string_view what, std::string_view behind) {
    const size_t from = text.size();
    text.resize(from + (comma ? 2 : 1) + what.size() + behind.size());
    char* to = text.data() + from;
    if (comma) *to++ = ',';
    *to++ = '"';
    to = std::copy(what.begin(), what.end(), to);
    std::copy(behind.begin(), behind.end(), to);
    comma = true;
  }
  template <typename Number, typename... Format>
  void put_number(Number number, Format... format) {
    std::array<char, 32> digits;  // the shortest that reads back as the same double takes 24
    const auto done =
        std::to_chars(digits.data(), digits.data() + digits.size(), number, format...);
    put({digits.data(), static_cast<size_t>(done.ptr - digits.data())});
  }
};

// Written without an exponent, larger ones look like integers that do not fit into 64 bits.
constexpr double kWholeMax = 1e18;

JsonOut::JsonOut() : state_(std::make_unique<State>()) {}

JsonOut::~JsonOut() = default;

JsonOut& JsonOut::object() {
  state_->open('{', '}');
  return *this;
}

JsonOut& JsonOut::array() {
  state_->open('[', ']');
  return *this;
}

JsonOut& JsonOut::end() {
  state_->text += state_->closing.back();
  state_->closing.pop_back();
  state_->comma = true;
  return *this;
}

JsonOut& JsonOut::key(std::string_view name) {
  if (is_plain(name)) {
    state_->put_plain(name, "\":");
  } else {
    state_->put_text(name);
    state_->text += ':';
  }
  state_->comma = false;
  return *this;
}

JsonOut& JsonOut::value(std::string_view text) {
  state_->put_text(text);
  return *this;
}

JsonOut& JsonOut::value(int64_t number) {
  state_->put_number(number);
  return *this;
}

JsonOut& JsonOut::value(uint64_t number) {
  state_->put_number(number);
  return *this;
}

JsonOut& JsonOut::value(double number) {
  if (!std::isfinite(number)) return null();
  if (std::abs(number) >= kWholeMax) {
    state_->put_number(number, std::chars_format::scientific);
  } else {
    state_->put_number(number + 0.0);  // "-0" would be read back as 0
  }
  return *this;
}

JsonOut& JsonOut::value(bool truth) {
  state_->put(truth ? "true" : "false");
  return *this;
}

JsonOut& JsonOut::null() {
  state_->put("null");
  return *this;
}

JsonOut& JsonOut::raw(std::string_view json) {
  state_->put(json);
  return *this;
}

std::string_view JsonOut::text() const {
  return state_->text;
}

std::string JsonOut::take() {
  std::string taken = state_->text;  // a copy: growing again to the same size would cost more
  state_->text.clear();
  return taken;
}

void JsonOut::clear() {
  state_->text.clear();
  state_->closing.clear();
  state_->comma = false;
}

}  // namespace berth::net
