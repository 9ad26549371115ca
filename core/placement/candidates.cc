#include "core/placement/candidates.h"

#include <bit>

namespace berth::core {

bool Candidates::prepare(const Segment& segment, uint32_t index, const Query& query) {
  segment_ = &segment;
  index_ = index;
  summary_ = segment.live.summary.load(std::memory_order_acquire);
  all_count_ = groups_ = nones_ = 0;
  for (NameId name : query.all) {
    const RowSet* rows = name.value == 0 ? nullptr : segment.rows_with(name);
    if (rows == nullptr) return false;
    summary_ &= rows->summary.load(std::memory_order_acquire);
    all_[all_count_++] = rows;
  }
  for (NameId name : query.none) {
    const RowSet* rows = name.value == 0 ? nullptr : segment.rows_with(name);
    if (rows != nullptr) none_[nones_++] = rows;
  }
  return summary_ != 0 && (query.any.empty() || prepare_groups(query));
}

bool Candidates::prepare_groups(const Query& query) {
  uint8_t used = 0;
  for (const NameIds& group : query.any) {
    uint64_t summary = 0;
    uint8_t start = used;
    for (NameId name : group) {
      const RowSet* rows = name.value == 0 ? nullptr : segment_->rows_with(name);
      if (rows == nullptr) continue;
      summary |= rows->summary.load(std::memory_order_acquire);
      any_[used++] = rows;
    }
    if (used == start) return false;
    summary_ &= summary;
    group_end_[groups_++] = used;
  }
  return summary_ != 0;
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

bool Candidates::narrow() {
  uint64_t narrowed = 0;
  for (uint64_t left = summary_; left != 0; left &= left - 1) {
    auto at = static_cast<uint32_t>(std::countr_zero(left));
    if (matches(at) != 0) narrowed |= uint64_t{1} << at;
  }
  summary_ = narrowed;
  return narrowed != 0;
}

}  // namespace berth::core
