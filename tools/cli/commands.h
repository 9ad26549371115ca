#pragma once

#include "tools/cli/session.h"

namespace berth::cli {

// One function for each command; each returns how the process ends.
Exit run_place(Session& session);
Exit run_release(Session& session);
Exit run_worker_list(Session& session);
Exit run_worker_show(Session& session);
Exit run_worker_change(Session& session, client::WorkerAction action);
Exit run_stats(Session& session);
Exit run_tags(Session& session);
Exit run_watch(Session& session);
Exit run_events(Session& session);
Exit run_ping(Session& session);
Exit run_top(Session& session);
Exit run_job_submit(Session& session);
Exit run_job_list(Session& session);
Exit run_job_show(Session& session);
Exit run_job_logs(Session& session);
Exit run_job_wait(Session& session);
Exit run_job_abort(Session& session);
Exit run_job_retry(Session& session);
Exit run_job_explain(Session& session);
Exit run_job_watch(Session& session);
Exit run_backup(Session& session);
Exit run_plan_history(Session& session);
Exit run_plan_show(Session& session);
Exit run_plan_what_if(Session& session);
/// No server is asked.
Exit run_plan_simulate(const Invocation& invocation);
Exit run_plan_solve(const Invocation& invocation);
/// Ends with the task's own exit code, so this is a plain number.
int run_run(Session& session);
Exit run_console(const Invocation& invocation);

}  // namespace berth::cli
