#pragma once

#include "core/plan/problem.h"

namespace berth::core {

/// No schedule uses fewer workers, for problems whose tasks all run at the same time: volume of
/// each resource, and tasks no two of which fit together (Martello and Toth's L2 in each resource).
double workers_bound(const Problem& problem);

/// No schedule ends earlier: the longest chain of tasks, with releases, and the volume of each
/// resource over all workers.
Ticks makespan_bound(const Problem& problem);

/// In the units of the problem's goal.
double lower_bound(const Problem& problem);

}  // namespace berth::core
