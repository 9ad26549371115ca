#pragma once

#include <memory>

#include "core/plan/engine/engine.h"

namespace berth::core {

/// For problems too large to be searched whole: takes some workers with their tasks, among them one
/// that the cost hangs on, lets a search of its own loose on these alone, and puts back what it
/// found when the whole gets better. What the tasks of others need stays as it is: their ends and
/// starts are releases and deadlines there.
///
/// After Narayanan et al., "Solving Large-Scale Granular Resource Allocation Problems Efficiently
/// with POP", SOSP 2021: a random part of a large problem is much like the whole.
///
/// Memory   one part of `kPartTasks` tasks or so
std::unique_ptr<Engine> make_partition_search(
    const Problem& problem, Rng rng, const Schedule* seed = nullptr);

}  // namespace berth::core
