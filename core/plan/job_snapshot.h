#pragma once

#include <cstdint>
#include <vector>

#include "core/base/time.h"
#include "core/placement/query.h"
#include "core/plan/problem.h"
#include "core/tables/fleet.h"
#include "wire/plan_messages.h"

namespace berth::core {

/// A worker that jobs can be handed to, as it was.
struct SnapshotHost {
  uint32_t worker = 0;  ///< the ledger's number
  WorkerIndex row;
  uint32_t generation = 0;
  NodeState node;
  uint32_t names_begin = 0;  ///< of its tags, labels and models in `JobSnapshot::names`, ascending
  uint32_t names_end = 0;
};

/// What was planned somewhere is to have another place at once; the next whole plan has time to
/// look for better ones.
constexpr bool is_repair(wire::PlanCause cause) {
  return cause == wire::PlanCause::WorkerLost || cause == wire::PlanCause::Refused;
}

inline constexpr uint32_t kNoHost = ~0u;

/// A job that waits for capacity.
struct WaitingJob {
  uint64_t job = 0;
  uint64_t array = 0;    ///< those of one array are alike in everything; 0: no array
  uint64_t version = 0;  ///< epoch of its last assignment; 0: none
  uint32_t query = 0;    ///< its place in `queries`
  int32_t priority = 0;
  Ticks duration = 0;       ///< as expected
  Ticks deadline = kNever;  ///< from the beginning of the plan on
  Ticks waited = 0;
  uint32_t previous_host = kNoHost;  ///< where the plan before has it
  Ticks previous_start = 0;          ///< from the beginning of this plan on; may be past
  std::vector<uint32_t> avoided;     ///< hosts that it failed on or that refused it, ascending
};

/// A job that holds capacity.
struct HoldingJob {
  uint64_t job = 0;
  uint32_t host = 0;
  Ticks until = 0;  ///< as expected
  Holding holding;
};

/// What some of them ask for.
struct SnapshotQuery {
  Query query;
  std::vector<uint32_t> excluded;  ///< the hosts of `query.exclude`, ascending
};

/// What the ledger hands the planner of durable jobs: an immutable value.
///
/// Units    ticks from `taken` on
/// Memory   about 350 bytes a host, 100 a job
struct JobSnapshot {
  uint64_t plan_id = 0;
  uint64_t previous_plan = 0;  ///< 0: none stands
  wire::PlanObjective objective = wire::PlanObjective::Slowdown;
  wire::PlanCause cause = wire::PlanCause::Pending;
  uint32_t patience = 0;  ///< lengths that the first in the queue waits before it is placed first
  double move_price = 0;  ///< of one job on another worker than before, in jobs' mean cost
  /// Of workers none of which is of any use to those that wait, in the objective's units.
  double fragmentation_price = 0;
  Duration budget;  ///< for whoever has a clock
  uint64_t seed = 0;
  Instant taken;
  int64_t taken_at_ms = 0;
  uint32_t pending = 0;        ///< jobs that wait, those left out for their number included
  uint32_t previous_jobs = 0;  ///< of the plan before
  uint32_t snapshot_us = 0;    ///< it took; filled in by whoever has a clock
  std::vector<SnapshotHost> hosts;
  std::vector<NameId> names;
  std::vector<SnapshotQuery> queries;
  std::vector<WaitingJob> waiting;  ///< in the order of the queue
  std::vector<HoldingJob> holding;
};

}  // namespace berth::core
