#include "loadgen/arrivals.h"

namespace berth::loadgen {

core::Instant Arrivals::due(uint64_t n) const {
  if (!open_loop()) return plan_.start;
  // From n, not by adding intervals up: a rounding error must not grow with the length of a run.
  double ns = static_cast<double>(n) * 1e9 / plan_.per_second;
  return plan_.start + core::Duration{static_cast<int64_t>(ns)};
}

std::optional<core::Instant> Arrivals::take(core::Instant now) {
  core::Instant at = next_due();
  if (at > now || finished(now)) return std::nullopt;
  ++taken_;
  return open_loop() ? at : now;
}

core::Instant Arrivals::next_due() const {
  if (taken_ >= plan_.requests_max) return {std::numeric_limits<int64_t>::max()};
  core::Instant at = due(taken_);
  return at < plan_.end ? at : core::Instant{std::numeric_limits<int64_t>::max()};
}

bool Arrivals::finished(core::Instant now) const {
  if (taken_ >= plan_.requests_max) return true;
  // A request due before the end is owed even if the generator or the server was late.
  return open_loop() ? due(taken_) >= plan_.end : now >= plan_.end;
}

}  // namespace berth::loadgen
