#include <algorithm>
#include <memory>
#include <vector>

#include "loadgen/control.h"
#include "loadgen/jobs/job_desk.h"
#include "loadgen/jobs/job_fleet.h"
#include "loadgen/progress.h"
#include "loadgen/run.h"

namespace berth::loadgen {
namespace {

JobFleetOptions fleet_options(const RunContext& context) {
  const Options& options = context.options;
  JobFleetOptions fleet;
  fleet.client = context.link_options(wire::Role::Client, "loadgen");
  fleet.agent = context.link_options(wire::Role::Agent, "loadgen");
  fleet.run = context.run;
  fleet.workers = options.job_workers;
  // Twice what is needed when all is spread evenly: to search for the last free slot is no part of
  // what is measured.
  fleet.slots = static_cast<uint32_t>(2 * (options.in_flight / options.job_workers + 1));
  fleet.connections = options.connections;
  fleet.depth = options.depth;
  fleet.batch = options.batch;
  fleet.in_flight_max = options.in_flight;
  fleet.fail = options.fail;
  fleet.seed = options.workload.seed;
  fleet.reconnect = options.reconnect;
  return fleet;
}

std::string setting_of(const Options& options) {
  std::string text = std::to_string(options.in_flight) + " in flight, " +
                     std::to_string(options.job_workers) + " workers, at most " +
                     std::to_string(options.batch) + " jobs a submit";
  if (options.rate > 0) {
    text += ", open loop at " + std::to_string(static_cast<uint64_t>(options.rate)) + "/s";
  }
  if (options.pending > 0) text += ", " + std::to_string(options.pending) + " pending beside";
  return text;
}

void fill(const Options& options, const JobFleet& fleet, core::Instant start, Report& report) {
  const JobTally& tally = fleet.book().tally();
  report.scenario = options.name;
  report.setting = setting_of(options);
  report.seconds = static_cast<double>((fleet.done_at() - start).ns) / 1e9;
  report.requests = tally.submitted;
  report.errors = tally.errors;
  report.first_error = tally.first_error;
  report.latency.add(tally.life);
  report.add(
      "jobs_per_s", report.seconds > 0 ? static_cast<double>(tally.completed) / report.seconds : 0);
  report.add("submit_latency_us", tally.submit);
  report.add("completed", static_cast<double>(tally.completed));
  report.add("retries", static_cast<double>(tally.retries));
  report.add("duplicates", static_cast<double>(tally.duplicates));
  report.add("stale", static_cast<double>(tally.stale));
  report.add("busy", static_cast<double>(tally.busy));
  report.add("reconnects", static_cast<double>(fleet.reconnects()));
}

Failure measure(const RunContext& context, LinkLoop& loop, JobFleet& fleet, Report& report) {
  const Options& options = context.options;
  ServerUsage before;
  {
    Control control(loop, context.link_options(wire::Role::Client, "loadgen"));
    if (Failure failure = control.connect()) return failure;
    if (Failure failure = control.usage(before)) return failure;
  }
  ArrivalPlan plan;
  plan.per_second = options.rate;
  plan.start = LinkLoop::now();
  if (options.seconds > 0) {
    plan.end = plan.start + core::Duration{static_cast<int64_t>(options.seconds * 1e9)};
  } else {
    plan.requests_max = options.jobs;
  }
  Failure driven;
  {
    Progress progress(loop, "jobs", [&fleet] { return fleet.book().tally().completed; });
    driven = fleet.drive(plan, context.stop);
  }
  fill(options, fleet, plan.start, report);
  if (driven) return driven;
  // A connection of its own: the server may have been another one meanwhile.
  Control control(loop, context.link_options(wire::Role::Client, "loadgen"));
  if (Failure failure = control.connect()) return failure;
  if (Failure failure = control.usage(report.server)) return failure;
  report.server.cpu_s = std::max(0.0, report.server.cpu_s - before.cpu_s);
  return {};
}

// What the server says about the jobs against what the books say; ends what should not live on.
Failure check_end(
    const RunContext& context,
    JobDesk& desk,
    const JobFleet& fleet,
    std::span<const wire::JobRange> pending,
    Report& report) {
  std::vector<wire::JobRange> jobs = fleet.book().ranges();
  wire::JobCounts counts;
  if (Failure failure = desk.count(jobs, counts)) return failure;
  std::string problem = judge_end(counts, fleet.book().tally());
  report.add(
      "lost", static_cast<double>(fleet.book().tally().submitted - fleet.book().tally().completed));
  if (!pending.empty()) {
    wire::JobCounts waiting;
    if (Failure failure = desk.count(pending, waiting)) return failure;
    uint64_t still = waiting.by_state[static_cast<size_t>(wire::JobState::Pending)];
    report.add("pending", static_cast<double>(still));
    if (still != context.options.pending && problem.empty()) {
      problem = "only " + std::to_string(still) + " of " + std::to_string(context.options.pending) +
                " pending jobs are still pending";
    }
  }
  if (!problem.empty()) {
    ++report.errors;
    if (report.first_error.empty()) report.first_error = problem;
  }
  if (context.options.keep) return {};
  if (fleet.book().in_flight() > 0) {
    if (Failure failure = desk.abort(jobs)) return failure;
  }
  return desk.abort(pending);
}

}  // namespace

Failure run_jobs(const RunContext& context, Report& report) {
  LinkLoop loop;
  JobSpecs specs(context.run);
  std::vector<wire::JobRange> pending;
  auto stop = [&] {
    return context.stop.load(std::memory_order_relaxed);
  };
  Failure failure;
  {
    Control control(loop, context.link_options(wire::Role::Client, "loadgen"));
    if (Failure unreachable = control.connect()) return unreachable;
    JobDesk desk(control);
    failure = desk.submit_pending(specs, context.options.pending, stop, pending);
  }
  JobFleet fleet(loop, specs, fleet_options(context));
  if (!failure) failure = fleet.enroll(context.stop);
  if (!failure && !stop()) failure = measure(context, loop, fleet, report);
  Control control(loop, context.link_options(wire::Role::Client, "loadgen"));
  Failure left = control.connect();
  JobDesk desk(control);
  if (!left) left = check_end(context, desk, fleet, pending, report);
  if (!context.options.keep) {
    Failure dismissed = fleet.dismiss();
    if (!left) left = dismissed;
  }
  return failure ? failure : left;
}

}  // namespace berth::loadgen
