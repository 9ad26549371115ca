#pragma once

#include <cstdint>
#include <vector>

#include "core/base/rng.h"
#include "core/placement/node.h"
#include "core/placement/query.h"

namespace berth::core {

/// A frozen copy of one row, with what a query filters by.
struct SnapshotWorker {
  WorkerIndex index;
  uint32_t generation = 0;
  bool suspicious = false;
  NodeState node;
  std::vector<NameId> names;  ///< tags, labels and models, ascending
};

struct SnapshotTask {
  uint64_t ticket = 0;  ///< the ledger's name for what waits
  Query query;
};

/// What the ledger hands the planner: workers, and the queue in its order.
struct Snapshot {
  uint64_t plan_id = 0;
  std::vector<SnapshotWorker> workers;
  std::vector<SnapshotTask> tasks;
};

/// How much the planner may do: one step is one task tried on one worker.
struct Budget {
  uint64_t steps = UINT64_MAX;
};

struct PlannedTask {
  uint64_t ticket = 0;
  WorkerIndex worker;
  uint32_t generation = 0;
  GpuSet gpus = 0;
};

struct Plan {
  uint64_t plan_id = 0;
  std::vector<PlannedTask> assignments;
  uint64_t steps = 0;
  bool complete = true;  ///< false: the budget ended first
};

/// Snapshot in, plan out; nothing else read or written. Greedy: each task in queue order to the
/// worker its policy likes best on what the tasks before it have left.
Plan make_plan(const Snapshot& snapshot, Budget budget, Rng& rng);

}  // namespace berth::core
