#pragma once

#include <memory>

#include "core/plan/engine/engine.h"

namespace berth::core {

/// Whether all tasks run at the same time and the goal is to use few workers: then only who runs
/// what matters, and `make_bin_search` is the engine.
bool is_bin_problem(const Problem& problem);

/// Vector bin packing: simulated annealing on how much the tasks are too much for one worker fewer
/// than the best packing known has. Whenever nothing is too much, that is the new best. Begins with
/// the best of some greedy packings (dot product and size; Panigrahy et al., "Heuristics for Vector
/// Bin Packing", 2011).
///
/// Memory   a few words for each task and worker
/// Errors   `best()` is null until all tasks have found a place at all
std::unique_ptr<Engine> make_bin_search(
    const Problem& problem, Rng rng, const Schedule* seed = nullptr);

}  // namespace berth::core
