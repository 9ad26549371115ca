#include "core/jobs/job_waits.h"

#include <algorithm>

namespace berth::core {

void JobWaits::on_change(wire::JobId first, uint32_t count, int by, std::vector<uint64_t>& over) {
  if (waits_.empty()) return;
  if (count == 1) {
    found_.clear();
    index_.find(first, found_);
    for (uint64_t id : found_)
      change(id, 1, by, over);
    return;
  }
  // The rest of an array, as a whole: rare enough to look at every wait, in the order of their ids.
  found_.clear();
  for (const auto& [id, wait] : waits_)
    found_.push_back(id);
  std::sort(found_.begin(), found_.end());
  const uint64_t last = first.value + count - 1;
  for (uint64_t id : found_) {
    uint64_t common = 0;
    for (const wire::JobRange& range : waits_.at(id).jobs) {
      const uint64_t from = std::max(range.first.value, first.value);
      const uint64_t to = std::min(range.last.value, last);
      if (from <= to) common += to - from + 1;
    }
    if (common > 0) change(id, common, by, over);
  }
}

void JobWaits::change(uint64_t id, uint64_t elements, int by, std::vector<uint64_t>& over) {
  Wait& wait = waits_.at(id);
  wait.left = by > 0 ? wait.left + elements : wait.left - elements;
  if (wait.left == 0) over.push_back(id);
}

}  // namespace berth::core
