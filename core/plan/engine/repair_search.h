#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/rng.h"
#include "core/plan/engine/engine.h"
#include "core/plan/problem.h"

namespace berth::core {

/// A schedule that stands, but for tasks whose places are gone.
struct Standing {
  static constexpr uint32_t kNoHome = UINT32_MAX;

  Schedule schedule;            ///< of all tasks; those without a home are anywhere
  std::vector<uint32_t> homes;  ///< of each task the worker that it was promised, or kNoHome
  double move_price = 0;        ///< of a task away from its home, in the problem's cost
};

/// Mends a schedule: those without a home first, around all others as they are, then one of them
/// after the other with the tasks of its worker and of some that it could have instead. Whatever
/// changes has to pay for its moves.
///
/// It ends when it has gone round without finding anything.
///
/// Memory   one schedule and the part of the problem that is under way
/// Errors   no task is `after` another, and all take as long on every worker
std::unique_ptr<Engine> make_repair_search(const Problem& problem, Rng rng, Standing standing);

}  // namespace berth::core
