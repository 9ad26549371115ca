#pragma once

#include <string>

#include "agent/runner/order.h"
#include "agent/runner/small_file.h"
#include "agent/runner/task/task_cgroup.h"
#include "agent/runner/task/verdict.h"

/// How a task comes to life: one function for each kind of runner, in a file of its own.
namespace berth::agent {

/// The task's ends of its streams.
struct Stdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

/// What a launch gives the supervisor to watch.
struct TaskChild {
  int pid = -1;
  Fd pidfd;  ///< so that a signal never meets another process of the same number
  /// Until it ends, nobody knows whether the task was executed. Then it has told: nothing (it was),
  /// or a verdict.
  Fd verdict;
  /// Sandbox: brings the task's own wait status before the process in `pid`, its init, ends.
  /// Container by an engine: the EngineReport of berth-engine, which is the process in `pid`.
  Fd status;
};

/// What a verdict pipe brought: nothing means that the task was executed.
Verdict parse_verdict(const std::string& bytes);

/// Empty: launched, which does not mean executed yet; else why not, of class `refused`.
std::string launch_process(
    const Order& order, const TaskCgroup& cgroup, const Stdio& stdio, TaskChild& child);
/// Also with a view of the machine of its own; the working directory is the task's.
std::string launch_sandbox(
    const Order& order, const TaskCgroup& cgroup, const Stdio& stdio, TaskChild& child);
std::string launch_container(
    const Order& order, const TaskCgroup& cgroup, const Stdio& stdio, TaskChild& child);
std::string launch_engine(
    const Order& order, const TaskCgroup& cgroup, const Stdio& stdio, TaskChild& child);

/// Stops and forgets the container, whatever state it is in. False: an engine did not answer.
bool delete_container(const Order& order);
/// What runc calls the container of this task.
std::string container_name(const Order& order);

// ---- For the backends ------------------------------------------------------------------------

/// A verdict pipe and a process in the task's groups; like fork: 0 in the child, which still has to
/// `enter()` groups of version 1. -1: failed, errno says why.
int spawn_child(const TaskCgroup& cgroup, uint64_t flags, TaskChild& child, Fd& verdict_writer);

/// In the child: streams, limits, user, directory, environment; then the task. Returns never.
[[noreturn]] void execute_task(const Order& order, const Stdio& stdio, int verdict);
/// In the child: says why, and ends.
[[noreturn]] void give_up(int verdict, wire::ErrorClass error, const std::string& message);

/// In the child: gives up what the supervisor's user may do and the task's may not.
void switch_user(const Order& order, int verdict);

}  // namespace berth::agent
