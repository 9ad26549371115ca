#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::forms {

inline constexpr const char* kTimeForm =
    "a time such as 2026-01-31T08:00:00Z, 2026-01-31T08:00:00+01:00 or +30s (from now)";

/// RFC 3339, or `+` and a duration from `now_ms`. Unix milliseconds; nullopt for anything else.
std::optional<int64_t> parse_time(std::string_view text, int64_t now_ms);

/// RFC 3339 in UTC, to the millisecond.
std::string format_time(int64_t at_ms);

/// How long ago, or how far ahead (`in 5m`), in its largest unit or two; `-` for 0.
std::string format_age(int64_t at_ms, int64_t now_ms);

/// As somebody reads it: to the millisecond below 10 s, then rounded to seconds.
std::string format_length(int64_t ms);

/// How long something ran: `<1ms` rather than nothing.
std::string format_run(int64_t ms);

/// Wall time, Unix milliseconds.
int64_t wall_ms();

}  // namespace berth::forms
