#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <span>
#include <string>

#include "net/forms/job_fields.h"
#include "tools/cli/commands.h"
#include "tools/cli/replay.h"
#include "tools/cli/swf.h"

namespace berth::cli {

namespace {

ReplayPolicy policy_named(const std::string& name) {
  if (name == "fcfs") return ReplayPolicy::Fcfs;
  if (name == "easy") return ReplayPolicy::Easy;
  if (name == "sjbf") return ReplayPolicy::Sjbf;
  return name == "greedy" ? ReplayPolicy::Greedy : ReplayPolicy::Plan;
}

Estimates estimates_named(const std::string& name) {
  if (name == "actual") return Estimates::Actual;
  return name == "learned" ? Estimates::Learned : Estimates::Requested;
}

Exit fail(const Invocation& invocation, Exit exit, const char* token, const std::string& sentence) {
  std::fprintf(stderr, "berth: %s\n", sentence.c_str());
  if (invocation.json) (void)write_out(to_line({{"error", token}, {"message", sentence}}));
  return exit;
}

/// Those that are asked for; empty, and why, when these are none.
std::span<const LoggedJob> cut(const WorkloadLog& log, const PlanAsk& ask, std::string& fault) {
  const std::span<const LoggedJob> all = log.jobs;
  if (ask.skip >= all.size()) {
    fault = "the log has " + std::to_string(all.size()) + " jobs that ran, --skip leaves none";
    return {};
  }
  const size_t rest = all.size() - ask.skip;
  return all.subspan(ask.skip, ask.count == 0 ? rest : std::min<size_t>(rest, ask.count));
}

bool write_starts(
    const std::string& path, std::span<const LoggedJob> jobs, std::span<const int64_t> starts) {
  std::string text;
  for (size_t i = 0; i < jobs.size(); ++i)
    text += to_line({{"job", jobs[i].id}, {"start_s", starts[i]}});
  if (path == "-") return write_out(text);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return file.good();
}

}  // namespace

Exit run_plan_simulate(const Invocation& invocation) {
  const PlanAsk& ask = invocation.plan;
  std::string text;
  std::string fault;
  WorkloadLog log;
  if (!read_whole_file(ask.swf, text, fault)) {
    return fail(invocation, Exit::Usage, "bad_request", fault);
  }
  if (!read_swf(text, log, fault)) {
    return fail(invocation, Exit::Usage, "bad_request", "'" + ask.swf + "': " + fault);
  }
  const std::span<const LoggedJob> jobs = cut(log, ask, fault);
  const ReplaySettings settings = {
      policy_named(ask.policy), estimates_named(ask.estimates), ask.seed, ask.steps};
  if (!jobs.empty()) fault = replay_fault(jobs, log.processors, settings);
  if (!fault.empty()) return fail(invocation, Exit::Usage, "bad_request", fault);
  const bool shows_progress = isatty(STDERR_FILENO) == 1;
  const auto began = std::chrono::steady_clock::now();
  const std::vector<int64_t> starts = replay(jobs, log.processors, settings, [&](size_t started) {
    if (shows_progress) std::fprintf(stderr, "\r%zu of %zu jobs", started, jobs.size());
  });
  if (shows_progress) std::fprintf(stderr, "\r\033[K");
  if (starts.empty()) {
    fault = "these jobs do not all start within 150 years: replay fewer with --count";
    return fail(invocation, Exit::Usage, "bad_request", fault);
  }
  const double elapsed_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (!write_starts(ask.out, jobs, starts)) {
    return fail(
        invocation, Exit::Failed, "failed", "'" + ask.out + "' cannot be written; name another");
  }
  if (ask.out == "-") return Exit::Ok;
  const double slowdown = mean_bounded_slowdown(jobs, starts);
  char line[160];
  std::snprintf(
      line,
      sizeof line,
      "%zu jobs on %lld processors, %s: mean bounded slowdown %.2f (%.1fs)\n",
      jobs.size(),
      static_cast<long long>(log.processors),
      ask.policy.c_str(),
      slowdown,
      elapsed_s);
  const bool written = invocation.json ? write_out(to_line(
                                             {{"jobs", jobs.size()},
                                              {"processors", log.processors},
                                              {"policy", ask.policy},
                                              {"estimates", ask.estimates},
                                              {"mean_bounded_slowdown", slowdown},
                                              {"elapsed_s", elapsed_s}}))
                                       : write_out(line);
  return written ? Exit::Ok : Exit::Failed;
}

}  // namespace berth::cli
