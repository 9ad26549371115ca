#include "agent/held_tasks.h"

#include <utility>

namespace berth::agent {

HeldTask* HeldTasks::find(wire::AssignmentId id) {
  auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : &found->second;
}

HeldTask& HeldTasks::add(wire::AssignmentId id, TaskPhase phase) {
  HeldTask& task = tasks_[id];
  task.id = id;
  task.phase = phase;
  ++counts_[static_cast<size_t>(phase)];
  return task;
}

void HeldTasks::set_phase(HeldTask& task, TaskPhase phase) {
  --counts_[static_cast<size_t>(task.phase)];
  task.phase = phase;
  ++counts_[static_cast<size_t>(phase)];
}

void HeldTasks::forget(HeldTask& task) {
  --counts_[static_cast<size_t>(task.phase)];
  past_.add(task.id, std::move(task.refusal));
  tasks_.erase(wire::AssignmentId{task.id});  // a copy: the task goes with its node
}

}  // namespace berth::agent
