#pragma once

#include <memory>
#include <string_view>

#include "core/base/time.h"
#include "core/tables/tables.h"
#include "net/api/http_counts.h"

namespace berth::net {

/// The content type of Prometheus' text format.
inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// What Prometheus scrapes: every counter, gauge and histogram of the process, merged over threads
/// at the moment it is asked for.
///
/// Shape    as `visit_metrics` has them, but HTTP requests route by route
/// Threads  the gateway's; reads what others count with relaxed loads
/// Memory   the text, reused: some 100 KiB. It grows with loops and routes, not with workers or
///          jobs, so it is one answer and not a stream
class MetricsPage {
 public:
  MetricsPage(core::Tables& tables, const HttpCounts& http);
  ~MetricsPage();

  /// Text format 0.0.4; valid until the next call.
  std::string_view render(core::Now now);

 private:
  struct Text;

  core::Tables& tables_;
  const HttpCounts& http_;
  std::unique_ptr<Text> text_;
};

}  // namespace berth::net
