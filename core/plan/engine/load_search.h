#pragma once

#include <memory>

#include "core/plan/engine/engine.h"

namespace berth::core {

/// Whether each worker runs one task at a time, no task waits for another or for a moment, and the
/// goal is the makespan: then only who runs what matters, and `make_load_search` is the engine. For
/// up to four million pairs of task and worker.
bool is_load_problem(const Problem& problem);

/// Unrelated machines (R‖Cmax): simulated annealing (Kirkpatrick et al., Science 1983) on the time
/// by which workers are over a target one tick below the best makespan known. Whenever nobody is
/// over it, that is the new best.
///
/// Memory   a few words for each pair of task and worker
std::unique_ptr<Engine> make_load_search(
    const Problem& problem, Rng rng, const Schedule* seed = nullptr);

}  // namespace berth::core
