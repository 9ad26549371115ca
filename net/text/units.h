#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/time.h"

/// Values as people write them, in flags, files and console lines alike.
///
/// Units    a number with a dimension carries its unit; only 0 may go without
/// Errors   nullopt for anything else than the form, out of range included; the caller's sentence
///          is "X is not " + the form's constant
namespace berth::net {

inline constexpr const char* kDurationForm = "a duration such as 500ms, 30s, 5m or 1h30m";
inline constexpr const char* kSizeForm = "a size such as 512MiB or 4GiB";
inline constexpr const char* kMilliForm = "an amount such as 2, 0.5 or 250m";
inline constexpr const char* kBandwidthForm = "a bandwidth such as 100Mbit or 10Gbit";
inline constexpr const char* kCountForm = "a whole number";
inline constexpr const char* kLabelForm = "a label such as zone=eu-1a";

/// One or more numbers with ns, us, ms, s, m, h or d: `1h30m`, `0.5s`. Up to 10 years.
std::optional<core::Duration> parse_duration(std::string_view text);

/// KiB, MiB, GiB or TiB (the `B` may go), rounded up to whole MiB.
std::optional<int64_t> parse_mib(std::string_view text);

/// Bytes: a plain number of them, or KiB, MiB, GiB as above, rounded up to whole KiB.
std::optional<uint64_t> parse_bytes(std::string_view text);

/// Thousandths: `2` is 2000, `0.5` is 500, `250m` is 250. Finer than a thousandth is refused.
std::optional<int64_t> parse_milli(std::string_view text);

/// Mbit or Gbit a second, rounded up to whole Mbit.
std::optional<int64_t> parse_mbit(std::string_view text);

/// 0 to `max`, digits only.
std::optional<uint64_t> parse_count(std::string_view text, uint64_t max = UINT64_MAX);

/// `key=value`, neither empty; the value may hold more `=`.
std::optional<std::pair<std::string_view, std::string_view>> parse_label(std::string_view text);

/// `a,b,c` or, with another separator, `A100|H100`. Empty pieces are dropped.
std::vector<std::string_view> split_list(std::string_view text, char separator = ',');

// The shortest form that parses back to the same value.
std::string format_duration(core::Duration duration);  // 1m30s, 250ms
std::string format_mib(int64_t mib);                   // 512MiB, 4GiB
std::string format_milli(int64_t milli);               // 2, 0.5

/// An amount of what an explanation's `requirement` names: `cpu` 2, `memory` 4GiB, `slots` 3.
std::string format_amount(std::string_view requirement, int64_t amount);

/// What the user most likely meant by `word`, or empty when nothing is near.
std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace berth::net
