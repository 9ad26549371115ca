#pragma once

#include <memory>

#include "core/plan/engine/engine.h"

namespace berth::core {

/// Tasks an exact search is worth trying for.
inline constexpr size_t kExactTasksMax = 20;

/// Branch and bound over which worker runs what, for `is_release_problem`. Bounded by the
/// Lagrangian prices of workers' time; of workers that are alike one empty one is tried.
///
/// Starts from `known`, a schedule that is to be beaten or proved best.
std::unique_ptr<Engine> make_exact_loads(const Problem& problem, const Schedule& known);

/// Branch and bound over schedules in order of their starts: each node adds one task, at the
/// earliest moment not before the last start, which reaches every active schedule once. Bounded by
/// critical path, by the capacity left from that moment on and by `TardinessBound`; partial
/// schedules that leave the same for the same tasks are looked at once, and so are those that
/// differ by an exchange of neighbours on a worker.
///
/// Starts from `known`, which may be null while no schedule is known.
/// Memory   `kSeenMax` partial schedules are remembered
std::unique_ptr<Engine> make_exact_times(const Problem& problem, const Schedule* known);

}  // namespace berth::core
