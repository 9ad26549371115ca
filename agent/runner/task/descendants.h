#pragma once

#include <string>

namespace berth::agent {

/// Sends `signal` to all processes below this one, as far as they can be seen. The supervisor is
/// the reaper of whatever a task leaves behind, so that nothing below it gets out of sight: who
/// loses its parent becomes a child of the supervisor, and is met in the next call.
void signal_descendants(int signal);

/// Kills every process whose environment says that it belongs to the task in `task_dir`. For tasks
/// without a control group whose supervisor is gone: what wiped its environment is missed.
/// Returns how many there were.
int kill_marked(const std::string& task_dir);

}  // namespace berth::agent
