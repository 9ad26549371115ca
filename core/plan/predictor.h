#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string_view>

namespace berth::core {

/// What is known of a job before it runs.
struct JobTraits {
  std::string_view name;  ///< or its program
  std::string_view user;  ///< or tenant
  std::string_view queue;
  double size = 0;               ///< what it asks for, in one number: cores or slots
  std::string_view worker_kind;  ///< of the worker it is to run on; empty: any
};

/// What a job will take, as far as one can tell: the middle of a distribution and its tenth and
/// ninetieth percentile.
struct Forecast {
  double median = 0;
  double mean = 0;
  double low = 0;
  double high = 0;
  bool known = false;  ///< something has been learned that it rests on
};

/// Learns what jobs take (seconds, or bytes) from those that have ended. Replayed logs use it; the
/// server does not yet.
///
/// Keeps, for each group of jobs, the mean and variance of the logarithm, older ones counting for
/// less. Groups go from specific (same name, user and size) to general (all jobs); each is shrunk
/// towards the more general one by how little it has seen, so that a group of two jobs says little
/// and one of fifty everything (James and Stein's idea; Gelman et al., "Bayesian Data Analysis",
/// chapter 5).
///
/// Shape    a hash table of groups
/// Units    those of what it is told
/// Memory   `kGroupsMax` groups of 32 bytes; beyond it new ones are not learned, but counted in the
///          general ones
class Predictor {
 public:
  static constexpr size_t kGroupsMax = 200'000;

  /// `value` > 0.
  void learn(const JobTraits& job, double value);
  Forecast forecast(const JobTraits& job) const;

  /// The same once it is known to take more than `so_far`: what runs longer than expected will
  /// hardly end this moment.
  static Forecast beyond(const Forecast& before, double so_far);

  size_t groups() const { return groups_.size(); }

 private:
  struct Group {
    double weight = 0;    ///< of what was seen, with its age
    double mean = 0;      ///< of the logarithm
    double variance = 0;  ///< of the logarithm
  };

  absl::flat_hash_map<uint64_t, Group> groups_;
};

}  // namespace berth::core
