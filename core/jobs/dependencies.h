#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <vector>

#include "wire/ids.h"

namespace berth::core {

/// Who waits for whom. The id of an array, which is that of its first element, stands for all of
/// it.
///
/// Shape    an ordered set of dependants for each job that has any; ordered, because the same
///          events have to give the same state
/// Threads  one owner
/// Memory   about 16 bytes a dependency
class Dependencies {
 public:
  void add(wire::JobId on, wire::JobId dependant) { dependants_[on.value].insert(dependant.value); }

  void remove(wire::JobId on, wire::JobId dependant) {
    auto found = dependants_.find(on.value);
    if (found == dependants_.end()) return;
    found->second.erase(dependant.value);
    if (found->second.empty()) forget(found->first);
  }

  /// The elements of `array` that have not completed, once somebody waits for all of them.
  void expect(wire::JobId array, uint64_t elements) { left_[array.value] = elements; }
  bool expects(wire::JobId array) const { return !left_.empty() && left_.contains(array.value); }
  /// `elements` more of it, or fewer. True: none are left.
  bool adjust(wire::JobId array, int64_t elements) {
    return (left_[array.value] += static_cast<uint64_t>(elements)) == 0;
  }

  bool empty() const { return dependants_.empty(); }
  bool waits_for(wire::JobId on) const {
    return !dependants_.empty() && dependants_.contains(on.value);
  }

  /// Those that wait for it, who do so no more.
  std::vector<uint64_t> take(wire::JobId on) {
    auto found = dependants_.find(on.value);
    if (found == dependants_.end()) return {};
    std::vector<uint64_t> waiting(found->second.begin(), found->second.end());
    forget(on.value);
    return waiting;
  }

 private:
  void forget(uint64_t on) {
    dependants_.erase(on);
    left_.erase(on);
  }

  absl::flat_hash_map<uint64_t, absl::btree_set<uint64_t>> dependants_;
  absl::flat_hash_map<uint64_t, uint64_t> left_;
};

}  // namespace berth::core
