#pragma once

#include <span>
#include <vector>

#include "core/plan/plan.h"
#include "core/tables/fleet.h"
#include "core/tables/names.h"

namespace berth::core {

/// A consistent copy of one row, its names included. False when there is nothing to place on: no
/// worker, or one that is cordoned, draining or offline; or its owner is changing it all the time.
bool snapshot_worker(const Fleet& fleet, WorkerIndex index, SnapshotWorker& worker);

/// Copies every worker that may be placed on. Each row is consistent, the rows are not one instant.
/// Threads  any
void snapshot_workers(const Fleet& fleet, std::vector<SnapshotWorker>& workers);

/// Fills in what a task's query says in words of the tables: the rows of the worker ids it excludes
/// and the values of the label it spreads by. One pass over the ids for all tasks together.
void resolve_tasks(const Fleet& fleet, const Names& names, std::span<SnapshotTask> tasks);

}  // namespace berth::core
