#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plan/problem.h"

namespace berth::core {

/// What a unit of each worker's time is worth, summing to 1, and the bound on the makespan that
/// follows: no schedule is shorter than the sum over tasks of the cheapest duration × price.
struct WorkerPrices {
  std::vector<double> price;
  double bound = 0;
};

/// Lagrangian relaxation of "the loads are at most the makespan": prices go up, by a factor, where
/// the relaxed schedule runs too much. `durations` has a row of `workers` for each task; kNever:
/// not there.
WorkerPrices price_workers(std::span<const Ticks> durations, uint32_t workers);

}  // namespace berth::core
