#pragma once

#include <array>
#include <cstdint>

#include "core/placement/query.h"
#include "core/settings.h"
#include "core/tables/segment.h"

namespace berth::core {

/// The rows of one segment whose names satisfy a query, as bit operations on its tag index, a word
/// of 64 rows at a time and only as far as a search asks.
///
/// Memory   points to the segment's RowSets, which are never freed
class Candidates {
 public:
  /// False when no row of the segment can match: a name that nobody here has.
  bool prepare(const Segment& segment, uint32_t index, const Query& query);

  const Segment& segment() const { return *segment_; }
  WorkerIndex worker(uint32_t row) const { return worker_index(index_, row); }

  /// A bit for each word that may hold a match; the others hold none.
  uint64_t summary() const { return summary_; }

  /// Which of the rows 64 * `at` and on match.
  uint64_t matches(uint32_t at) const {
    uint64_t rows = all_count_ > 0 ? all_[0]->word(at) : segment_->live.word(at);
    for (uint32_t i = 1; i < all_count_; ++i)
      rows &= all_[i]->word(at);
    if (rows == 0 || groups_ + nones_ == 0) return rows;
    return rows & other_matches(at);
  }

  /// Drops words without a match from the summary; false when none is left. O(words).
  bool narrow();

 private:
  uint64_t other_matches(uint32_t at) const;
  bool prepare_groups(const Query& query);

  const Segment* segment_ = nullptr;
  uint32_t index_ = 0;
  uint64_t summary_ = 0;
  uint32_t all_count_ = 0;
  uint32_t groups_ = 0;
  uint32_t nones_ = 0;
  std::array<uint8_t, kNamesPerQueryMax> group_end_;
  std::array<const RowSet*, kNamesPerQueryMax + 1> all_;  // and the value of a spread
  std::array<const RowSet*, kNamesPerQueryMax> any_;
  std::array<const RowSet*, kNamesPerQueryMax> none_;
};

}  // namespace berth::core
