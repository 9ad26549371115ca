#pragma once

#include <cstdint>
#include <vector>

#include "core/base/rng.h"
#include "core/placement/node.h"
#include "core/placement/query.h"
#include "core/placement/typical_tasks.h"

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
  int32_t priority = 0;
  Query query;
  std::vector<WorkerIndex> excluded;  ///< the rows of `query.exclude`, ascending
  std::vector<NameId> spread_labels;  ///< every label with the key `query.spread_by`, ascending
};

/// What the ledger hands the planner: workers that may be placed on, and the queue in its order.
struct Snapshot {
  uint64_t plan_id = 0;
  std::vector<SnapshotWorker> workers;
  std::vector<SnapshotTask> tasks;
  std::vector<TypicalTask> typical;  ///< what the policy `fgd` measures against
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
  size_t tried = 0;  ///< so many tasks from the front were tried; the rest is unknown
  uint64_t steps = 0;
  bool complete = true;  ///< false: the budget ended first
};

/// Snapshot in, plan out; nothing else read or written. Greedy: each task in queue order to the
/// worker its policy likes best on what the tasks before it have left; neighbours in the queue that
/// ask for `fgd` with one priority are placed together (`look_ahead.h`) and stand in the order in
/// which they are to be taken. A suspicious worker is used only when no other fits; which of equals
/// is taken comes from `rng`. The budget is looked at between tasks, so that a task is tried on all
/// workers or on none.
Plan make_plan(const Snapshot& snapshot, Budget budget, Rng& rng);

/// Whether the worker's names are what `query` asks for: all, any and none of them.
bool has_names(const SnapshotWorker& worker, const Query& query);

}  // namespace berth::core
