#pragma once

#include <absl/container/inlined_vector.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "core/tables/counters.h"

namespace berth::core {

/// `policy="fgd"`; the value is a token of wire/tokens.h wherever it has one.
struct MetricLabel {
  std::string_view name;
  std::string_view value;
};
using MetricLabels = absl::InlinedVector<MetricLabel, 3>;

enum class MetricKind : uint8_t { Counter, Gauge, Histogram };

/// What people and their tools know a number by. Names have base units and never change; a counter
/// ends in `_total`.
struct MetricFamily {
  const char* name;
  const char* help;  ///< one sentence
  MetricKind kind = MetricKind::Gauge;
};

/// Counters that differ in a label alone, as the outcomes of placements, have one family and stand
/// beside each other in the enumeration.
const MetricFamily& family_of(Counter counter);
inline const char* counter_name(Counter counter) {
  return family_of(counter).name;
}

/// Of one kind; empty for a counter without kinds.
MetricLabels labels_of(Counter counter, size_t kind);

/// Whether a kind is shown though nothing was counted: it can happen, and a rate needs its 0.
bool is_shown_at_zero(Counter counter, size_t kind);

/// The family of a histogram, and which of its cells people see.
struct MeasureFamily {
  MetricFamily family;
  size_t first;  ///< the least bound is 2^first
  size_t last;   ///< the greatest 2^last
  double unit;   ///< of a value: 1e-9 for ns
};
const MeasureFamily& family_of(Measure measure);

std::string_view connection_kind_token(ConnectionKind kind);  ///< `wire`, `http`, `console`

/// `shard-0`, `gateway`, `ledger`, `planner`, `store`.
std::string thread_name(uint32_t thread, uint16_t shards);

}  // namespace berth::core
