#include "core/jobs/hold_census.h"

namespace berth::core {

void HoldCensus::finish(const Counts& counts) {
  for (size_t hold = 0; hold < counts.size(); ++hold)
    shown_.holds[hold].store(counts[hold], std::memory_order_relaxed);
  found_ = {};
  next_ = 1;
}

}  // namespace berth::core
