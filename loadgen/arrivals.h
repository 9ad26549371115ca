#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "core/base/time.h"

namespace berth::loadgen {

/// How many requests, how fast, until when.
struct ArrivalPlan {
  double per_second = 0;  ///< open loop at this rate; 0: closed loop, whenever a place is free
  uint64_t requests_max = std::numeric_limits<uint64_t>::max();
  core::Instant start;
  core::Instant end{std::numeric_limits<int64_t>::max()};  ///< nothing is due from here on
};

/// When the next request is due. Pure: the caller brings the clock.
///
/// In a closed loop a request starts when the one before it has been answered, so a slow server is
/// asked less: its latency is that of the requests it was asked, no more. In an open loop request n
/// is due at `start + n / rate` whatever the server does; one that finds no free place, or a
/// generator that is late itself, starts late and is still measured from the instant it was due. A
/// stall is therefore seen by every request that it would have hit (Tene's "coordinated omission").
class Arrivals {
 public:
  explicit Arrivals(const ArrivalPlan& plan) : plan_(plan) {}

  /// The next request, if one is due: the instant to measure it from. Call again until it is not.
  std::optional<core::Instant> take(core::Instant now);

  /// When `take` will next have one: the past if it has one now, the far future if never again.
  core::Instant next_due() const;

  bool open_loop() const { return plan_.per_second > 0; }
  /// Nothing will be due at `now` or later.
  bool finished(core::Instant now) const;
  /// Nothing is due any more, from now on.
  void stop() { plan_.requests_max = taken_; }
  uint64_t taken() const { return taken_; }

 private:
  core::Instant due(uint64_t n) const;

  ArrivalPlan plan_;
  uint64_t taken_ = 0;
};

}  // namespace berth::loadgen
