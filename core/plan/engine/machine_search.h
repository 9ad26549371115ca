#pragma once

#include <memory>

#include "core/plan/engine/engine.h"

namespace berth::core {

/// Whether every task has one worker alone, which runs one task at a time, and the goal is the
/// makespan: the job shop, with any precedence. Then only the order on each worker matters.
bool is_machine_problem(const Problem& problem);

/// Tabu search over those orders: swaps of two tasks at the ends of a critical block (Nowicki and
/// Smutnicki, "A fast taboo search algorithm for the job shop problem", Management Science 1996),
/// begun anew from a disturbed best when it finds nothing for long.
///
/// Memory   a word for each pair of tasks that share a worker
std::unique_ptr<Engine> make_machine_search(
    const Problem& problem, Rng rng, const Schedule* seed = nullptr);

}  // namespace berth::core
