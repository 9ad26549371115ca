#pragma once

namespace berth::core {

/// What something will take, as far as one can tell: the middle of a distribution and its tenth and
/// ninetieth percentile.
struct Forecast {
  double median = 0;
  double mean = 0;
  double low = 0;
  double high = 0;
  bool known = false;  ///< something has been learned, or was said, that it rests on

  /// The 95th percentile, of the same distribution.
  double top() const;
};

/// Mean and variance of the logarithm of something positive; older ones count for less.
///
/// Units    those of what it is told, in logarithms
/// Memory   24 bytes
struct Moments {
  double weight = 0;  ///< of what was seen, with its age
  double mean = 0;
  double variance = 0;

  /// Nothing happens unless `value` is positive and finite.
  void learn(double value);

  friend bool operator==(const Moments&, const Moments&) = default;
};

/// What is believed of one job, narrowed by groups of jobs like it, from general to specific: each
/// counts against the ones before it by how much it has seen.
class Belief {
 public:
  Belief() = default;
  /// Somebody said what it will take, and is seldom exact.
  explicit Belief(double said);

  void narrow(const Moments& group);
  Forecast forecast() const;
  /// The median of `beyond(forecast(), so_far)`, at a fraction of its cost; 0: nothing is known.
  double median(double so_far) const;

 private:
  double mean_ = 0;
  double variance_ = kFirstVariance;
  bool known_ = false;

  static constexpr double kFirstVariance = 1.0;  ///< of a logarithm nobody knows anything of
};

/// `before`, once it is known to take more than `so_far`: what runs longer than expected will
/// hardly end this moment.
Forecast beyond(const Forecast& before, double so_far);

}  // namespace berth::core
