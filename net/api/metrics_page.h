#pragma once

#include <string>

#include "core/base/time.h"
#include "core/tables/tables.h"

namespace berth::net {

/// What Prometheus scrapes: every counter, gauge and histogram of the process, merged over threads
/// at the moment it is asked for.
///
/// Threads  the gateway's; reads what others count with relaxed loads
/// Memory   the text, reused
class MetricsPage {
 public:
  explicit MetricsPage(core::Tables& tables) : tables_(tables) {}

  /// Text format 0.0.4.
  const std::string& render(core::Now now);

 private:
  core::Tables& tables_;
  std::string text_;
};

}  // namespace berth::net
