#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/plan/worker_list.h"

namespace berth::core {

/// A length or point of planned time: microseconds from the beginning of the plan.
using Ticks = int64_t;
inline constexpr Ticks kTicksPerSecond = 1'000'000;
inline constexpr Ticks kNever = INT64_MAX / 4;

/// An amount of a resource: millionths of its unit, so that sums of fractions are exact.
using Amount = int64_t;
inline constexpr Amount kAmountUnit = 1'000'000;

/// What a schedule is to make small.
enum class Goal : uint8_t {
  Makespan,           ///< the end of the last task; deadlines hold
  WeightedTardiness,  ///< weight × time beyond the deadline, summed
  WorkersUsed,        ///< how many workers get a task at all; nobody waits beyond the deadline
  BoundedSlowdown,    ///< weight × (waiting + running) / running, summed; see kShortRun
};

/// A task that runs for less counts as running for so long, or the shortest ones would be all that
/// matters, and a slowdown is at least 1 (Feitelson et al., "Theory and Practice in Parallel Job
/// Scheduling", 1997).
inline constexpr Ticks kShortRun = 10 * kTicksPerSecond;

/// Who can run what, for how long, and in which order: the whole of a planning problem over time.
///
/// Shape    workers, tasks and resources by index. On a worker the demands of the tasks that run at
///          one time never exceed its capacity. A task runs once, on one worker, without a break
/// Memory   by value; durations that differ by worker cost 8 bytes for each pair
/// Errors   `problem_fault` says what makes it no problem; `unschedulable` why it has no answer
struct Problem {
  struct Worker {
    std::string id;
    std::vector<Amount> capacity;  ///< of each resource
  };

  struct Task {
    std::string id;
    std::vector<Amount> demand;    ///< of each resource
    Ticks duration = 0;            ///< on every worker, unless `durations` is given
    std::vector<Ticks> durations;  ///< on each worker; kNever: not there
    WorkerList workers;            ///< the only ones allowed; empty: any
    Ticks release = 0;             ///< not before
    Ticks deadline = kNever;       ///< its end; see Goal
    double weight = 1;
    Ticks waited = 0;             ///< before the plan begins; for BoundedSlowdown
    std::vector<uint32_t> after;  ///< tasks that have to end first
  };

  /// What runs already, or is promised from some moment on, and until when: it stays where it is.
  struct Busy {
    uint32_t worker = 0;
    Ticks until = 0;
    std::vector<Amount> demand;
    Ticks from = 0;
  };

  /// What a task of the future is likely to want.
  struct Typical {
    std::vector<Amount> demand;
    double share = 0;  ///< of all tasks
  };

  /// What is left of the workers should be of use to them: see fragmentation.h.
  struct Leftovers {
    std::vector<Typical> typical;  ///< empty: nobody cares
    Ticks window = 0;  ///< from the beginning of the plan on; what is later is not counted
    double price = 0;  ///< of a whole worker that is of no use all that time
  };

  Goal goal = Goal::Makespan;
  Leftovers leftovers;
  std::vector<std::string> resources;
  std::vector<Worker> workers;
  std::vector<Task> tasks;
  std::vector<Busy> busy;

  /// kNever: that worker may not, or has too little in total.
  Ticks duration_on(uint32_t task, uint32_t worker) const;
  /// On the worker that is the fastest at it; kNever: nobody can run it.
  Ticks shortest_duration(uint32_t task) const;
  /// The task cannot begin later than this; kNever: whenever.
  Ticks latest_start(uint32_t task, uint32_t worker) const;
  bool has_room_for(uint32_t worker, uint32_t task) const;
};

/// Where and when one task runs.
struct Assigned {
  uint32_t worker = 0;
  Ticks start = 0;
};

/// An answer: where and when each task runs, by its index.
struct Schedule {
  std::vector<Assigned> tasks;
  double cost = 0;       ///< by the problem's goal: ticks, weighted ticks, or workers; see cost_of
  double leftovers = 0;  ///< the part of the cost that is not the goal's
};

/// Of one task that starts then and runs for so long, with its weight.
double slowdown(const Problem::Task& task, Ticks start, Ticks duration);

/// What the goal makes of it.
double goal_cost(const Problem& problem, const std::vector<Assigned>& tasks);

/// And what is left over of no use on top.
double cost_of(const Problem& problem, const std::vector<Assigned>& tasks);

/// Of its tasks, as cost_of has it.
void set_cost(const Problem& problem, Schedule& schedule);

/// Tasks in an order that respects `after`, first come first; shorter than all: there is a cycle.
std::vector<uint32_t> topological_order(const Problem& problem);

/// Whether every task has to begin at one and the same moment.
bool all_at_once(const Problem& problem);

/// Empty, or one sentence on what is wrong with the numbers themselves: a cycle, an index, a sign.
std::string problem_fault(const Problem& problem);

/// Empty, or one sentence on which task no worker can ever run in time.
std::string unschedulable(const Problem& problem);

/// Checks a schedule against its problem, by sums over starts and ends instead of the timelines
/// that schedules are made with. Empty, or one sentence on the first rule it breaks.
std::string schedule_fault(const Problem& problem, const std::vector<Assigned>& tasks);

}  // namespace berth::core
