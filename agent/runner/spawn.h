#pragma once

#include <string>

#include "agent/runner/small_file.h"

namespace berth::agent {

/// A supervisor that was just started: our child, until the next life of the agent.
struct Spawned {
  int pid = -1;
  Fd pidfd;
  std::string problem;  ///< not empty: it could not be started
};

/// Starts `helper` (berth-task) in the directory `task` with the order as its descriptor 3, in a
/// session of its own. `mode` is `run` or `recover`. The agent's memory is not copied for it.
Spawned spawn_supervisor(
    const std::string& helper, const char* mode, const std::string& name, int task, int order);

/// Where the helper programs are: `wanted`, beside this program, or in ../libexec/berth. Empty, and
/// `problem` is set: nowhere.
std::string find_helpers(const std::string& wanted, std::string& problem);

}  // namespace berth::agent
