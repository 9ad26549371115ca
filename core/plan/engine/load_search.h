#pragma once

#include <memory>

#include "core/plan/engine/engine.h"

namespace berth::core {

/// Any two tasks together are too much for any worker, in one and the same resource.
bool runs_one_at_a_time(const Problem& problem);

/// Whether each worker runs one task at a time, no task waits for another, none has a deadline, and
/// the goal is the makespan: then only who runs what matters, since by release is the best order on
/// each worker. For up to four million pairs of task and worker.
bool is_release_problem(const Problem& problem);

/// The same, and no task waits for a moment either: then `make_load_search` is the engine.
bool is_load_problem(const Problem& problem);

/// Unrelated machines (R‖Cmax): simulated annealing (Kirkpatrick et al., Science 1983) on the time
/// by which workers are over a target one tick below the best makespan known. Whenever nobody is
/// over it, that is the new best.
///
/// Memory   a few words for each pair of task and worker
std::unique_ptr<Engine> make_load_search(
    const Problem& problem, Rng rng, const Schedule* seed = nullptr);

}  // namespace berth::core
