#pragma once

#include <vector>

#include "core/plan/problem.h"

namespace berth::core {

/// A resource that nobody named and every schedule keeps to all the same: it follows from the
/// capacities. What the real resources leave unsaid, such as "of these tasks a worker runs one at a
/// time", is a volume here.
struct ImpliedResource {
  std::vector<double> demand;    ///< of each task
  std::vector<double> capacity;  ///< of each worker
};

/// The resources themselves, and what follows from them: dual feasible functions of each resource
/// that all workers have as much of (Fekete and Schepers, "New classes of fast lower bounds for bin
/// packing problems", 2001), and sets of tasks no two of which fit together. At most some dozens;
/// O(tasks²).
std::vector<ImpliedResource> implied_resources(const Problem& problem);

}  // namespace berth::core
