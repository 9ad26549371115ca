#include "agent/runner/probe.h"

#include <poll.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>

#include "agent/runner/spawn.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace {

using Clock = std::chrono::steady_clock;

struct Way {
  wire::Runner kind;
  const char* via;
};
constexpr Way kWays[] = {
    {wire::Runner::Process, ""},
    {wire::Runner::Sandbox, ""},
    {wire::Runner::Container, kViaRunc},
    {wire::Runner::Container, kViaEngine}};

/// A trial under way.
struct Trial {
  wire::Runner kind = wire::Runner::Process;
  std::string via;
  std::string name;
  std::string problem;
  Fd task;
  Fd lock;
  Spawned spawned;
};

/// An image of one program, which needs nothing else: berth-task itself.
std::string make_image(const TaskStore& store, const std::string& helpers) {
  if (mkdirat(store.directory(), ".probe-image", 0755) != 0 && errno != EEXIST)
    return "cannot make an image to try: " + error_text(errno);
  Fd image(openat(store.directory(), ".probe-image", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Fd from(open((helpers + "/berth-task").c_str(), O_RDONLY | O_CLOEXEC));
  Fd to(openat(image.get(), "true", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
  struct stat status {};
  if (!from || !to || fstat(from.get(), &status) != 0)
    return "cannot make an image to try: " + error_text(errno);
  off_t done = 0;
  while (done < status.st_size) {
    if (sendfile(to.get(), from.get(), &done, static_cast<size_t>(status.st_size - done)) <= 0)
      return "cannot make an image to try: " + error_text(errno);
  }
  return {};
}

Order trial_order(const OrderBasis& basis, const TaskStore& store, const Trial& trial) {
  TaskOrder task;
  task.assignment.job.value = 0;  // no real job has it
  task.assignment.epoch = static_cast<uint64_t>(getpid());
  task.assignment.attempt = static_cast<uint32_t>(trial.kind);
  if (trial.via == kViaEngine) task.assignment.attempt += 100;  // a name of its own
  const std::string_view plain[] = {"true"};
  const std::string_view in_image[] = {"/true", "true"};
  wire::JobSpec spec;
  spec.runner = trial.kind;
  spec.command = plain;
  std::string image = store.path_of(".probe-image");
  if (trial.via == kViaEngine) image = basis.engine_owner + ":probe";
  if (trial.kind == wire::Runner::Container) {
    spec.command = in_image;
    spec.image = image;
  }
  Order order = make_order(basis, task, spec);
  order.task_dir = store.path_of(trial.name);
  return order;
}

void begin(
    const OrderBasis& basis,
    const TaskStore& store,
    const std::string& helpers,
    const std::string& image_problem,
    Trial& trial) {
  trial.name = ".probe-" + std::string(wire::runner_token(trial.kind)) + trial.via;
  store.remove(trial.name);
  if (trial.via == kViaEngine) {
    trial.problem = access(basis.engine_socket.c_str(), F_OK) == 0
                        ? image_problem
                        : "there is no socket " + basis.engine_socket +
                              "; start an engine there, or name another with --docker-socket";
  } else if (trial.kind == wire::Runner::Container) {
    if (geteuid() != 0) {
      trial.problem = "containers need an agent of root; start it as root, or offer sandboxes";
    } else if (basis.cgroups.memory.empty() && basis.cgroups.unified.empty()) {
      trial.problem = "containers need control groups that the agent can write to";
    } else {
      trial.problem = image_problem;
    }
  }
  if (trial.kind == wire::Runner::Sandbox && basis.seccomp.empty())
    trial.problem = "libseccomp cannot make its filter of system calls";
  if (!trial.problem.empty()) return;
  trial.task = store.make_task(trial.name);
  if (trial.task)
    trial.lock = store.write_order(trial.task.get(), trial_order(basis, store, trial));
  if (!trial.lock) {
    trial.problem = "cannot write to " + store.path_of(trial.name) + ": " + error_text(errno);
    return;
  }
  trial.spawned = spawn_supervisor(
      helpers + "/berth-task", "run", trial.name, trial.task.get(), trial.lock.get());
  trial.problem = trial.spawned.problem;
}

/// Waits for its end, or kills it at the deadline: then its lock is free and its group is ended by
/// a supervisor that recovers, like that of any other task.
void finish(
    const TaskStore& store, const std::string& helpers, Clock::time_point deadline, Trial& trial) {
  if (trial.spawned.pid > 0) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd fd{trial.spawned.pidfd.get(), POLLIN, 0};
    bool ended = poll(&fd, 1, static_cast<int>(std::max<int64_t>(left.count(), 0))) > 0;
    if (!ended) {
      trial.problem = "running 'true' in it did not end in time";
      kill(trial.spawned.pid, SIGKILL);
    }
    (void)waitpid(trial.spawned.pid, nullptr, 0);  // our child, ended
    bool damaged = false;
    std::optional<TaskResult> result = store.read_result(trial.task.get(), damaged);
    if (!result) {
      Spawned again = spawn_supervisor(
          helpers + "/berth-task", "recover", trial.name, trial.task.get(), trial.lock.get());
      if (again.pid > 0) (void)waitpid(again.pid, nullptr, 0);
      if (trial.problem.empty()) trial.problem = "its supervisor ended without a result";
    } else if (trial.problem.empty() && result->error != wire::ErrorClass::None) {
      trial.problem = result->message;
    }
  }
  store.remove(trial.name);
}

std::string describe(const Trial& trial, const OrderBasis& basis, const std::string& limits) {
  if (trial.via == kViaEngine) return "the engine at " + basis.engine_socket + ", with its limits";
  switch (trial.kind) {
    case wire::Runner::Sandbox:
      return "own user, mount, process, IPC and network namespaces, seccomp, as user " +
             basis.sandbox_user.name + "; " + limits;
    case wire::Runner::Container: return "runc; " + limits;
    default: return "as user " + basis.user.name + "; " + limits;
  }
}

}  // namespace

std::vector<Backend> probe_backends(
    const RunnerSettings& settings,
    const OrderBasis& basis,
    const TaskStore& store,
    const std::string& helpers,
    const std::string& limits) {
  const std::vector<wire::Runner>& offered = settings.offered;
  auto is_offered = [&offered](wire::Runner kind) {
    return std::find(offered.begin(), offered.end(), kind) != offered.end();
  };
  // Once: a program that runs cannot be written to.
  std::string image_problem;
  if (is_offered(wire::Runner::Container)) image_problem = make_image(store, helpers);
  std::vector<Trial> trials;
  std::vector<Backend> backends;
  for (const Way& way : kWays) {
    if (way.via == std::string_view(kViaEngine) && basis.engine_socket.empty()) continue;
    Trial& trial = trials.emplace_back();
    trial.kind = way.kind;
    trial.via = way.via;
    if (!is_offered(way.kind))
      trial.problem = "not offered by this agent";
    else
      begin(basis, store, helpers, image_problem, trial);
  }
  Clock::time_point deadline = Clock::now() + std::chrono::nanoseconds(settings.probe_max.ns);
  for (Trial& trial : trials) {
    finish(store, helpers, deadline, trial);
    bool works = trial.problem.empty();
    backends.push_back(
        {trial.kind, works, works ? describe(trial, basis, limits) : trial.problem, trial.via});
  }
  store.remove(".probe-image");
  return backends;
}

}  // namespace berth::agent
