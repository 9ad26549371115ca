// What an earlier life of the agent left, and outputs that have been kept for long enough.

#include <sys/syscall.h>

#include "agent/runner/local_state.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace {

using wire::AssignmentId;
using wire::ErrorClass;

constexpr uint64_t kAdoptRetryMs = 20;
constexpr int kRemovedPerSweep = 64;

}  // namespace

bool LocalRunner::State::adopt_one(const std::string& name, const AssignmentId& id) {
  Fd directory = store.open_task(name);
  if (!directory || find(id) != nullptr) return false;
  Task& task = add(id);
  if (store.is_settled(directory.get())) {
    task.phase = Phase::Settled;
    return true;
  }
  Fd lock = store.lock_order(directory.get());
  if (!lock && errno == EWOULDBLOCK) {
    adopt_running(task, directory.get());
    return false;
  }
  lock.reset();
  bool damaged = false;
  std::optional<TaskResult> result = store.read_result(directory.get(), damaged);
  if (result && result->assignment != id) damaged = true;
  if (damaged) {
    result = lost(id, "its result on this worker is damaged, as by a loss of power or a full disk");
    (void)store.write_result(directory.get(), *result);  // else told again at the next start
  }
  if (result) {
    tell(task, std::move(*result));
    return false;
  }
  begin_recovery(task);
  Task* recovering = find(id);
  if (recovering == nullptr || recovering->phase != Phase::Running) return false;
  // It is not over before what is left of it has been ended; the server is to know of it until
  // then.
  recovering->started = true;
  listener.on_task_started(id);
  return false;
}

void LocalRunner::State::adopt_running(Task& task, int directory) {
  task.started = true;
  listener.on_task_started(task.id);
  if (!find_supervisor(task, directory)) sweep_soon();
}

void LocalRunner::State::sweep_soon() {
  uv_timer_start(
      sweep_timer,
      [](uv_timer_t* timer) { static_cast<State*>(timer->data)->on_sweep(); },
      kAdoptRetryMs,
      kSweepMs);
}

/// False: it lives, but it is not known yet which process it is.
bool LocalRunner::State::find_supervisor(Task& task, int directory) {
  std::string file = read_file_at(directory, "order").value_or("");
  int pid = static_cast<int>(decode_progress(file).supervisor);
  if (pid == 0) return false;
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return false;
  // The number may be another's by now: the supervisor's working directory is the task's.
  char path[4096];
  std::string link = "/proc/" + std::to_string(pid) + "/cwd";
  ssize_t n = readlink(link.c_str(), path, sizeof path);
  if (n < 0 || std::string_view(path, static_cast<size_t>(n)) !=
                   store.path_of(wire::assignment_text(task.id)))
    return false;
  task.pid = pid;
  task.pidfd = std::move(pidfd);
  watch(task);
  if (task.stop_reason != ErrorClass::None) send_stop(task);
  return true;
}

void LocalRunner::State::on_sweep() {
  bool again = false;
  for (auto& [id, task] : tasks) {
    if (task->phase != Phase::Running || task->pidfd) continue;
    Fd directory = store.open_task(wire::assignment_text(id));
    if (directory && find_supervisor(*task, directory.get())) continue;
    Fd lock = directory ? store.lock_order(directory.get()) : Fd();
    bool alive = !lock && errno == EWOULDBLOCK;
    lock.reset();
    if (alive) {
      again = true;
    } else {
      on_ended(*task);
      again = true;  // the map may have changed: the next turn goes on
      break;
    }
  }
  remove_expired(kRemovedPerSweep);
  uv_timer_set_repeat(sweep_timer, again ? kAdoptRetryMs : kSweepMs);
}

void LocalRunner::State::remove_expired(int most) {
  int64_t now = now_s();
  for (int i = 0; i < most; ++i) {
    std::optional<AssignmentId> id = retention.take(now);
    if (!id) return;
    store.remove(wire::assignment_text(*id));
    tasks.erase(*id);
  }
}

}  // namespace berth::agent
