#include "agent/runner/local_state.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <chrono>

#include "agent/runner/cgroup_parents.h"
#include "agent/runner/probe.h"
#include "agent/runner/seccomp_filter.h"
#include "agent/runner/spawn.h"
#include "core/base/check.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace {

using wire::AssignmentId;
using wire::ErrorClass;

/// Whoever kills supervisors may kill those that tidy up after them; a disk that takes no result
/// will not take the next one either.
constexpr int kRecoveriesMax = 5;

template <typename Handle>
void close_and_delete(Handle*& handle) {
  if (handle == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* closed) {
    delete reinterpret_cast<Handle*>(closed);
  });
  handle = nullptr;
}

}  // namespace

int64_t now_s() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

LocalRunner::State::State(
    uv_loop_t* loop_in, const RunnerSettings& settings_in, TaskListener& listener_in)
    : loop(loop_in),
      settings(settings_in),
      listener(listener_in),
      store(settings_in.state_dir, problem),
      retention(
          {settings_in.keep_for.ns / 1'000'000'000,
           settings_in.keep_bytes_max,
           settings_in.keep_tasks_max}) {
  sweep_timer = new uv_timer_t;
  soon_timer = new uv_timer_t;
  for (uv_timer_t* timer : {sweep_timer, soon_timer}) {
    uv_timer_init(loop, timer);
    timer->data = this;
  }
  if (problem.empty()) helpers = find_helpers(settings.helpers.string(), problem);
  basis.user = find_user(settings.run_as);
  if (problem.empty()) problem = basis.user.problem;
  if (problem.empty()) events = store.open_events(problem);
  if (!problem.empty()) {
    for (wire::Runner kind : settings.offered)
      backends.push_back({kind, false, problem});
    return;
  }
  basis.may_switch = geteuid() == 0;
  basis.sandbox_user = basis.user.uid == 0 ? nobody() : basis.user;
  basis.seccomp = make_seccomp_filter().program;
  basis.state_dir = store.state_dir();
  basis.images = settings.images.string();
  basis.image_helper = helpers + "/berth-image";
  basis.engine_socket = settings.engine_socket.string();
  basis.engine_helper = helpers + "/berth-engine";
  basis.engine_owner = cgroup_parent_name(store.state_dir());
  basis.pids_max = settings.pids_max;
  basis.output_bytes_max = settings.output_bytes_max;
  basis.artifact_bytes_max = settings.artifact_bytes_max;
  CgroupPlace place =
      make_cgroup_parents(cgroup_parent_name(store.state_dir()), settings.task_cgroup);
  supervisors = std::make_unique<SupervisorSource>(helpers + "/berth-task", place.supervisors);
  basis.cgroups = place.parents;
  cgroup_locks = std::move(place.locks);
  backends = probe_backends(settings, basis, store, helpers, place.why);
  for (const Backend& backend : backends)
    if (backend.via == kViaEngine && !backend.works) basis.engine_socket.clear();

  events_watcher = new uv_poll_t;
  BERTH_CHECK(uv_poll_init(loop, events_watcher, events.get()) == 0);
  events_watcher->data = this;
  uv_poll_start(events_watcher, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<State*>(handle->data)->on_event();
  });
  uv_timer_start(
      sweep_timer,
      [](uv_timer_t* timer) { static_cast<State*>(timer->data)->on_sweep(); },
      kSweepMs,
      kSweepMs);
  uv_unref(reinterpret_cast<uv_handle_t*>(sweep_timer));
  uv_unref(reinterpret_cast<uv_handle_t*>(events_watcher));
}

LocalRunner::State::~State() {
  for (auto& [id, task] : tasks)
    close_and_delete(task->watcher);
  close_and_delete(events_watcher);
  close_and_delete(sweep_timer);
  close_and_delete(soon_timer);
  remove_cgroup_parents(basis.cgroups);
}

Task* LocalRunner::State::find(const AssignmentId& id) {
  if (id.epoch != 0) {
    auto found = tasks.find(id);
    return found == tasks.end() ? nullptr : found->second.get();
  }
  Task* last = nullptr;
  for (auto at = tasks.lower_bound({id.job, 0, 0}); at != tasks.end() && at->first.job == id.job;
       ++at) {
    if (at->first.attempt == id.attempt) last = at->second.get();
  }
  return last;
}

Task& LocalRunner::State::add(const AssignmentId& id) {
  auto task = std::make_unique<Task>();
  task->id = id;
  task->owner = this;
  return *(tasks[id] = std::move(task));
}

TaskResult LocalRunner::State::lost(const AssignmentId& id, const std::string& why) const {
  TaskResult result;
  result.assignment = id;
  result.error = ErrorClass::Lost;
  result.message = why;
  return result;
}

// ---- A new task ------------------------------------------------------------------------------

void LocalRunner::State::start(TaskOrder&& order) {
  AssignmentId id = order.assignment;
  if (find(id) != nullptr) return;  // it runs, or has been told of
  wire::JobSpec spec;
  if (!problem.empty()) return refuse(id, problem, ErrorClass::Refused);
  if (decoder.decode(order.spec, spec) != wire::DecodeStatus::Ok)
    return refuse(id, "the job's description does not decode on this worker", ErrorClass::Refused);
  wire::Runner kind = runner_of(spec);
  bool engine = kind == wire::Runner::Container && is_for_engine(basis, std::string(spec.image));
  for (const Backend& backend : backends) {
    if (backend.kind != kind || backend.works || (backend.via == kViaEngine) != engine) continue;
    std::string why = "runner '" + std::string(wire::runner_token(kind)) +
                      "' does not work on this worker: " + backend.why;
    return refuse(id, why, ErrorClass::Refused);
  }
  if (kind == wire::Runner::Container && spec.image.empty())
    return refuse(
        id, "runner 'container' needs an image, and the job names none", ErrorClass::Image);
  if (kind != wire::Runner::Container && spec.command.empty())
    return refuse(id, "the job has no command; only an image can bring one", ErrorClass::Refused);
  Task& task = add(id);
  std::string why = run(make_order(basis, order, spec), task);
  if (why.empty()) return;
  tasks.erase(id);
  refuse(id, why, ErrorClass::Refused);
}

/// Empty: its supervisor was started.
std::string LocalRunner::State::run(const Order& order, Task& task) {
  std::string name = wire::assignment_text(task.id);
  Fd directory = store.make_task(name);
  if (!directory && errno == EEXIST)
    return "an assignment " + name + " has been started on this worker before";
  if (!directory) return "cannot make " + order.task_dir + ": " + error_text(errno);
  Fd file = store.write_order(directory.get(), order);
  if (!file) return "cannot write the order in " + order.task_dir + ": " + error_text(errno);
  Spawned spawned = supervisors->start("run", name, directory.get(), file.get());
  if (!spawned.problem.empty()) return spawned.problem;
  (void)take(task, std::move(spawned));  // has no problem
  return {};
}

/// False: none was started.
bool LocalRunner::State::take(Task& task, Spawned&& spawned) {
  if (!spawned.problem.empty()) return false;
  if (spawned.unknown) {
    sweep_soon();
    return true;
  }
  task.pid = spawned.pid;
  task.pidfd = std::move(spawned.pidfd);
  task.child = spawned.child;
  watch(task);
  return true;
}

/// Told in the next turn. Kept in a directory too: until it is settled it must survive us.
void LocalRunner::State::refuse(const AssignmentId& id, const std::string& why, ErrorClass kind) {
  TaskResult result;
  result.assignment = id;
  result.error = kind;
  result.message = why;
  Task& task = add(id);
  task.phase = Phase::Ended;
  if (problem.empty()) {
    std::string name = wire::assignment_text(id);
    Fd directory = store.make_task(name);
    if (!directory) directory = store.open_task(name);
    // A full disk: then it is told from memory alone, and forgotten with us.
    if (directory) (void)store.write_result(directory.get(), result);
  }
  untold.push_back(std::move(result));
  uv_timer_start(
      soon_timer,
      [](uv_timer_t* timer) {
        State& state = *static_cast<State*>(timer->data);
        for (TaskResult& each : std::exchange(state.untold, {}))
          state.listener.on_task_ended(std::move(each));
      },
      0,
      0);
}

void LocalRunner::State::watch(Task& task) {
  task.watcher = new uv_poll_t;
  BERTH_CHECK(uv_poll_init(loop, task.watcher, task.pidfd.get()) == 0);
  task.watcher->data = &task;
  uv_poll_start(task.watcher, UV_READABLE, [](uv_poll_t* handle, int, int) {
    Task& ended = *static_cast<Task*>(handle->data);
    ended.owner->on_ended(ended);
  });
}

// ---- Its end ---------------------------------------------------------------------------------

void LocalRunner::State::on_ended(Task& task) {
  close_and_delete(task.watcher);
  if (task.child) (void)waitpid(task.pid, nullptr, 0);  // ended: does not wait
  task.pidfd.reset();
  Fd directory = store.open_task(wire::assignment_text(task.id));
  bool damaged = false;
  std::optional<TaskResult> result;
  if (directory) result = store.read_result(directory.get(), damaged);
  if (result) return tell(task, std::move(*result));
  if (task.recoveries < kRecoveriesMax && !damaged && directory) return begin_recovery(task);
  TaskResult made = lost(
      task.id,
      damaged ? "its result on this worker is damaged, as by a loss of power or a full disk"
              : "its supervisor ended without a result, again and again; look at the worker's disk "
                "and for processes that it left");
  if (directory) (void)store.write_result(directory.get(), made);  // else told from memory
  tell(task, std::move(made));
}

void LocalRunner::State::tell(Task& task, TaskResult&& result) {
  task.phase = Phase::Ended;
  bool executed = result.error != ErrorClass::Refused && result.error != ErrorClass::Image &&
                  result.error != ErrorClass::Lost;
  if (executed && !task.started) {
    task.started = true;
    listener.on_task_started(task.id);
  }
  listener.on_task_ended(std::move(result));
}

/// The supervisor was killed. Another one ends what is left of the task, and writes the result.
void LocalRunner::State::begin_recovery(Task& task) {
  std::string name = wire::assignment_text(task.id);
  Fd directory = store.open_task(name);
  Fd file = directory ? store.lock_order(directory.get()) : Fd();
  // A child that it had just made, and that has not executed the task yet, holds the lock with it.
  if (!file && directory && errno == EWOULDBLOCK) return sweep_soon();
  ++task.recoveries;
  bool known = file && decode_order(read_all(file.get()).value_or("")).has_value();
  Spawned spawned;
  if (known && lseek(file.get(), 0, SEEK_SET) == 0)
    spawned = supervisors->start("recover", name, directory.get(), file.get());
  std::string why = spawned.problem;
  if (known && take(task, std::move(spawned))) return;
  TaskResult made = lost(
      task.id,
      known ? "its supervisor was killed, and no other can be started: " + why
            : "its order on this worker is damaged, as by a loss of power or a full disk");
  if (directory && !known)
    (void)renameat(directory.get(), "order", directory.get(), "order.damaged");
  if (directory) (void)store.write_result(directory.get(), made);  // else told from memory
  tell(task, std::move(made));
}

void LocalRunner::State::on_event() {
  StartedEvent events_read[64];
  while (true) {
    ssize_t n = read(events.get(), events_read, sizeof events_read);
    if (n <= 0) return;
    for (size_t i = 0; i < static_cast<size_t>(n) / sizeof(StartedEvent); ++i) {
      const StartedEvent& event = events_read[i];
      Task* task = find({{event.job}, event.epoch, static_cast<uint32_t>(event.attempt)});
      if (task == nullptr || task->started || task->phase != Phase::Running) continue;
      task->started = true;
      listener.on_task_started(task->id);
    }
  }
}

void LocalRunner::State::send_stop(Task& task) {
  if (!task.pidfd) return;  // sent when the supervisor has been found
  siginfo_t info{};
  info.si_signo = SIGTERM;
  info.si_code = SI_QUEUE;
  info.si_value.sival_int = static_cast<int>(task.stop_reason);
  info.si_pid = getpid();
  info.si_uid = getuid();
  // It has ended meanwhile: its result is on the way.
  (void)syscall(SYS_pidfd_send_signal, task.pidfd.get(), SIGTERM, &info, 0);
}

}  // namespace berth::agent
