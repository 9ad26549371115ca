#pragma once

#include <memory>

#include "core/plan/engine/engine.h"

namespace berth::core {

/// For every problem: simulated annealing over the order in which tasks are placed, and over which
/// worker each has to go to. Most moves take a task of a critical chain before the one that keeps
/// it from starting earlier; schedules that got shorter are justified.
///
/// Memory   a few words for each task; the timelines of all workers
/// Errors   `best()` is null while every order misses a hard deadline
std::unique_ptr<Engine> make_order_search(
    const Problem& problem, Rng rng, const Schedule* seed = nullptr);

}  // namespace berth::core
