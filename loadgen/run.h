#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "loadgen/link.h"
#include "loadgen/options.h"
#include "loadgen/report.h"

namespace berth::loadgen {

/// What every run needs besides its options.
struct RunContext {
  const Options& options;
  const std::atomic<bool>& stop;  ///< set by SIGINT and SIGTERM: wind up, leave nothing behind
  uint64_t run = 0;               ///< unlike that of any earlier run: the wall clock
  sockaddr_storage server{};

  Link::Options link_options(wire::Role role, const std::string& identity) const;
};

// Each fills `report`; a Failure says why there is nothing, or not all, to report.

/// ping, heartbeat, schedule and mixed.
Failure run_load(const RunContext& context, Report& report);
/// Agents that are only there, and placements beside them.
Failure run_hold(const RunContext& context, Report& report);
/// The tasks of a trace, placed in order and verified.
Failure run_replay(const RunContext& context, Report& report);
/// Durable jobs through their whole life, with workers that are simulated.
Failure run_jobs(const RunContext& context, Report& report);
/// Questions about the jobs that the server has.
Failure run_job_queries(const RunContext& context, Report& report);

}  // namespace berth::loadgen
