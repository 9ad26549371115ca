#pragma once

#include <cstdint>
#include <vector>

#include "core/placement/fgd.h"

namespace berth::core {

struct ScoredGpus {
  double score = 0;  ///< the lowest wins
  GpuSet gpus = 0;
};

/// `fgd_choose`, remembered: identical workers, and a worker that has not changed since a like task
/// came by, are scored once.
///
/// Use      `begin` for each task, then `fgd` for each worker that it fits
/// Shape    direct-mapped; what maps to a taken place replaces it. Keys are 64-bit hashes: a
///          collision makes one choice a worse one, never an impossible one (devices are checked)
/// Threads  one owner
/// Memory   16 bytes for each of 2^`bits` entries, allocated by the first `begin`
class ScoreCache {
 public:
  explicit ScoreCache(unsigned bits = 18) : bits_(bits) {}

  /// `demand` and `typical` are borrowed until the next `begin`.
  void begin(const NodeDemand& demand, const TypicalTasks& typical);

  /// Score and devices of `fgd_choose(node, demand, typical)`. Requires that it fits.
  ScoredGpus fgd(const NodeState& node);

 private:
  struct Entry {
    uint64_t key_and_gpus = 0;  ///< upper 48 bits of the key, devices below; 0: empty
    double score = 0;
  };

  unsigned bits_;
  const NodeDemand* demand_ = nullptr;
  const TypicalTasks* typical_ = nullptr;
  uint64_t seed_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace berth::core
