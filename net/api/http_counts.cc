#include "net/api/http_counts.h"

#include <algorithm>

namespace berth::net {

void HttpCounts::answered(const Route* route, int status, core::Duration took) {
  const auto [found, is_new] = row_of_.try_emplace(route, rows_.size());
  if (is_new) rows_.push_back({.route = route});
  Row& row = rows_[found->second];
  ++row.by_class[static_cast<size_t>(std::clamp(status / 100, 1, static_cast<int>(kClasses))) - 1];
  row.took_ns.add(static_cast<uint64_t>(std::max<int64_t>(took.ns, 0)));
}

}  // namespace berth::net
