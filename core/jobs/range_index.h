#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "wire/job_messages.h"

namespace berth::core {

/// Who cares for which jobs: owners of ranges of ids, found by any id in them.
///
/// Shape    a range is cut into blocks of a power of two of ids, at most two of each size; a hash
///          table from block to owners. `each` looks up one block of every size that is in use
/// Threads  one owner
/// Memory   about 40 bytes a block; a range of 1,000,000 has 40 at most
class RangeIndex {
 public:
  void add(wire::JobRange range, uint64_t owner) {
    each_block(range, [&](int level, uint64_t block) {
      blocks_[{block, level}].push_back(owner);
      ++used_[static_cast<size_t>(level)];
    });
  }

  void remove(wire::JobRange range, uint64_t owner) {
    each_block(range, [&](int level, uint64_t block) {
      auto found = blocks_.find({block, level});
      if (found == blocks_.end() || std::erase(found->second, owner) == 0) return;
      --used_[static_cast<size_t>(level)];
      if (found->second.empty()) blocks_.erase(found);
    });
  }

  /// Appends the owners of ranges that hold `id`, once for each range.
  void find(wire::JobId id, std::vector<uint64_t>& owners) const {
    if (blocks_.empty()) return;
    for (size_t level = 0; level < used_.size(); ++level) {
      if (used_[level] == 0) continue;
      const uint64_t block = level == 64 ? 0 : id.value >> level;
      auto found = blocks_.find({block, static_cast<int>(level)});
      if (found == blocks_.end()) continue;
      owners.insert(owners.end(), found->second.begin(), found->second.end());
    }
  }

 private:
  using Block = std::pair<uint64_t, int>;

  template <typename Visit>
  static void each_block(wire::JobRange range, Visit visit) {
    uint64_t first = range.first.value;
    uint64_t last = range.last.value;
    for (int level = 0; first <= last; ++level, first >>= 1, last >>= 1) {
      if ((first & 1) == 1) visit(level, first++);
      if (first > last) return;
      if ((last & 1) == 0) {
        visit(level, last);
        if (last-- == first) return;
      }
    }
  }

  absl::flat_hash_map<Block, std::vector<uint64_t>> blocks_;
  std::array<size_t, 65> used_{};  ///< blocks of each size; the largest holds all ids
};

/// The same ids in ascending order, without overlaps or neighbours that could be one.
inline std::vector<wire::JobRange> merged(std::span<const wire::JobRange> ranges) {
  std::vector<wire::JobRange> sorted;
  for (const wire::JobRange& range : ranges) {
    if (range.first <= range.last) sorted.push_back(range);
  }
  std::sort(sorted.begin(), sorted.end(), [](const wire::JobRange& a, const wire::JobRange& b) {
    return a.first < b.first;
  });
  std::vector<wire::JobRange> result;
  for (const wire::JobRange& range : sorted) {
    const bool joins = !result.empty() && (range.first.value <= result.back().last.value ||
                                           range.first.value - result.back().last.value == 1);
    if (!joins) {
      result.push_back(range);
    } else if (range.last > result.back().last) {
      result.back().last = range.last;
    }
  }
  return result;
}

}  // namespace berth::core
