#include <signal.h>

#include <clocale>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "tools/cli/arguments.h"
#include "tools/cli/commands.h"
#include "tools/cli/completion.h"

namespace berth::cli {
namespace {

Exit run_version(const Invocation& invocation) {
  const std::string out = invocation.json ? to_line({{"version", BERTH_VERSION}})
                                          : std::string("berth ") + BERTH_VERSION + "\n";
  return write_out(out) ? Exit::Ok : Exit::Failed;
}

Exit run_completion(const Invocation& invocation) {
  Invocation unused;
  return write_out(completion_script(*make_arguments(unused), invocation.shell)) ? Exit::Ok
                                                                                 : Exit::Failed;
}

Exit run(const Invocation& invocation) {
  Session session(invocation);
  switch (invocation.command) {
    case Command::Place: return run_place(session);
    case Command::Release: return run_release(session);
    case Command::WorkerList: return run_worker_list(session);
    case Command::WorkerShow: return run_worker_show(session);
    case Command::WorkerCordon: return run_worker_change(session, client::WorkerAction::Cordon);
    case Command::WorkerDrain: return run_worker_change(session, client::WorkerAction::Drain);
    case Command::WorkerUndrain: return run_worker_change(session, client::WorkerAction::Undrain);
    case Command::WorkerForget: return run_worker_change(session, client::WorkerAction::Forget);
    case Command::Stats: return run_stats(session);
    case Command::Tags: return run_tags(session);
    case Command::Watch: return run_watch(session);
    case Command::Events: return run_events(session);
    case Command::Top: return run_top(session);
    case Command::Ping: return run_ping(session);
    case Command::JobSubmit: return run_job_submit(session);
    case Command::JobList: return run_job_list(session);
    case Command::JobShow: return run_job_show(session);
    case Command::JobLogs: return run_job_logs(session);
    case Command::JobWait: return run_job_wait(session);
    case Command::JobAbort: return run_job_abort(session);
    case Command::JobRetry: return run_job_retry(session);
    case Command::JobExplain: return run_job_explain(session);
    case Command::JobWatch: return run_job_watch(session);
    case Command::Backup: return run_backup(session);
    case Command::PlanSimulate: return run_plan_simulate(invocation);
    case Command::PlanSolve: return run_plan_solve(invocation);
    case Command::PlanHistory: return run_plan_history(session);
    case Command::PlanExplain:  // of one job
    case Command::PlanShow: return run_plan_show(session);
    case Command::PlanWhatIf: return run_plan_what_if(session);
    case Command::Console: return run_console(invocation);
    case Command::Completion: return run_completion(invocation);
    case Command::Version: return run_version(invocation);
    case Command::Run:          // ends with its task's code: see `start`
    case Command::None: break;  // the arguments require a command
  }
  return Exit::Usage;
}

int start(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  signal(SIGPIPE, SIG_IGN);  // `berth watch | head` ends by a failed write
  Invocation invocation;
  if (const auto ending = parse_arguments({argv + 1, argv + argc}, invocation)) {
    std::fputs(ending->err.c_str(), stderr);
    (void)write_out(ending->out);
    return static_cast<int>(ending->code);
  }
  if (invocation.command == Command::Run) {
    Session session(invocation);
    return run_run(session);
  }
  return static_cast<int>(run(invocation));
}

}  // namespace
}  // namespace berth::cli

int main(int argc, char** argv) {
  return berth::cli::start(argc, argv);
}
