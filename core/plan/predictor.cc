#include "core/plan/predictor.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/hash.h"
#include "core/placement/demand_hash.h"

namespace berth::core {

namespace {

constexpr double kMemory = 0.97;        // what was seen counts for so much at the next one
constexpr double kShrink = 1.5;         // a group of so much weight counts as much as its parent
constexpr double kFirstVariance = 1.0;  // of a logarithm nobody knows anything of
constexpr double kTenth = 1.2815515655446004;  // standard deviations to the tenth percentile
constexpr size_t kLevels = 6;

/// From general to specific.
std::array<uint64_t, kLevels> keys_of(const JobTraits& job) {
  const uint64_t name = hash_text(job.name, 1);
  const uint64_t user = hash_text(job.user, 2);
  const uint64_t queue = hash_text(job.queue, 3);
  const uint64_t kind = hash_text(job.worker_kind, 4);
  // Sizes that differ by less than a half are alike.
  const auto size = static_cast<uint64_t>(std::lround(2 * std::log2(1 + std::max(0.0, job.size))));
  return {
      hash_step(10, 0),
      hash_step(hash_step(11, queue), size),
      hash_step(12, user),
      hash_step(hash_step(13, user), size),
      hash_step(hash_step(hash_step(14, user), name), size),
      hash_step(hash_step(hash_step(hash_step(15, user), name), size), kind)};
}

Forecast of_logarithm(double mean, double variance) {
  const double spread = std::sqrt(variance);
  return {
      std::exp(mean),
      std::exp(mean + std::min(variance, 4.0) / 2),
      std::exp(mean - kTenth * spread),
      std::exp(mean + kTenth * spread),
      true};
}

/// Standard normal distribution, and its inverse by bisection: thirty steps are exact enough.
double below(double z) {
  return std::erfc(-z / std::sqrt(2.0)) / 2;
}
double quantile(double share) {
  double low = -8;
  double high = 8;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (below(middle) < share ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

void Predictor::learn(const JobTraits& job, double value) {
  if (!(value > 0) || !std::isfinite(value)) return;
  const double seen = std::log(value);
  for (uint64_t key : keys_of(job)) {
    if (groups_.size() >= kGroupsMax && !groups_.contains(key)) continue;
    Group& group = groups_[key];
    group.weight = group.weight * kMemory + 1;
    const double off = seen - group.mean;
    group.mean += off / group.weight;
    group.variance += (off * (seen - group.mean) - group.variance) / group.weight;
  }
}

Forecast Predictor::forecast(const JobTraits& job) const {
  double mean = 0;
  double variance = kFirstVariance;
  bool known = false;
  for (uint64_t key : keys_of(job)) {
    const auto found = groups_.find(key);
    if (found == groups_.end()) continue;
    const Group& group = found->second;
    const double share = known ? group.weight / (group.weight + kShrink) : 1;
    const double off = group.mean - mean;
    const double spread = group.weight > 1 ? group.variance : variance;
    variance =
        share * spread + (1 - share) * variance + (known ? share * (1 - share) * off * off : 0);
    mean += share * off;
    known = true;
  }
  return known ? of_logarithm(mean, variance) : Forecast{};
}

Forecast Predictor::beyond(const Forecast& before, double so_far) {
  if (!before.known || so_far <= 0 || so_far <= before.low) return before;
  const double mean = std::log(before.median);
  const double spread = std::max(0.05, (std::log(before.high) - mean) / kTenth);
  const double past = std::min(below((std::log(so_far) - mean) / spread), 1 - 1e-9);
  const auto at = [&](double share) {
    return std::max(so_far, std::exp(mean + spread * quantile(past + (1 - past) * share)));
  };
  return {at(0.5), std::max(at(0.5), before.mean), at(0.1), at(0.9), true};
}

}  // namespace berth::core
