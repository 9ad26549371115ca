// The runner `process`: a process of this machine with limits, and nothing hidden from it.

#include "agent/runner/task/launch.h"

namespace berth::agent {

std::string launch_process(
    const Order& order, const TaskCgroup& cgroup, const Stdio& stdio, TaskChild& child) {
  Fd verdict;
  int pid = spawn_child(cgroup, 0, child, verdict);
  if (pid < 0) return "cannot make a process: " + error_text(errno);
  if (pid > 0) return {};
  if (!cgroup.enter())
    give_up(
        verdict.get(),
        wire::ErrorClass::Refused,
        "cannot enter its control group: " + error_text(errno));
  execute_task(order, stdio, verdict.get());
}

}  // namespace berth::agent
