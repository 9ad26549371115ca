#include "core/placement/matches.h"

#include "core/base/hash.h"

namespace berth::core {

namespace {

using Words = std::array<uint64_t, kSegmentWords>;

const RowSet* rows_with(const Segment& segment, NameId name) {
  return name.value == 0 ? nullptr : segment.rows_with(name);
}

// Vectors of words are read at once where that is sound: x86-64 reads each aligned 8-byte lane
// whole. The race detector must not see it, and other processors take the plain way.
#if defined(__x86_64__) && !defined(BERTH_SANITIZED)
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

BERTH_VECTOR_CLONES void copy(const RowSet& rows, Words& words) {
  for (uint32_t at = 0; at < kSegmentWords; ++at)
    words[at] = read_word(rows, at);
}

BERTH_VECTOR_CLONES void keep_common(const RowSet& rows, Words& words) {
  for (uint32_t at = 0; at < kSegmentWords; ++at)
    words[at] &= read_word(rows, at);
}

BERTH_VECTOR_CLONES void drop_common(const RowSet& rows, Words& words) {
  for (uint32_t at = 0; at < kSegmentWords; ++at)
    words[at] &= ~read_word(rows, at);
}

uint64_t summarize(const Words& words) {
  uint64_t summary = 0;
  for (uint32_t at = 0; at < kSegmentWords; ++at) {
    summary |= static_cast<uint64_t>(words[at] != 0) << at;
  }
  return summary;
}

uint64_t hash_names(uint64_t hash, const NameIds& names) {
  for (NameId name : names)
    hash = hash_combine(hash, name.value);
  return hash_combine(hash, names.size());
}

}  // namespace

void QueryMatches::reset(const Query& query) {
  all_ = query.all;
  any_ = query.any;
  none_ = query.none;
  for (SegmentMatches& matches : segments_)
    matches.version = 0;
}

// The version was read first: whatever changes while this computes is computed again next time.
void QueryMatches::compute(
    const Segment& segment, uint64_t version, SegmentMatches& matches) const {
  matches.version = version;
  matches.summary = 0;
  if (!require_all(segment, matches)) return;
  require_any(segment, matches);
  exclude(segment, matches);
  matches.summary = summarize(matches.words);
}

bool QueryMatches::require_all(const Segment& segment, SegmentMatches& matches) const {
  copy(segment.live, matches.words);
  for (NameId name : all_) {
    const RowSet* rows = rows_with(segment, name);
    if (rows == nullptr || rows->empty()) return false;
    keep_common(*rows, matches.words);
  }
  return true;
}

void QueryMatches::require_any(const Segment& segment, SegmentMatches& matches) const {
  for (const NameIds& group : any_) {
    Words some{};
    for (NameId name : group) {
      const RowSet* rows = rows_with(segment, name);
      if (rows == nullptr) continue;
      for (uint32_t at = 0; at < kSegmentWords; ++at)
        some[at] |= rows->word(at);
    }
    for (uint32_t at = 0; at < kSegmentWords; ++at)
      matches.words[at] &= some[at];
  }
}

void QueryMatches::exclude(const Segment& segment, SegmentMatches& matches) const {
  for (NameId name : none_) {
    const RowSet* rows = rows_with(segment, name);
    if (rows != nullptr) drop_common(*rows, matches.words);
  }
}

QueryMatches& MatchCache::find(const Query& query) {
  if (last_ != nullptr && last_->is_of(query)) return *last_;
  uint64_t hash = hash_names(hash_names(0, query.all), query.none);
  for (const NameIds& group : query.any)
    hash = hash_names(hash, group);
  QueryMatches& place = places_[hash % kPlaces];
  if (!place.is_of(query)) place.reset(query);
  last_ = &place;
  return place;
}

}  // namespace berth::core
