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

/// Of the standard normal distribution, what lies above `z`.
double above(double z) {
  return std::erfc(z / std::sqrt(2.0)) / 2;
}

/// The `z` above which so much of it lies, within 0.0005 (Abramowitz and Stegun, "Handbook of
/// Mathematical Functions", 26.2.23): a snapshot asks once for every job that runs.
double with_above(double share) {
  if (share > 0.5) return -with_above(1 - share);
  const double t = std::sqrt(-2 * std::log(share));
  return t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                 (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

/// A distribution, by its logarithm, of which it is known that it is more than `so_far`.
class Rest {
 public:
  Rest(double mean, double spread, double so_far)
      : mean_(mean), spread_(std::max(0.05, spread)), so_far_(so_far) {
    constexpr double kFarthest = 30;  // of what lies beyond nothing is left, in doubles
    left_ = above(std::min((std::log(so_far) - mean_) / spread_, kFarthest));
  }
  double at(double share) const {
    return std::max(so_far_, std::exp(mean_ + spread_ * with_above(left_ * (1 - share))));
  }

 private:
  double mean_;
  double spread_;
  double so_far_;
  double left_;
};

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

double Belief::median(double so_far) const {
  if (!known_) return 0;
  const double spread = std::sqrt(variance_);
  const bool outlived = so_far > 0 && std::log(so_far) > mean_ - kTenth * spread;
  return outlived ? Rest(mean_, spread, so_far).at(0.5) : std::exp(mean_);
}

Forecast beyond(const Forecast& before, double so_far) {
  if (!before.known || so_far <= 0 || so_far <= before.low) return before;
  const double mean = std::log(before.median);
  const Rest rest(mean, (std::log(before.high) - mean) / kTenth, so_far);
  const double median = rest.at(0.5);
  return {median, std::max(median, before.mean), rest.at(0.1), rest.at(0.9), true};
}

}  // namespace berth::core
