#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/placement/node.h"
#include "core/plan/job_ranges.h"
#include "core/plan/problem.h"
#include "net/client/client.h"
#include "tools/cli/invocation.h"

namespace berth::cli {

/// What a server said of its workers, and of its jobs that have not ended.
struct LiveView {
  std::vector<client::Worker> workers;
  std::vector<client::JobDetails> running;  ///< on a worker, or on the way there
  std::vector<client::JobDetails> pending;  ///< by id, so that none stands before what it waits for
  std::vector<client::JobId> failed;        ///< ended, not COMPLETED: what waits for one is aborted
  int64_t now_ms = 0;
};

struct Supposed {
  std::vector<std::string> drained;
  std::vector<AddedWorkers> added;
  /// Submitted now; `depends_on_items` are places in here, before the job's own.
  std::vector<client::JobSpec> jobs;
};

struct LiveOptions {
  client::Milliseconds assumed{60'000};  ///< of a job that does not say how long it runs
};

/// A view as a problem over time, and what of it the problem does not hold.
///
/// Shape    a task for each pending job, and for each supposed one and each element of its array:
///          `new-1`, `new-2`, …; in the order of the queue. Workers as the view has them, then the
///          added ones. To the problem GPUs are a sum over devices; where which worker may run
///          which job is worked out here. Its goal and weights are for planners of one goal for
///          all (`--emit`); `plan_live` goes by `places`
/// Memory   by value; no reference into the view
struct LiveProblem {
  struct LeftOut {
    std::string job;
    std::string why;
  };

  core::Problem problem;
  std::vector<std::string> names;  ///< of the tasks' jobs
  std::vector<LeftOut> left_out;   ///< no worker could ever run it, or what it waits for
  size_t assumed = 0;              ///< tasks that do not say how long they run

  struct Device {
    std::string model;
    uint16_t milli = 0;  ///< that the view's jobs have or could have
  };
  struct Held {
    core::GpuSet gpus = 0;
    uint16_t milli = 0;  ///< of each
  };
  std::vector<std::vector<Device>> devices;  ///< of each worker
  std::vector<Held> held;                    ///< by what is busy
  std::vector<client::Demand> demands;       ///< of the tasks
  std::vector<core::QueuePlace> places;      ///< of the tasks, none before what it is after
  std::vector<uint32_t> kinds;               ///< tasks of one are alike; 0: like no other
};

LiveProblem live_problem(
    const LiveView& view, const Supposed& supposed, const LiveOptions& options);

bool allows(const client::Demand& demand, const std::string& model);

/// 1, or those of its array.
uint64_t elements_of(const client::JobSpec& job);

/// Whether the worker is one that the job asks for, whatever is free.
bool suits(const client::Worker& worker, const client::JobSpec& job);

}  // namespace berth::cli
