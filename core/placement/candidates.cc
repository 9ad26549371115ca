#include "core/placement/candidates.h"

#include <bit>

namespace berth::core {

namespace {

// Vectors of words are read at once where that is sound: x86-64 reads each aligned 8-byte lane
// whole. The race detector must not see it, and other processors take the plain way.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define BERTH_VECTOR_CLONES [[gnu::target_clones("avx2", "default")]]
inline uint64_t read_word(const RowSet& rows, uint32_t at) {
  return reinterpret_cast<const uint64_t*>(rows.words)[at];
}
#else
#define BERTH_VECTOR_CLONES
inline uint64_t read_word(const RowSet& rows, uint32_t at) {
  return rows.word(at);
}
#endif

/// Whether two sets have a row in common: most searches without a match end here.
BERTH_VECTOR_CLONES bool meet(const RowSet& a, const RowSet& b) {
  uint64_t any = 0;
  for (uint32_t at = 0; at < kSegmentWords; ++at)
    any |= read_word(a, at) & read_word(b, at);
  return any != 0;
}

BERTH_VECTOR_CLONES void intersect(
    const RowSet& rows, std::array<uint64_t, kSegmentWords>& matches) {
  for (uint32_t at = 0; at < kSegmentWords; ++at)
    matches[at] &= read_word(rows, at);
}

/// A bit for every word that is not zero.
uint64_t summarize(const std::array<uint64_t, kSegmentWords>& matches) {
  uint64_t any = 0;
  for (uint64_t word : matches)
    any |= word;
  if (any == 0) return 0;
  uint64_t summary = 0;
  for (uint32_t at = 0; at < kSegmentWords; ++at) {
    summary |= static_cast<uint64_t>(matches[at] != 0) << at;
  }
  return summary;
}

}  // namespace

void Candidates::prepare() {
  state_ = State::Prepared;
  summary_ = segment_->live.summary.load(std::memory_order_acquire);
  all_count_ = groups_ = nones_ = 0;
  for (NameId name : query_->all) {
    const RowSet* rows = name.value == 0 ? nullptr : segment_->rows_with(name);
    if (rows == nullptr) {
      summary_ = 0;
      return;
    }
    summary_ &= rows->summary.load(std::memory_order_acquire);
    all_[all_count_++] = rows;
  }
  for (NameId name : query_->none) {
    const RowSet* rows = name.value == 0 ? nullptr : segment_->rows_with(name);
    if (rows != nullptr) none_[nones_++] = rows;
  }
  if (!query_->any.empty()) prepare_groups();
}

void Candidates::prepare_groups() {
  uint8_t used = 0;
  for (const NameIds& group : query_->any) {
    uint64_t summary = 0;
    for (NameId name : group) {
      const RowSet* rows = name.value == 0 ? nullptr : segment_->rows_with(name);
      if (rows == nullptr) continue;
      summary |= rows->summary.load(std::memory_order_acquire);
      any_[used++] = rows;
    }
    summary_ &= summary;
    group_end_[groups_++] = used;
  }
}

uint64_t Candidates::other_matches(uint32_t at) const {
  uint64_t rows = ~uint64_t{0};
  uint8_t next = 0;
  for (uint32_t group = 0; group < groups_; ++group) {
    uint64_t some = 0;
    for (; next < group_end_[group]; ++next)
      some |= any_[next]->word(at);
    rows &= some;
  }
  for (uint32_t i = 0; i < nones_; ++i)
    rows &= ~none_[i]->word(at);
  return rows;
}

void Candidates::compute() {
  if (summary() == 0 || state_ == State::Computed) return;
  state_ = State::Computed;
  if (all_count_ >= 2 && !meet(*all_[0], *all_[1])) {
    summary_ = 0;
    return;
  }
  const RowSet& first = all_count_ > 0 ? *all_[0] : segment_->live;
  for (uint32_t at = 0; at < kSegmentWords; ++at)
    matches_[at] = first.word(at);
  for (uint32_t i = 1; i < all_count_; ++i)
    intersect(*all_[i], matches_);
  if (groups_ + nones_ > 0) {
    for (uint32_t at = 0; at < kSegmentWords; ++at) {
      if (matches_[at] != 0) matches_[at] &= other_matches(at);
    }
  }
  summary_ = summarize(matches_);
}

}  // namespace berth::core
