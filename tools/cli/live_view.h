#pragma once

#include <cstddef>

#include "net/client/client.h"
#include "tools/cli/invocation.h"
#include "tools/cli/live_problem.h"

namespace berth::cli {

/// Jobs of a server that are looked at, each of which is asked for by itself; and jobs that can be
/// supposed.
inline constexpr size_t kLiveJobsMax = 5'000;

client::Result<LiveView> fetch_view(client::BlockingClient& berth);

/// What is asked of a view, its files read. As a submit would, it refuses jobs that wait for one
/// that the server does not know; those that have ended otherwise than well go into `view.failed`.
client::Result<Supposed> read_supposed(
    const PlanAsk& ask, client::BlockingClient& berth, LiveView& view);

}  // namespace berth::cli
