#pragma once

#include <string>
#include <vector>

#include "net/client/types.h"
#include "tools/cli/table.h"

namespace berth::cli {

/// `online`, `online,draining`.
std::string worker_state(const client::Worker& worker);

/// One row for each worker, as `worker list` and `top` show them.
Table worker_table(const std::vector<client::Worker>& workers);

/// How many are eligible, and a table of what rules out the others.
std::string explanation_text(const client::Explanation& explanation);

}  // namespace berth::cli
