#include "core/plan/timeline.h"

#include <algorithm>

namespace berth::core {

void Timeline::reset(std::span<const Amount> capacity) {
  resources_ = capacity.size();
  begins_.assign(1, 0);
  free_.assign(capacity.begin(), capacity.end());
}

size_t Timeline::segment_at(Ticks at) const {
  // Most questions are about the end: what is planned in order of time.
  if (at >= begins_.back()) return begins_.size() - 1;
  const auto after = std::upper_bound(begins_.begin(), begins_.end(), at);
  return static_cast<size_t>(after - begins_.begin()) - 1;
}

bool Timeline::fits(size_t segment, std::span<const Amount> demand) const {
  const Amount* free = free_.data() + segment * resources_;
  for (size_t r = 0; r < demand.size(); ++r) {
    if (free[r] < demand[r]) return false;
  }
  return true;
}

Ticks Timeline::earliest(Ticks from, Ticks duration, std::span<const Amount> demand) const {
  if (duration == 0) return from;
  Ticks start = from;
  for (size_t segment = segment_at(from); segment < begins_.size(); ++segment) {
    if (begins_[segment] >= start + duration) return start;
    if (fits(segment, demand)) continue;
    if (segment + 1 == begins_.size()) return kNever;
    start = begins_[segment + 1];
  }
  return start;
}

size_t Timeline::split(Ticks at) {
  const size_t segment = segment_at(at);
  if (begins_[segment] == at) return segment;
  begins_.insert(begins_.begin() + static_cast<ptrdiff_t>(segment) + 1, at);
  const size_t from = segment * resources_;
  free_.resize(free_.size() + resources_);
  std::copy_backward(
      free_.begin() + static_cast<ptrdiff_t>(from),
      free_.end() - static_cast<ptrdiff_t>(resources_),
      free_.end());
  return segment + 1;
}

void Timeline::add(Ticks start, Ticks duration, std::span<const Amount> demand, Amount sign) {
  if (duration == 0) return;
  const size_t first = split(start);
  const size_t last = split(start + duration);
  for (size_t segment = first; segment < last; ++segment) {
    for (size_t r = 0; r < demand.size(); ++r)
      free_[segment * resources_ + r] += sign * demand[r];
  }
}

void Timeline::take(Ticks start, Ticks duration, std::span<const Amount> demand) {
  add(start, duration, demand, -1);
}

void Timeline::give_back(Ticks start, Ticks duration, std::span<const Amount> demand) {
  add(start, duration, demand, 1);
}

}  // namespace berth::core
