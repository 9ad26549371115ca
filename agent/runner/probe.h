#pragma once

#include <string>
#include <vector>

#include "agent/runner/local_runner.h"
#include "agent/runner/make_order.h"
#include "agent/runner/task_store.h"

namespace berth::agent {

/// Tries every runner that is offered by running `true` in it, all at once, and waits for them.
/// `limits` says in a sentence what limits tasks here.
std::vector<Backend> probe_backends(
    const RunnerSettings& settings,
    const OrderBasis& basis,
    const TaskStore& store,
    const std::string& helpers,
    const std::string& limits);

}  // namespace berth::agent
