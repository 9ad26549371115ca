#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/plan/moments.h"

namespace berth::core {

/// What is known of a job before it runs.
struct JobTraits {
  std::string_view name;  ///< or its program
  std::string_view user;  ///< or tenant
  std::string_view queue;
  double size = 0;               ///< what it asks for, in one number: cores or slots
  std::string_view worker_kind;  ///< of the worker it is to run on; empty: any
};

/// The groups that a job belongs to, from all jobs to those like it on workers of one kind.
inline constexpr size_t kGroupLevels = 6;
using GroupKeys = std::array<uint64_t, kGroupLevels>;

/// The same for the same traits on every machine and in every life.
GroupKeys group_keys(const JobTraits& job);
/// The last of them, of the one before it.
uint64_t key_on_kind(uint64_t program, std::string_view worker_kind);

/// Learns what jobs take (seconds, or bytes) from those that have ended. Replayed logs use it; the
/// server has `core/jobs/experience.h`, which does the same and forgets the oldest.
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

  size_t groups() const { return groups_.size(); }

 private:
  absl::flat_hash_map<uint64_t, Moments> groups_;
};

}  // namespace berth::core
