#pragma once

#include "core/base/arena.h"
#include "core/base/time.h"
#include "core/tables/tables.h"
#include "wire/messages.h"

namespace berth::core {

/// What people and programs look at: copies of rows, tags and counters, readable by any thread.

/// One page of workers in row order, from the row the cursor names.
wire::WorkerPage list_workers(
    const Tables& tables, Now now, const wire::ListWorkers& list, Arena& text);

/// The page of one worker.
wire::WorkerPage show_worker(const Tables& tables, Now now, WorkerIndex worker, Arena& text);

/// Every tag that a worker has now, with the number of workers that have it.
wire::TagPage list_tags(const Tables& tables, Arena& text);

/// Every counter and gauge, of the process and of each shard.
wire::StatsReply list_stats(const Tables& tables, Now now, Arena& text);

}  // namespace berth::core
