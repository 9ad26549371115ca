#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plan/problem.h"

namespace berth::core {

/// Which tasks of a queue on one worker start now, and no later ones: the rules that plans are
/// compared with. The problem has one worker and says what is busy; estimates are its durations.
///
/// Begin in the queue's order until one does not fit.
std::vector<uint32_t> start_in_order(const Problem& problem, std::span<const uint32_t> queue);

/// The same, then what fits without moving the moment at which the first that waits can start
/// (EASY: Lifka, "The ANL/IBM SP Scheduling System", 1995). `candidates` is the queue in the order
/// in which it is tried for that: its own for EASY, the shortest first for SJBF (Tsafrir, Etsion
/// and Feitelson, "Backfilling Using System-Generated Predictions", TPDS 2007).
std::vector<uint32_t> start_with_backfill(
    const Problem& problem, std::span<const uint32_t> queue, std::span<const uint32_t> candidates);

}  // namespace berth::core
