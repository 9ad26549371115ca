// berth-engine run|remove TASK_DIR: speaks with a Docker-compatible engine for one supervisor.
// Started by berth-task: `run` with the task's streams as 0, 1 and 2, the pipe for the verdict as 3
// and the one for the report as 4; `remove` when nothing is to be left of the container.

#include <poll.h>

#include <cstdio>
#include <exception>
#include <string_view>

#include "agent/runner/engine/container.h"
#include "agent/runner/engine/container_run.h"
#include "agent/runner/engine/trial.h"

namespace berth::agent {

namespace {

constexpr int kVerdictFd = 3;
constexpr int kReportFd = 4;
constexpr int kRemoveRetryMs = 200;
constexpr int kRemoveRetries = 150;

int refuse(const Verdict& verdict) {
  write_told(kVerdictFd, verdict);
  return 1;
}

int run(const Order& order, bool trial) {
  for (int fd : {kVerdictFd, kReportFd})
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  std::string problem = trial ? begin_trial(order) : std::string();
  if (!problem.empty()) return refuse({wire::ErrorClass::Refused, 0, problem});
  ContainerRun container(order);
  Verdict verdict = container.start();
  if (verdict.error != wire::ErrorClass::None) return refuse(verdict);
  (void)close(kVerdictFd);  // which says that it was started
  // The supervisor's copies are then the last ones of the streams but ours.
  write_told(kReportFd, container.watch());
  return 0;
}

/// An engine that is started again may find the container running, when nobody waits for it any
/// more: it is given time to come back.
int remove(const Order& order, bool trial) {
  std::string path = "/containers/" + engine_container_name(order) + "?force=1&v=1";
  Answer answer = ask(order.engine_socket, "DELETE", path);
  for (int i = 0; i < kRemoveRetries && answer.status == 0 && !trial; ++i) {
    (void)poll(nullptr, 0, kRemoveRetryMs);
    answer = ask(order.engine_socket, "DELETE", path);
  }
  if (trial) end_trial(order);
  return answer.ok() || answer.status == 404 ? 0 : 1;
}

int act(std::string_view verb, const std::string& task) {
  std::optional<std::string> file = read_file_at(AT_FDCWD, (task + "/order").c_str());
  std::optional<Order> order = file ? decode_order(*file) : std::nullopt;
  if (!order) {
    return refuse({wire::ErrorClass::Refused, 0, "the order in " + task + " is damaged"});
  }
  bool trial = order->assignment.job.value == 0;
  return verb == "run" ? run(*order, trial) : remove(*order, trial);
}

}  // namespace

}  // namespace berth::agent

int main(int argc, char** argv) {
  std::string_view verb = argc == 3 ? argv[1] : "";
  if (verb != "run" && verb != "remove") {
    std::fputs("berth-engine is started by berth-task for containers; run berth-agent\n", stderr);
    return 2;
  }
  try {
    return berth::agent::act(verb, argv[2]);
  } catch (const std::exception& error) {
    // Out of memory, or an answer of a kind that no engine gives.
    berth::agent::write_told(
        3, berth::agent::Verdict{berth::wire::ErrorClass::Refused, 0, error.what()});
    return 1;
  }
}
