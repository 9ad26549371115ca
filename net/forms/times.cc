#include "net/forms/times.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "net/text/units.h"

namespace berth::forms {
namespace {

constexpr int64_t kDayMs = 86'400'000;

/// Digits of fixed places, checked one by one.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  int number(size_t digits, int least, int most) {
    int value = 0;
    for (size_t i = 0; i < digits; ++i, ++at_) {
      if (at_ >= text_.size() || text_[at_] < '0' || text_[at_] > '9') {
        ok_ = false;
        return least;
      }
      value = value * 10 + (text_[at_] - '0');
    }
    if (value < least || value > most) ok_ = false;
    return value;
  }

  /// One of `choices`; 0 when it is none of them.
  char one_of(std::string_view choices) {
    if (at_ < text_.size() && choices.find(text_[at_]) != std::string_view::npos) {
      return text_[at_++];
    }
    return 0;
  }

  void require(std::string_view choices) { ok_ = one_of(choices) != 0 && ok_; }

  /// Milliseconds of `.5` or `.123456`; what is finer is cut off.
  int fraction_ms() {
    if (one_of(".") == 0) return 0;
    int value = 0;
    int scale = 100;
    const size_t from = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_, scale /= 10) {
      value += (text_[at_] - '0') * scale;
    }
    if (at_ == from) ok_ = false;
    return value;
  }

  bool ok_to_the_end() const { return ok_ && at_ == text_.size(); }

 private:
  std::string_view text_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace

std::optional<int64_t> parse_time(std::string_view text, int64_t now_ms) {
  if (text.starts_with('+')) {
    const auto ahead = net::parse_duration(text.substr(1));
    if (!ahead) return std::nullopt;
    return now_ms + ahead->ms();
  }
  using namespace std::chrono;
  Cursor cursor(text);
  const int year_number = cursor.number(4, 1970, 9999);
  cursor.require("-");
  const int month_number = cursor.number(2, 1, 12);
  cursor.require("-");
  const int day_number = cursor.number(2, 1, 31);
  cursor.require("Tt ");
  const int hour = cursor.number(2, 0, 23);
  cursor.require(":");
  const int minute = cursor.number(2, 0, 59);
  cursor.require(":");
  const int second = cursor.number(2, 0, 60);
  const int milli = cursor.fraction_ms();
  int offset_minutes = 0;
  const char zone = cursor.one_of("Zz+-");
  if (zone == 0) return std::nullopt;
  if (zone == '+' || zone == '-') {
    offset_minutes = cursor.number(2, 0, 23) * 60;
    cursor.require(":");
    offset_minutes += cursor.number(2, 0, 59);
    if (zone == '-') offset_minutes = -offset_minutes;
  }
  const year_month_day date{
      year{year_number},
      month{static_cast<unsigned>(month_number)},
      day{static_cast<unsigned>(day_number)}};
  if (!cursor.ok_to_the_end() || !date.ok()) return std::nullopt;
  const int64_t days = sys_days(date).time_since_epoch().count();
  return days * kDayMs + (int64_t{hour} * 3'600 + minute * 60 + second) * 1'000 + milli -
         int64_t{offset_minutes} * 60'000;
}

std::string format_time(int64_t at_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds(at_ms)};
  const sys_days date = floor<days>(at);
  const year_month_day parts(date);
  const hh_mm_ss time(at - date);
  char text[48];
  std::snprintf(
      text,
      sizeof(text),
      "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
      static_cast<int>(parts.year()),
      static_cast<unsigned>(parts.month()),
      static_cast<unsigned>(parts.day()),
      static_cast<int>(time.hours().count()),
      static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()),
      static_cast<int>(time.subseconds().count()));
  return text;
}

std::string format_age(int64_t at_ms, int64_t now_ms) {
  if (at_ms == 0) return "-";
  const int64_t apart = std::abs(now_ms - at_ms);
  // Nobody wants the milliseconds of an hour.
  int64_t unit = 1;
  if (apart >= 1'000) unit = 1'000;
  if (apart >= 3'600'000) unit = 60'000;
  if (apart >= 2 * kDayMs) unit = 3'600'000;
  const std::string length =
      net::format_duration(core::Duration::milliseconds(apart / unit * unit));
  return at_ms > now_ms ? "in " + length : length;
}

std::string format_length(int64_t ms) {
  if (ms >= 10'000) ms = (ms + 500) / 1'000 * 1'000;
  return net::format_duration(core::Duration::milliseconds(ms));
}

std::string format_run(int64_t ms) {
  return ms == 0 ? "<1ms" : format_length(ms);
}

int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace berth::forms
