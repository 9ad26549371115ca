#pragma once

#include <array>
#include <cstdint>

#include "core/placement/query.h"
#include "core/settings.h"
#include "core/tables/segment.h"

namespace berth::core {

/// The rows of one segment whose names satisfy a query, as bit operations on its tag index.
///
/// Work is put off until a search needs it: a segment whose loads cannot win is never looked at,
/// the first words are computed one by one because most searches end there, and only then all at
/// once.
///
/// Memory   points to the segment's RowSets, which are never freed
class Candidates {
 public:
  /// Starts anew for a query, which must outlive the search. O(1).
  void reset(const Segment& segment, uint32_t index, const Query& query) {
    segment_ = &segment;
    index_ = index;
    query_ = &query;
    state_ = State::Untouched;
  }

  const Segment& segment() const { return *segment_; }
  WorkerIndex worker(uint32_t row) const { return worker_index(index_, row); }

  /// A bit for each word that may hold a match; the others hold none.
  uint64_t summary() {
    if (state_ == State::Untouched) prepare();
    return summary_;
  }

  /// Known to hold no match; not asked for, it answers false.
  bool is_empty() const { return state_ != State::Untouched && summary_ == 0; }

  /// Which of the rows 64 * `at` and on match. Ask for `summary` first.
  uint64_t matches(uint32_t at) const {
    if (state_ == State::Computed) return matches_[at];
    uint64_t rows = all_count_ > 0 ? all_[0]->word(at) : segment_->live.word(at);
    for (uint32_t i = 1; i < all_count_; ++i)
      rows &= all_[i]->word(at);
    return groups_ + nones_ == 0 ? rows : rows & other_matches(at);
  }

  /// Computes every word, and drops those without a match from the summary. O(words), once.
  void compute();
  bool is_computed() const { return state_ == State::Computed; }

 private:
  enum class State : uint8_t { Untouched, Prepared, Computed };

  void prepare();
  void prepare_groups();
  uint64_t other_matches(uint32_t at) const;

  const Segment* segment_ = nullptr;
  const Query* query_ = nullptr;
  uint32_t index_ = 0;
  State state_ = State::Untouched;
  uint64_t summary_ = 0;
  uint32_t all_count_ = 0;
  uint32_t groups_ = 0;
  uint32_t nones_ = 0;
  std::array<uint8_t, kNamesPerQueryMax> group_end_;
  std::array<const RowSet*, kNamesPerQueryMax + 1> all_;  // and the value of a spread
  std::array<const RowSet*, kNamesPerQueryMax> any_;
  std::array<const RowSet*, kNamesPerQueryMax> none_;
  std::array<uint64_t, kSegmentWords> matches_;
};

}  // namespace berth::core
