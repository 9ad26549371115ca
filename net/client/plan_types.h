#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "job_types.h"

/// What the SDK takes and gives about plans of durable jobs; values as types.h says.
///
/// Units    `_at_ms` is wall time, Unix, milliseconds; costs are in what the objective counts.
///          Causes, states and the like are the words of docs/protocol.md
namespace berth::client {

using Microseconds = std::chrono::microseconds;

struct PlansRequest {
  uint64_t before = 0;  ///< plans with a lower id alone; 0: from the newest
  uint32_t limit = 0;   ///< rows of the page; 0: as many as the server gives
};

/// One plan: what it was made for, what it costs, and what became of it.
struct PlanSummary {
  uint64_t id = 0;
  uint64_t previous = 0;  ///< the plan that it began from; 0: none
  int64_t made_at_ms = 0;
  std::string cause{};
  std::string objective{};
  std::string outcome{};
  std::string engine{};
  uint32_t workers = 0;  ///< that could be planned on
  uint32_t running = 0;  ///< jobs that held capacity
  uint32_t pending = 0;  ///< jobs that waited
  uint32_t planned = 0;  ///< of these, how many it has a start for
  uint32_t started = 0;  ///< and of these, how many were assigned as planned by now
  // Against the plan before: how many of its jobs are there again, and how many went.
  uint32_t added = 0;
  uint32_t kept = 0;
  uint32_t moved = 0;
  uint32_t gone = 0;
  double cost = 0;
  double greedy_cost = 0;  ///< of the plan that greedy would have made
  double bound = 0;        ///< no plan costs less
  double gap = 0;          ///< (cost - bound) / cost
  bool proved = false;
  std::vector<std::pair<std::string, double>> terms{};  ///< what the cost is made of
  Microseconds snapshot{0};
  Microseconds elapsed{0};
  uint64_t steps = 0;
  std::string note{};  ///< one sentence, when the outcome needs it
};

/// Whether the planner is at work, and why not.
struct PlannerHealth {
  std::string state{};
  std::string reason{};
  Milliseconds retry_in{0};
  uint64_t plans = 0;      ///< applied, in this server's life
  uint64_t fallbacks = 0;  ///< not applied: late, failed or worse
};

struct PlanPage {
  std::vector<PlanSummary> plans{};  ///< newest first
  uint64_t next_before = 0;          ///< 0: there are no older ones
  PlannerHealth planner{};
};

struct PlanRequest {
  uint64_t plan = 0;    ///< 0: the newest; with `job` the newest that has it
  JobId job = 0;        ///< only this one; 0: all
  uint32_t cursor = 0;  ///< 0 for the first page, then `next_cursor`
  uint32_t limit = 0;   ///< jobs of the page; 0: as many as the server gives
};

struct PlannedJob {
  JobId job = 0;
  std::string worker{};
  int64_t start_at_ms = 0;
  Milliseconds duration{0};  ///< as expected
  std::string state{};
  std::string change{};
  std::string previous_worker{};
  int64_t previous_start_at_ms = 0;
  int64_t deadline_at_ms = 0;
  JobId after_job = 0;           ///< whose end makes room for it; 0: it starts at once
  std::string why{};             ///< one sentence: why there, and why not before
  std::vector<uint16_t> gpus{};  ///< device indexes
};

struct PlanDetails {
  PlanSummary plan{};
  std::vector<PlannedJob> jobs{};  ///< in order of planned start
  uint32_t next_cursor = 0;        ///< 0: there are no more
};

}  // namespace berth::client
