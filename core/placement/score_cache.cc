#include "core/placement/score_cache.h"

#include "core/placement/demand_hash.h"

namespace berth::core {
namespace {

constexpr uint64_t kGpusMask = 0xFFFF;

/// Whether `gpus` can hold `demand`: what stands between a hash collision and a broken claim.
bool holds(const NodeState& node, const NodeDemand& demand, GpuSet gpus) {
  if (demand.gpu_count != __builtin_popcount(gpus)) return false;
  for (unsigned set = gpus; set != 0; set &= set - 1) {
    auto device = static_cast<size_t>(__builtin_ctz(set));
    if (device >= node.gpu_count || node.gpu_free[device] < demand.gpu_milli) return false;
  }
  return true;
}

}  // namespace

void ScoreCache::begin(const NodeDemand& demand, const TypicalTasks& typical) {
  if (entries_.empty()) entries_.resize(size_t{1} << bits_);
  demand_ = &demand;
  typical_ = &typical;
  seed_ = hash_step(demand_hash(demand), typical.version());
}

ScoredGpus ScoreCache::fgd(const NodeState& node) {
  uint64_t key = hash_step(seed_, free_hash(node));
  Entry& entry = entries_[(key * 0x9E3779B97F4A7C15u) >> (64 - bits_)];
  auto gpus = static_cast<GpuSet>(entry.key_and_gpus & kGpusMask);
  bool known = (entry.key_and_gpus & ~kGpusMask) == (key & ~kGpusMask);
  if (known && holds(node, *demand_, gpus)) return {entry.score, gpus};
  FgdChoice choice = fgd_choose(node, *demand_, *typical_);
  entry = {(key & ~kGpusMask) | choice.gpus, choice.score};
  return {choice.score, choice.gpus};
}

}  // namespace berth::core
