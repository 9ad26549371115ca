#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/placement/query.h"
#include "core/tables/fleet.h"
#include "core/tables/segment.h"

namespace berth::core {

/// The rows of one segment whose names satisfy a query.
struct SegmentMatches {
  uint64_t version = 0;  ///< of the segment's names when this was computed; 0: never
  uint64_t summary = 0;  ///< a bit for each word that is not empty
  std::array<uint64_t, kSegmentWords> words;
};

/// The rows of a fleet whose names satisfy a query: its tag sets, intersected.
///
/// Each segment is computed when it is first asked for and again when a worker there came, went or
/// changed its names. Few queries make up most of the load, so most searches compute nothing.
class QueryMatches {
 public:
  /// Whether these are the matches of `query`: the same names, whatever the demand.
  bool is_of(const Query& query) const {
    return all_ == query.all && any_ == query.any && none_ == query.none;
  }

  /// Starts anew for `query`.
  void reset(const Query& query);

  /// Of this segment, now. O(1), or O(names * 64 words) when they have changed.
  const SegmentMatches& of(const Segment& segment, uint32_t index) {
    if (index >= segments_.size()) segments_.resize(index + 1);
    SegmentMatches& matches = segments_[index];
    uint64_t version = segment.names_version.load(std::memory_order_acquire);
    if (matches.version != version) compute(segment, version, matches);
    return matches;
  }

 private:
  void compute(const Segment& segment, uint64_t version, SegmentMatches& matches) const;
  bool require_all(const Segment& segment, SegmentMatches& matches) const;
  void require_any(const Segment& segment, SegmentMatches& matches) const;
  void exclude(const Segment& segment, SegmentMatches& matches) const;

  NameIds all_;
  absl::InlinedVector<NameIds, 1> any_;
  NameIds none_;
  std::vector<SegmentMatches> segments_;
};

/// The matches of the queries seen last.
///
/// Shape    64 places, by hash of the names; what maps to a taken place replaces it
/// Threads  one owner
/// Memory   528 bytes a segment and query, as they are asked for: 1 MiB at 100,000 workers
class MatchCache {
 public:
  MatchCache() : places_(kPlaces) {}
  MatchCache(const MatchCache&) = delete;
  MatchCache& operator=(const MatchCache&) = delete;

  QueryMatches& find(const Query& query);

 private:
  static constexpr size_t kPlaces = 64;

  std::vector<QueryMatches> places_;
  QueryMatches* last_ = nullptr;  ///< tasks of one kind come in a row
};

}  // namespace berth::core
