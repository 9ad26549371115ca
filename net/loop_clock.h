#pragma once

#include <chrono>

#include <uv.h>

#include "core/base/time.h"

namespace berth::net {

/// The clocks of this process, as `core` wants them.
///
/// Units    `mono` is CLOCK_MONOTONIC in ns, the same for every thread; `wall_ms` is Unix time,
///          for display alone
/// Threads  any
struct LoopClock {
  static core::Instant mono() { return {static_cast<int64_t>(uv_hrtime())}; }

  static int64_t wall_ms() {
    using std::chrono::duration_cast, std::chrono::milliseconds, std::chrono::system_clock;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  }

  static core::Now now() { return {mono(), wall_ms()}; }
};

}  // namespace berth::net
