#include "core/plan/moments.h"

#include <algorithm>
#include <cmath>

namespace berth::core {

namespace {

constexpr double kMemory = 0.97;       // what was seen counts for so much at the next one
constexpr double kShrink = 1.5;        // a group of so much weight counts as the ones before
constexpr double kSaidVariance = 0.5;  // of what people say
constexpr double kTenth = 1.2815515655446004;   // standard deviations to the tenth percentile
constexpr double kTwentieth = 1.6448536269515;  // and to the twentieth

/// Standard normal distribution, and its inverse by bisection: forty steps are exact enough.
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

double Forecast::top() const {
  return median > 0 ? median * std::pow(high / median, kTwentieth / kTenth) : 0;
}

void Moments::learn(double value) {
  if (!(value > 0) || !std::isfinite(value)) return;
  weight = weight * kMemory + 1;
  const double seen = std::log(value);
  const double off = seen - mean;
  mean += off / weight;
  variance += (off * (seen - mean) - variance) / weight;
}

Belief::Belief(double said) {
  if (!(said > 0) || !std::isfinite(said)) return;
  mean_ = std::log(said);
  variance_ = kSaidVariance;
  known_ = true;
}

void Belief::narrow(const Moments& group) {
  if (!(group.weight > 0)) return;
  const double share = known_ ? group.weight / (group.weight + kShrink) : 1;
  const double off = group.mean - mean_;
  const double spread = group.weight > 1 ? group.variance : variance_;
  variance_ =
      share * spread + (1 - share) * variance_ + (known_ ? share * (1 - share) * off * off : 0);
  mean_ += share * off;
  known_ = true;
}

Forecast Belief::forecast() const {
  if (!known_) return {};
  const double spread = std::sqrt(variance_);
  return {
      std::exp(mean_),
      std::exp(mean_ + std::min(variance_, 4.0) / 2),
      std::exp(mean_ - kTenth * spread),
      std::exp(mean_ + kTenth * spread),
      true};
}

Forecast beyond(const Forecast& before, double so_far) {
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
