#pragma once

#include <absl/container/btree_map.h>

#include <bit>
#include <cstdint>
#include <optional>

namespace berth::core {

/// Ids in their order. Those that lie close together share a word, as those of jobs do, which are
/// numbered without gaps.
///
/// Shape    a tree of words of 64 ids; empty words are dropped. Every operation is O(log n)
/// Threads  one owner
/// Memory   a quarter of a byte for each id where they are dense, 16 bytes for one alone
class IdSet {
 public:
  /// Neither wants to know whether it was there before.
  void insert(uint64_t id) { words_[id / 64] |= bit(id); }
  void erase(uint64_t id) {
    auto found = words_.find(id / 64);
    if (found == words_.end()) return;
    found->second &= ~bit(id);
    if (found->second == 0) words_.erase(found);
  }

  /// The smallest that is `id` or above.
  std::optional<uint64_t> at_or_after(uint64_t id) const {
    auto found = words_.lower_bound(id / 64);
    if (found == words_.end()) return std::nullopt;
    if (found->first > id / 64) return first_of(*found);
    const uint64_t rest = found->second & ~(bit(id) - 1);
    if (rest != 0) return first_of({found->first, rest});
    return ++found == words_.end() ? std::nullopt : std::optional(first_of(*found));
  }

  /// The largest that is `id` or below.
  std::optional<uint64_t> at_or_before(uint64_t id) const {
    auto next = words_.upper_bound(id / 64);
    if (next == words_.begin()) return std::nullopt;
    auto found = std::prev(next);
    if (found->first < id / 64) return last_of(*found);
    const uint64_t rest = found->second & (bit(id) | (bit(id) - 1));
    if (rest != 0) return last_of({found->first, rest});
    return found == words_.begin() ? std::nullopt : std::optional(last_of(*std::prev(found)));
  }

 private:
  using Word = std::pair<uint64_t, uint64_t>;  // which one, and its ids as bits

  static uint64_t bit(uint64_t id) { return uint64_t{1} << (id % 64); }
  static uint64_t first_of(Word word) {
    return word.first * 64 + static_cast<uint64_t>(std::countr_zero(word.second));
  }
  static uint64_t last_of(Word word) {
    return word.first * 64 + 63 - static_cast<uint64_t>(std::countl_zero(word.second));
  }

  absl::btree_map<uint64_t, uint64_t> words_;
};

}  // namespace berth::core
