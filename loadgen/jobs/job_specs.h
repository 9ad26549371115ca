#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "wire/spec.h"

namespace berth::loadgen {

/// The jobs of a run and the workers they are for. Every job is the same; its spec is encoded once.
///
/// Workers of a run have a tag of its own, which its jobs ask for: nobody else's jobs come to them,
/// and nobody else's workers get these.
class JobSpecs {
 public:
  static constexpr uint32_t kAttemptsMax = 3;

  /// `run` tells this run from any other.
  explicit JobSpecs(uint64_t run);

  /// A job that the run's workers can run.
  std::span<const std::byte> runnable() const { return runnable_; }
  /// A job for a tag that nobody has: it stays pending.
  std::span<const std::byte> pending() const { return pending_; }

  /// What the workers are tagged with, besides what their runner needs.
  const std::string& tag() const { return tag_; }
  /// What the names of the run's requests and workers begin with.
  const std::string& prefix() const { return prefix_; }

 private:
  std::string prefix_;
  std::string tag_;
  std::vector<std::byte> runnable_;
  std::vector<std::byte> pending_;
};

/// Whether this attempt is to be reported as failed: with probability `fail`, drawn from the seed,
/// the job and the attempt, so that the same run fails the same way. The last attempt never is:
/// every job has to complete.
bool attempt_fails(uint64_t seed, wire::AssignmentId attempt, double fail);

}  // namespace berth::loadgen
