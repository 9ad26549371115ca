#pragma once

#include <string>
#include <vector>

#include "net/client/types.h"
#include "tools/cli/table.h"

namespace berth::cli {

/// `online`, `online,draining`, `online,cooling`.
std::string worker_state(const client::Worker& worker);

/// One row for each worker, as `worker list` and `top` show them.
Table worker_table(const std::vector<client::Worker>& workers);

/// With the name of the worker where the server knows none: it need not say which one was meant.
client::Error naming_worker(client::Error error, const std::string& worker);

/// How many are eligible, and a table of what rules out the others.
std::string explanation_text(const client::Explanation& explanation);

}  // namespace berth::cli
