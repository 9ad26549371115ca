#pragma once

#include <cstdint>
#include <memory>

#include "core/base/rng.h"
#include "core/plan/problem.h"

namespace berth::core {

/// Something that looks for better and better schedules of one problem.
///
/// Shape    advanced by steps, so that whoever has a clock decides when to stop; the same problem,
///          seed and sum of steps give the same schedule, however they were cut up
/// Units    a step is about one task tried in one place: some tens of nanoseconds
class Engine {
 public:
  virtual ~Engine() = default;
  /// False: it will find nothing better, ever; `proved` says whether nobody would.
  virtual bool advance(uint64_t steps) = 0;
  /// The best so far; null while there is none.
  virtual const Schedule* best() const = 0;
  /// No schedule costs less; infinite when it is certain that there is none at all.
  virtual double bound() const = 0;
  /// Nobody would, by the goal. What is left over decides between equals, and is not searched for
  /// once nothing is better.
  bool proved() const { return best() != nullptr && best()->cost <= bound() + best()->leftovers; }
};

}  // namespace berth::core
