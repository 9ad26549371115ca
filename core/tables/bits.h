#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace berth::core {

/// Rows of one segment: 64 words of 64.
inline constexpr uint32_t kSegmentRows = 4096;
inline constexpr uint32_t kSegmentWords = kSegmentRows / 64;
static_assert(kSegmentWords == 64, "one summary word covers a segment");

/// A set of rows of one segment, with a bit for every word that is not empty, so that sparse sets
/// are walked and intersected without reading their zeros.
///
/// Threads  any thread sets, clears and reads, without locks. A reader may be a moment behind; a
///          bit whose row is not changing is always seen, because a summary bit is only cleared by
///          a thread that then looks again whether its word stayed empty
struct RowSet {
  std::atomic<uint64_t> summary;
  std::atomic<uint64_t> words[kSegmentWords];

  uint64_t word(uint32_t at) const { return words[at].load(std::memory_order_acquire); }
  bool empty() const { return summary.load(std::memory_order_acquire) == 0; }
  bool contains(uint32_t row) const { return (word(row / 64) >> (row % 64)) & 1; }

  void set(uint32_t row) {
    uint32_t at = row / 64;
    // Sequentially consistent with `clear`: of "set word, set summary" and "clear summary, read
    // word" at least one side sees the other.
    words[at].fetch_or(uint64_t{1} << (row % 64));
    uint64_t bit = uint64_t{1} << at;
    if ((summary.load() & bit) == 0) summary.fetch_or(bit);
  }

  /// True when the set has become empty.
  bool clear(uint32_t row) {
    uint32_t at = row / 64;
    uint64_t mask = uint64_t{1} << (row % 64);
    if ((words[at].fetch_and(~mask) & ~mask) != 0) return false;
    uint64_t bit = uint64_t{1} << at;
    bool emptied = (summary.fetch_and(~bit) & ~bit) == 0;
    if (words[at].load() != 0) {
      summary.fetch_or(bit);
      return false;
    }
    return emptied;
  }

  uint32_t count() const {
    uint32_t rows = 0;
    for (uint64_t left = summary.load(std::memory_order_acquire); left != 0; left &= left - 1) {
      rows += static_cast<uint32_t>(std::popcount(word(std::countr_zero(left))));
    }
    return rows;
  }
};

}  // namespace berth::core
