#include "core/plan/predictor.h"

#include <algorithm>
#include <cmath>

#include "core/base/hash.h"
#include "core/placement/demand_hash.h"

namespace berth::core {

uint64_t key_on_kind(uint64_t program, std::string_view worker_kind) {
  return hash_step(hash_step(15, program), hash_text(worker_kind, 4));
}

GroupKeys group_keys(const JobTraits& job) {
  const uint64_t name = hash_text(job.name, 1);
  const uint64_t user = hash_text(job.user, 2);
  const uint64_t queue = hash_text(job.queue, 3);
  // Sizes that differ by less than a half are alike.
  const auto size = static_cast<uint64_t>(std::lround(2 * std::log2(1 + std::max(0.0, job.size))));
  const uint64_t program = hash_step(hash_step(hash_step(14, user), name), size);
  return {
      hash_step(10, 0),
      hash_step(hash_step(11, queue), size),
      hash_step(12, user),
      hash_step(hash_step(13, user), size),
      program,
      key_on_kind(program, job.worker_kind)};
}

void Predictor::learn(const JobTraits& job, double value) {
  for (uint64_t key : group_keys(job)) {
    if (groups_.size() >= kGroupsMax && !groups_.contains(key)) continue;
    groups_[key].learn(value);
  }
}

Forecast Predictor::forecast(const JobTraits& job) const {
  Belief belief;
  for (uint64_t key : group_keys(job)) {
    const auto found = groups_.find(key);
    if (found != groups_.end()) belief.narrow(found->second);
  }
  return belief.forecast();
}

}  // namespace berth::core
