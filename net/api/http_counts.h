#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/time.h"
#include "core/tables/histogram.h"
#include "net/api/route.h"

namespace berth::net {

/// How often which route was asked for, with which class of status, and how long that took.
///
/// Threads  the gateway's, which also reads it
/// Memory   some 400 bytes for each route that was ever asked for
class HttpCounts {
 public:
  static constexpr size_t kClasses = 5;  ///< `1xx` to `5xx`

  struct Row {
    const Route* route = nullptr;  ///< null: no route has that path and method
    std::array<uint64_t, kClasses> by_class{};
    core::HistogramSum took_ns;
  };

  /// `took` counts to the answer, or to the first of a stream.
  void answered(const Route* route, int status, core::Duration took);

  /// In the order in which they were first asked for.
  std::span<const Row> rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
  absl::flat_hash_map<const Route*, size_t> row_of_;
};

}  // namespace berth::net
