// The runner `container` where an engine has the image: berth-engine speaks with it, and stands for
// the container as long as that runs.

#include <signal.h>
#include <sys/prctl.h>

#include "agent/runner/task/launch.h"

namespace berth::agent {

namespace {

constexpr int kVerdictFd = 3;
constexpr int kReportFd = 4;

[[noreturn]] void execute_helper(const Order& order, const Stdio& stdio, int verdict, int report) {
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // Out of the way of the numbers that they get.
  int above = fcntl(report, F_DUPFD_CLOEXEC, 16);
  int kept = fcntl(verdict, F_DUPFD_CLOEXEC, 16);
  bool put = dup2(stdio.in, 0) == 0 && dup2(stdio.out, 1) == 1 && dup2(stdio.err, 2) == 2 &&
             dup2(kept, kVerdictFd) == kVerdictFd && dup2(above, kReportFd) == kReportFd;
  const char* argv[] = {order.engine_helper.c_str(), "run", order.task_dir.c_str(), nullptr};
  if (put) execv(argv[0], const_cast<char* const*>(argv));
  give_up(
      kept,
      wire::ErrorClass::Refused,
      "cannot execute " + order.engine_helper + ": " + error_text(errno) + "; install Berth whole");
}

}  // namespace

std::string launch_engine(
    const Order& order, const TaskCgroup& cgroup, const Stdio& stdio, TaskChild& child) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return "cannot make a pipe: " + error_text(errno);
  child.status.reset(report[0]);
  Fd writer(report[1]);
  Fd verdict;
  int pid = spawn_child(cgroup, 0, child, verdict);
  if (pid < 0) return "cannot make a process: " + error_text(errno);
  if (pid > 0) return {};
  execute_helper(order, stdio, verdict.get(), writer.get());
}

}  // namespace berth::agent
