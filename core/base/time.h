#pragma once

#include <compare>
#include <cstdint>

namespace berth::core {

/// A length of time on the monotonic clock.
struct Duration {
  int64_t ns = 0;

  static constexpr Duration milliseconds(int64_t ms) { return {ms * 1'000'000}; }
  static constexpr Duration seconds(int64_t s) { return {s * 1'000'000'000}; }
  constexpr int64_t ms() const { return ns / 1'000'000; }

  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
  friend constexpr Duration operator*(Duration a, int64_t n) { return {a.ns * n}; }
};

/// A point on the monotonic clock of this process.
struct Instant {
  int64_t ns = 0;

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant at, Duration d) { return {at.ns + d.ns}; }
  friend constexpr Instant operator-(Instant at, Duration d) { return {at.ns - d.ns}; }
  friend constexpr Duration operator-(Instant a, Instant b) { return {a.ns - b.ns}; }
};

/// What the caller of `core` knows of time: durations come from `mono`; `wall_ms` (Unix) is for
/// display alone.
struct Now {
  Instant mono;
  int64_t wall_ms = 0;
};

}  // namespace berth::core
