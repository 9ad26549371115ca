#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/runner/local_runner.h"
#include "agent/runner/make_order.h"
#include "agent/runner/retention.h"
#include "agent/runner/spawn.h"
#include "agent/runner/task_store.h"
#include "wire/spec.h"

namespace berth::agent {

/// Of a task's life, as the agent sees it.
enum class Phase : uint8_t {
  Running,  ///< a supervisor lives; `pidfd` is there once we know which process it is
  Ended,    ///< its result was told, and is not settled
  Settled,  ///< only its outputs are left
};

struct Task {
  wire::AssignmentId id;
  Phase phase = Phase::Running;
  bool started = false;
  bool child = false;      // ours to reap
  uint8_t recoveries = 0;  // supervisors that came after one that was killed
  wire::ErrorClass stop_reason = wire::ErrorClass::None;
  int pid = -1;
  Fd pidfd;
  uv_poll_t* watcher = nullptr;
  LocalRunner::State* owner = nullptr;
};

/// What LocalRunner consists of. local_state.cc has a task's life, local_adopt.cc a restart,
/// local_runner.cc the interface.
struct LocalRunner::State {
  State(uv_loop_t* loop_in, const RunnerSettings& settings_in, TaskListener& listener_in);
  ~State();

  /// True: only its outputs are left, and count for the retention.
  bool adopt_one(const std::string& name, const wire::AssignmentId& id);
  void adopt_running(Task& task, int directory);
  bool find_supervisor(Task& task, int directory);
  void start(TaskOrder&& order);
  std::string run(const Order& order, Task& task);
  void refuse(const wire::AssignmentId& id, const std::string& why, wire::ErrorClass kind);
  void begin_recovery(Task& task);
  void watch(Task& task);
  void on_ended(Task& task);
  void tell(Task& task, TaskResult&& result);
  void send_stop(Task& task);
  void on_event();
  void on_sweep();
  /// Soon: some supervisor has to be found.
  void sweep_soon();
  bool take(Task& task, Spawned&& spawned);
  void remove_expired(int most);
  Task* find(const wire::AssignmentId& id);
  Task& add(const wire::AssignmentId& id);
  TaskResult lost(const wire::AssignmentId& id, const std::string& why) const;

  uv_loop_t* loop;
  const RunnerSettings settings;
  TaskListener& listener;
  std::string problem;
  TaskStore store;
  std::string helpers;
  std::unique_ptr<SupervisorSource> supervisors;
  OrderBasis basis;
  std::vector<Fd> cgroup_locks;
  std::vector<Backend> backends;
  std::map<wire::AssignmentId, std::unique_ptr<Task>>
      tasks;  // ordered: those of a job are neighbours
  Retention retention;
  wire::SpecDecoder decoder;
  Fd events;
  uv_poll_t* events_watcher = nullptr;
  uv_timer_t* sweep_timer = nullptr;
  uv_timer_t* soon_timer = nullptr;  // for what must not be told from within a call
  std::vector<TaskResult> untold;
};

/// Wall time in seconds, for the age of outputs.
int64_t now_s();

inline constexpr int kRemovedPerSettle = 2;  ///< more than one, so that a backlog shrinks
inline constexpr uint64_t kSweepMs = 1000;

}  // namespace berth::agent
