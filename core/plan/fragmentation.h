#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plan/problem.h"
#include "core/plan/timeline.h"

namespace berth::core {

/// How much of the workers is left over such that nobody can use it.
///
/// To a typical task that does not fit into what is free of a worker, all of that is of no use: F_n
/// of fragmentation gradient descent, with the resources of a problem in place of GPU milli. A
/// worker's fragmentation is the mean over the typical tasks; what is free is taken as a share of
/// its capacity, the mean over its resources. A schedule's is the mean over `Leftovers::window`, so
/// that it is a sum over workers: what changes on some of them changes nothing of the others'.
///
/// Source  Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with
///         Fragmentation Gradient Descent", USENIX ATC 2023
/// Units   millionths of a worker; integers, so that sums do not depend on their order
/// Memory  8 bytes for each worker and resource; the problem outlives this
class Fragmentation {
 public:
  explicit Fragmentation(const Problem& problem);

  /// False: the problem does not say what is typical. Nothing else may be asked then.
  bool counts() const { return !scale_.empty(); }

  /// While so much is free of a worker, and `taken` of that if it is given.
  int64_t of(
      uint32_t worker, std::span<const Amount> free, std::span<const Amount> taken = {}) const;
  /// On average over the window.
  int64_t mean(uint32_t worker, const Timeline& free) const;
  /// What taking `demand` from there adds; of equals the fuller worker. The lowest is the best.
  int64_t rank(uint32_t worker, std::span<const Amount> free, std::span<const Amount> demand) const;

 private:
  double share_of(
      uint32_t worker, std::span<const Amount> free, std::span<const Amount> taken) const;
  double useless_to(std::span<const Amount> free, std::span<const Amount> taken) const;

  const Problem& problem_;
  std::vector<double> scale_;  // of each worker, each resource: what a unit is of the worker
};

/// Of a whole schedule, the sum over workers of their means over the window. 0: it is not counted.
int64_t fragmentation_of(const Problem& problem, const std::vector<Assigned>& tasks);

/// That in the units of the problem's cost.
double fragmentation_cost(const Problem& problem, int64_t fragmentation);

/// What the tasks themselves say is typical: those of one demand together, the most frequent
/// first. The window is as long as it takes them at least, a day at most; the price is that of all
/// workers together.
Problem::Leftovers leftovers_of(const Problem& problem, double price);

}  // namespace berth::core
