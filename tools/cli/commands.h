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
Exit run_ping(Session& session);
Exit run_top(Session& session);
Exit run_console(const Invocation& invocation);

}  // namespace berth::cli
