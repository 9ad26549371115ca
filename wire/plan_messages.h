#pragma once

#include <cstdint>
#include <span>

#include "wire/ids.h"
#include "wire/parts.h"

/// The messages about plans of durable jobs, as plain structs.
///
/// Shape, memory and errors as messages.h says
/// Units    `_us` is microseconds, `_ms` without `at` milliseconds; `_at_ms` is wall time, Unix,
///          milliseconds. Costs are in what the objective counts: `planned` says what that is
namespace berth::wire {

/// Of whom a plan is: those that wait for a place, or durable jobs. Each counts its plans from 1.
enum class PlanOf : uint8_t { Requests = 0, Jobs = 1 };

/// Why a plan was asked for.
enum class PlanCause : uint8_t {
  Pending = 0,     ///< enough jobs were waiting for capacity
  Period = 1,      ///< jobs were waiting, and the last plan was a period ago
  WorkerLost = 2,  ///< a worker that the last plan counts on is gone
  Deadline = 3,    ///< a waiting job is about to miss its deadline
  Refused = 4,     ///< a worker refused what was planned for it
  Freed = 5,       ///< capacity came that the last plan did not know of
};
inline constexpr int kPlanCauseCount = 6;

/// What a plan makes small.
enum class PlanObjective : uint8_t {
  Slowdown = 0,   ///< the mean bounded slowdown of the jobs
  Deadlines = 1,  ///< time beyond the deadline, summed
  Makespan = 2,   ///< the end of the last job
  Workers = 3,    ///< workers that run anything
};
inline constexpr int kPlanObjectiveCount = 4;

/// What became of a plan.
enum class PlanOutcome : uint8_t {
  Applied = 0,  ///< its starts are kept
  Late = 1,     ///< it took too long; greedy went on without it
  Failed = 2,   ///< it was no answer to what was asked
  Worse = 3,    ///< it costs more than greedy's own
  Stale = 4,    ///< nothing of it was true any more
};
inline constexpr int kPlanOutcomeCount = 5;

/// Against the plan before.
enum class PlanChange : uint8_t {
  Added = 0,  ///< was not in it
  Kept = 1,   ///< on the same worker
  Moved = 2,  ///< on another one
};

enum class PlannedState : uint8_t {
  Waiting = 0,  ///< for its start
  Started = 1,  ///< it was assigned
  Dropped = 2,  ///< it did not come to that: aborted, planned anew, or its worker went away
};

enum class PlannerState : uint8_t {
  Off = 0,       ///< by configuration
  Idle = 1,      ///< nothing waits that a plan could help
  Working = 2,   ///< on a plan
  Bypassed = 3,  ///< it was late, failed or was no better; greedy alone until it is tried again
};

/// The last plans, newest first.
struct ListPlans {
  uint64_t before = 0;  ///< plans with a lower id alone; 0: from the newest
  uint32_t limit = 0;   ///< rows; 0 and too many: the server's own limit
};

/// One plan, job by job, in order of planned start. Answered with PlanDetails, or Refused
/// `NotFound`.
struct GetPlan {
  uint64_t plan = 0;    ///< 0: the newest; with `job` the newest that has it
  JobId job;            ///< only this one; 0: all
  uint32_t cursor = 0;  ///< as in the last answer; 0: from the start
  uint32_t limit = 0;   ///< jobs; 0 and too many: the server's own limit
};

/// A part of what a plan costs.
struct CostTerm {
  Text name;
  double value = 0;
};

struct PlanCost {
  double total = 0;
  double greedy = 0;  ///< of the plan that greedy would have made
  double bound = 0;   ///< no plan costs less
  double gap = 0;     ///< (total - bound) / total
  bool proved = false;
  std::span<const CostTerm> terms;
};

/// Against the plan before: how many of its jobs are there again, and how many went.
struct PlanDiff {
  uint32_t added = 0;
  uint32_t kept = 0;
  uint32_t moved = 0;
  uint32_t gone = 0;
};

struct PlanRow {
  uint64_t id = 0;
  uint64_t previous = 0;  ///< the plan that it began from; 0: none
  int64_t made_at_ms = 0;
  PlanCause cause = PlanCause::Pending;
  PlanObjective objective = PlanObjective::Slowdown;
  PlanOutcome outcome = PlanOutcome::Applied;
  Text engine;  ///< `loads`, `bins`, `machines`, `parts`, `order`, `repair`, `greedy`, `exact`
  uint32_t workers = 0;  ///< that could be planned on
  uint32_t running = 0;  ///< jobs that held capacity
  uint32_t pending = 0;  ///< jobs that waited
  uint32_t planned = 0;  ///< of these, how many it has a start for
  uint32_t started = 0;  ///< and of these, how many were assigned as planned by now
  PlanDiff diff;
  PlanCost cost;
  uint32_t snapshot_us = 0;  ///< the ledger took to hand over what is known
  uint32_t elapsed_us = 0;   ///< the planner took
  uint64_t steps = 0;        ///< of its engine
  Text note;                 ///< one sentence, when the outcome needs it
};

/// Whether the planner is at work, and why not.
struct PlannerHealth {
  PlannerState state = PlannerState::Off;
  Text reason;               ///< of Bypassed: one sentence
  uint32_t retry_in_ms = 0;  ///< of Bypassed
  uint64_t plans = 0;        ///< applied, in this server's life
  uint64_t fallbacks = 0;    ///< not applied: late, failed or worse
};

struct PlanPage {
  std::span<const PlanRow> rows;
  uint64_t next_before = 0;  ///< 0: there are no older ones
  PlannerHealth planner;
};

struct PlannedJob {
  JobId job;
  Text worker;
  int64_t start_at_ms = 0;
  uint64_t duration_ms = 0;  ///< as expected
  PlannedState state = PlannedState::Waiting;
  PlanChange change = PlanChange::Added;
  Text previous_worker;  ///< of Kept and Moved, as is the start
  int64_t previous_start_at_ms = 0;
  int64_t deadline_at_ms = 0;      ///< of the job; 0: none
  JobId after_job;                 ///< whose end makes room for it; 0: it starts at once
  Text why;                        ///< one sentence: why there, and why not before
  std::span<const uint16_t> gpus;  ///< device indexes
};

struct PlanDetails {
  PlanRow row;
  std::span<const PlannedJob> jobs;
  uint32_t next_cursor = 0;  ///< 0: there are no more
};

}  // namespace berth::wire
