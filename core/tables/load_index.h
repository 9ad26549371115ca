#pragma once

#include <atomic>
#include <cstdint>

#include "core/tables/bits.h"

namespace berth::core {

/// current/max slots as a fraction of 2^32. Exact: two different fractions of slot counts up to
/// 65,535 differ by more than 2^-32.
using LoadKey = uint32_t;

inline constexpr uint32_t kLoadBuckets = 256;           // by the top 8 bits of the key
inline constexpr uint32_t kBuckets = 2 * kLoadBuckets;  // online ones, then suspicious ones
inline constexpr uint32_t kBucketWords = kBuckets / 64;
inline constexpr uint16_t kNoBucket = 0xFFFF;  // full, cordoned or offline

constexpr LoadKey load_key(int32_t used, int32_t capacity) {
  if (used <= 0) return 0;
  if (used >= capacity) return UINT32_MAX;
  return static_cast<LoadKey>(
      (static_cast<uint64_t>(used) << 32) / static_cast<uint32_t>(capacity));
}

constexpr uint16_t load_bucket(LoadKey key, bool suspicious) {
  return static_cast<uint16_t>((key >> 24) + (suspicious ? kLoadBuckets : 0));
}

/// The rows of one segment that have a free slot, by load.
///
/// Shape    a RowSet for each of 512 buckets, a bitmap of the buckets that are not empty, the exact
///          key of each row, and for each bucket a lower bound of its keys: a candidate that
///          reaches it cannot be beaten, so a search in a bucket of equals ends at the first hit
/// Threads  a row's bits are changed by the holder of the row's lock; any thread reads, and may
///          tighten a bound
struct alignas(64) LoadIndex {
  std::atomic<uint64_t> occupied[kBucketWords];
  /// Stored as ~key, so that zeroed memory means "none". Mutable: what it bounds is not changed.
  mutable std::atomic<uint32_t> lowest[kBuckets];
  std::atomic<uint32_t> keys[kSegmentRows];
  RowSet buckets[kBuckets];

  LoadKey key(uint32_t row) const { return keys[row].load(std::memory_order_acquire); }
  LoadKey lower_bound(uint32_t bucket) const {
    return ~lowest[bucket].load(std::memory_order_acquire);
  }

  void insert(uint32_t row, LoadKey key, uint16_t bucket);
  void remove(uint32_t row, uint16_t bucket);

  /// Raises the bound, which falls behind as keys rise, to the lowest key there is. O(rows of the
  /// bucket). Until it is done, others take the bucket for one of equals.
  void tighten(uint32_t bucket) const;

  /// The first occupied bucket at or after `from` and before `end`; `end` if there is none.
  uint32_t next_occupied(uint32_t from, uint32_t end) const;
  /// The last occupied bucket before `from` and not before `begin`; UINT32_MAX if there is none.
  uint32_t previous_occupied(uint32_t from, uint32_t begin) const;

 private:
  void lower_to(uint32_t bucket, LoadKey key) const {
    uint32_t bound = lowest[bucket].load();
    while (~key > bound && !lowest[bucket].compare_exchange_weak(bound, ~key)) {}
  }
};

inline void LoadIndex::insert(uint32_t row, LoadKey key, uint16_t bucket) {
  keys[row].store(key, std::memory_order_release);
  buckets[bucket].set(row);
  std::atomic<uint64_t>& word = occupied[bucket / 64];
  uint64_t bit = uint64_t{1} << (bucket % 64);
  if ((word.load() & bit) == 0) word.fetch_or(bit);
  lower_to(bucket, key);
}

inline void LoadIndex::tighten(uint32_t bucket) const {
  // Sequentially consistent with `insert`: who inserts meanwhile finds no bound and sets its own,
  // or had looked at the old one before, and then its row is there to be seen.
  lowest[bucket].exchange(0);
  const RowSet& rows = buckets[bucket];
  LoadKey least = UINT32_MAX;
  for (uint64_t left = rows.summary.load(); left != 0; left &= left - 1) {
    auto at = static_cast<uint32_t>(std::countr_zero(left));
    for (uint64_t bits = rows.words[at].load(); bits != 0; bits &= bits - 1) {
      LoadKey seen = key(at * 64 + static_cast<uint32_t>(std::countr_zero(bits)));
      if (seen < least) least = seen;
    }
  }
  lower_to(bucket, least);
}

inline void LoadIndex::remove(uint32_t row, uint16_t bucket) {
  if (!buckets[bucket].clear(row)) return;
  std::atomic<uint64_t>& word = occupied[bucket / 64];
  uint64_t bit = uint64_t{1} << (bucket % 64);
  lowest[bucket].store(0);
  word.fetch_and(~bit);
  if (!buckets[bucket].empty()) {
    // Someone came in between: make it visible again, with a bound that is certainly low enough.
    word.fetch_or(bit);
    lowest[bucket].store(~(static_cast<uint32_t>(bucket % kLoadBuckets) << 24));
  }
}

inline uint32_t LoadIndex::next_occupied(uint32_t from, uint32_t end) const {
  for (uint32_t at = from / 64; at * 64 < end; ++at) {
    uint64_t word = occupied[at].load(std::memory_order_acquire);
    if (at == from / 64) word &= ~uint64_t{0} << (from % 64);
    if (word != 0) {
      uint32_t found = at * 64 + static_cast<uint32_t>(std::countr_zero(word));
      return found < end ? found : end;
    }
  }
  return end;
}

inline uint32_t LoadIndex::previous_occupied(uint32_t from, uint32_t begin) const {
  for (uint32_t at = (from + 63) / 64; at-- * 64 + 64 > begin;) {
    uint64_t word = occupied[at].load(std::memory_order_acquire);
    if (at == from / 64) word &= (uint64_t{1} << (from % 64)) - 1;
    if (word != 0) {
      uint32_t found = at * 64 + 63 - static_cast<uint32_t>(std::countl_zero(word));
      return found >= begin ? found : UINT32_MAX;
    }
    if (at == 0) break;
  }
  return UINT32_MAX;
}

}  // namespace berth::core
