#include "net/text/units.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace berth::net {
namespace {

struct Unit {
  std::string_view name;
  int64_t size;  // in the smallest unit of its table
};

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::array<Unit, 7> kTimes = {{
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", kSecond},
    {"m", 60 * kSecond},
    {"h", 3'600 * kSecond},
    {"d", 86'400 * kSecond},
}};
constexpr int64_t kTimeMax = 3'650 * 86'400 * kSecond;

constexpr std::array<Unit, 4> kSizes = {{
    {"Ki", 1},
    {"Mi", 1 << 10},
    {"Gi", 1 << 20},
    {"Ti", 1 << 30},
}};

constexpr std::array<Unit, 2> kBandwidths = {{{"Mbit", 1}, {"Gbit", 1000}}};

using Wide = __int128;

/// A decimal number taken off the front of a text: digits / 10^decimals.
struct Decimal {
  int64_t digits = 0;
  int64_t scale = 1;

  /// `*this * size`, rounded up; `exact` says whether nothing was rounded.
  int64_t times(int64_t size, bool& exact) const {
    const Wide product = Wide{digits} * size;
    exact = product % scale == 0;
    return static_cast<int64_t>((product + scale - 1) / scale);
  }
};

// At most 18 digits, so that neither member can overflow.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal number;
  size_t count = 0;
  bool point = false;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !point && count > 0) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      if (++count > 18) return std::nullopt;
      number.digits = number.digits * 10 + (c - '0');
      if (point) number.scale *= 10;
    } else {
      break;
    }
  }
  if (count == 0 || text[at - 1] == '.') return std::nullopt;
  text.remove_prefix(at);
  return number;
}

std::string_view take_letters(std::string_view& text) {
  size_t at = 0;
  while (at < text.size() && ((text[at] | 0x20) >= 'a' && (text[at] | 0x20) <= 'z'))
    ++at;
  const std::string_view letters = text.substr(0, at);
  text.remove_prefix(at);
  return letters;
}

template <size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// Amounts are below 2^53 so that they survive JSON; far above any limit of core.
constexpr int64_t kAmountMax = int64_t{1} << 53;

template <size_t N>
std::optional<int64_t> parse_with_unit(
    std::string_view text, const std::array<Unit, N>& units, std::string_view optional_suffix) {
  if (text == "0") return 0;
  const std::optional<Decimal> number = take_decimal(text);
  if (!number) return std::nullopt;
  if (text.size() > optional_suffix.size() && text.ends_with(optional_suffix)) {
    text.remove_suffix(optional_suffix.size());
  }
  const Unit* unit = find_unit(units, text);
  if (unit == nullptr) return std::nullopt;
  if (number->digits / number->scale > kAmountMax / unit->size) return std::nullopt;
  bool exact = false;
  return number->times(unit->size, exact);
}

}  // namespace

std::optional<core::Duration> parse_duration(std::string_view text) {
  if (text == "0") return core::Duration{0};
  int64_t total = 0;
  int64_t smaller_than = INT64_MAX;
  while (true) {
    const std::optional<Decimal> number = take_decimal(text);
    if (!number) return std::nullopt;
    const Unit* unit = find_unit(kTimes, take_letters(text));
    if (unit == nullptr || unit->size >= smaller_than) return std::nullopt;
    if (number->digits / number->scale > kTimeMax / unit->size) return std::nullopt;
    bool exact = false;
    total += number->times(unit->size, exact);
    if (total > kTimeMax) return std::nullopt;
    smaller_than = unit->size;
    if (text.empty()) return core::Duration{total};
  }
}

std::optional<int64_t> parse_mib(std::string_view text) {
  const std::optional<int64_t> kib = parse_with_unit(text, kSizes, "B");
  if (!kib) return std::nullopt;
  return (*kib + 1023) / 1024;
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  if (const std::optional<uint64_t> plain = parse_count(text, kAmountMax)) return plain;
  const std::optional<int64_t> kib = parse_with_unit(text, kSizes, "B");
  if (!kib) return std::nullopt;
  return static_cast<uint64_t>(*kib) * 1024;
}

std::optional<int64_t> parse_milli(std::string_view text) {
  const std::optional<Decimal> number = take_decimal(text);
  const bool milli = text == "m";
  if (!number || (!milli && !text.empty())) return std::nullopt;
  const int64_t size = milli ? 1 : 1000;
  if (number->digits / number->scale > kAmountMax / size) return std::nullopt;
  bool exact = false;
  const int64_t value = number->times(size, exact);
  if (!exact) return std::nullopt;
  return value;
}

std::optional<int64_t> parse_mbit(std::string_view text) {
  return parse_with_unit(text, kBandwidths, "");
}

std::optional<uint64_t> parse_count(std::string_view text, uint64_t max) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

std::optional<std::pair<std::string_view, std::string_view>> parse_label(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size()) return std::nullopt;
  return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<std::string_view> split_list(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) pieces.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pieces;
}

std::string format_duration(core::Duration duration) {
  if (duration.ns == 0) return "0s";
  std::string text = duration.ns < 0 ? "-" : "";
  // Unsigned, for the most negative number has no positive twin.
  uint64_t rest = duration.ns < 0 ? 0 - static_cast<uint64_t>(duration.ns) : duration.ns;
  for (auto unit = kTimes.rbegin(); unit != kTimes.rend(); ++unit) {
    const uint64_t count = rest / unit->size;
    if (count > 0) text += std::to_string(count) + std::string(unit->name);
    rest %= unit->size;
  }
  return text;
}

std::string format_mib(int64_t mib) {
  if (mib != 0 && mib % (1 << 20) == 0) return std::to_string(mib >> 20) + "TiB";
  if (mib != 0 && mib % (1 << 10) == 0) return std::to_string(mib >> 10) + "GiB";
  return std::to_string(mib) + "MiB";
}

std::string format_milli(int64_t milli) {
  std::string text = milli < 0 ? "-" : "";
  const uint64_t size = milli < 0 ? 0 - static_cast<uint64_t>(milli) : milli;
  text += std::to_string(size / 1000);
  if (size % 1000 == 0) return text;
  std::string decimals = std::to_string(1000 + size % 1000);
  decimals[0] = '.';
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return text + decimals;
}

std::string format_amount(std::string_view requirement, int64_t amount) {
  if (requirement == "cpu" || requirement == "gpu") return format_milli(amount);
  if (requirement == "memory" || requirement == "disk") return format_mib(amount);
  return std::to_string(amount) + (requirement == "network" ? "Mbit" : "");
}

std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  // A third of the letters may be wrong; beyond that a suggestion misleads.
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  std::vector<size_t> row;
  for (const std::string_view candidate : known) {
    // Levenshtein's distance, one row at a time.
    row.resize(candidate.size() + 1);
    for (size_t j = 0; j < row.size(); ++j)
      row[j] = j;
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j < row.size(); ++j) {
        const size_t replaced = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace berth::net
