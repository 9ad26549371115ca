#include <csignal>
#include <cstdio>
#include <cstring>

#include "loadgen/options.h"
#include "loadgen/run.h"
#include "net/address.h"
#include "net/loop_clock.h"

namespace berth::loadgen {

Link::Options RunContext::link_options(wire::Role role, const std::string& identity) const {
  Link::Options link;
  link.server = reinterpret_cast<const sockaddr*>(&server);
  link.server_text = options.server;
  link.role = role;
  link.identity = identity;
  link.token = options.token;
  return link;
}

namespace {

std::atomic<bool> stop_requested{false};

// The first signal winds up, a second one ends the process as usual.
void install_handlers() {
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = [](int) {
    stop_requested.store(true, std::memory_order_relaxed);
  };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

Failure run(const RunContext& context, Report& report) {
  switch (context.options.command) {
    case Command::Load: return run_load(context, report);
    case Command::Hold: return run_hold(context, report);
    case Command::Replay: return run_replay(context, report);
    case Command::Jobs: return run_jobs(context, report);
    case Command::JobQueries: return run_job_queries(context, report);
  }
  return {};
}

int run_program(int argc, char** argv) {
  Options options;
  int exit_code = 0;
  if (!parse_options(argc, argv, options, exit_code)) return exit_code;

  RunContext context{options, stop_requested, static_cast<uint64_t>(net::LoopClock::wall_ms()), {}};
  net::HostPort where;
  std::string problem;
  if (!net::parse_host_port(options.server, 7640, where, problem)) {
    std::fprintf(stderr, "berth-loadgen: --server: %s\n", problem.c_str());
    return kExitUsage;
  }
  if (!net::resolve(where, context.server, problem)) {
    std::fprintf(stderr, "berth-loadgen: --server: %s\n", problem.c_str());
    return kExitUnreachable;
  }

  install_handlers();
  Report report;
  Failure failure = run(context, report);
  if (failure) std::fprintf(stderr, "berth-loadgen: %s\n", failure.sentence.c_str());
  if (!report.scenario.empty()) {
    std::string text = options.json ? to_json(report) + "\n" : to_text(report);
    std::fputs(text.c_str(), stdout);
  }
  if (failure) return failure.exit_code;
  if (stop_requested) {
    std::fprintf(stderr, "berth-loadgen: interrupted; its workers are removed from the server\n");
    return kExitFailed;
  }
  return report.errors > 0 ? kExitFailed : 0;
}

}  // namespace
}  // namespace berth::loadgen

int main(int argc, char** argv) {
  return berth::loadgen::run_program(argc, argv);
}
