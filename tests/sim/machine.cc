#include "tests/sim/machine.h"

#include <algorithm>
#include <utility>

namespace berth::sim {

namespace {

Duration ms(int64_t amount) {
  return Duration::milliseconds(amount);
}

}  // namespace

Machine::Machine(World& world, Process& agent, Witness* witness, std::string name)
    : world_(world), agent_(agent), witness_(witness), name_(std::move(name)) {}

Machine::Task* Machine::find(wire::AssignmentId id, uint64_t serial) {
  auto found = tasks_.find(id);
  if (found == tasks_.end() || found->second.serial != serial) return nullptr;
  return &found->second;
}

size_t Machine::running() const {
  return static_cast<size_t>(std::count_if(tasks_.begin(), tasks_.end(), [](const auto& task) {
    return task.second.phase != Phase::Ended;
  }));
}

void Machine::start(agent::TaskOrder&& order) {
  const wire::AssignmentId id = order.assignment;
  wire::JobSpec spec;
  if (specs_.decode(order.spec, spec) != wire::DecodeStatus::Ok) {
    return world_.fail(name_ + " was given a spec that it cannot read");
  }
  Task& task = tasks_[id];
  task.serial = ++serials_;
  task.result.assignment = id;
  decide(task, spec);
  agent_.input(world_.between(Duration{100'000}, ms(8)), [this, id, serial = task.serial] {
    Task* spawning = find(id, serial);
    if (spawning == nullptr || spawning->phase != Phase::Spawning) return;
    spawn(id, serial);
    listener_->on_task_started(id);
  });
}

/// How it will end, if nobody stops it.
void Machine::decide(Task& task, const wire::JobSpec& spec) {
  task.length = ms(spec.estimated_ms);
  task.grace_ms = spec.kill_grace_ms;
  task.ignores_term = world_.one_in(5);
  task.result.usage = {spec.estimated_ms / 2, 1u << 20, spec.estimated_ms};
  if (reliable) return;
  agent::TaskResult& result = task.result;
  const uint64_t dice = world_.rng.below(100);
  if (spec.checkpointable && dice < 30) {
    result.checkpointed = true;
    result.exit_code = 85;
  } else if (dice < 12) {
    result.error = wire::ErrorClass::Exit;
    result.exit_code = 1;
  } else if (dice < 16) {
    result.error = wire::ErrorClass::Signal;
    result.signal = 11;
  } else if (dice < 20) {
    result.error = wire::ErrorClass::Oom;
    result.signal = 9;
  } else if (dice < 23) {
    result.error = wire::ErrorClass::Image;
    result.message = "no such image";
    task.length = Duration{0};
  }
}

void Machine::spawn(wire::AssignmentId id, uint64_t serial) {
  Task& task = *find(id, serial);
  task.phase = Phase::Running;
  if (witness_ != nullptr) witness_->on_task_started(*this, id);
  end_later(id, task, task.length);
}

void Machine::end_later(wire::AssignmentId id, const Task& task, Duration in) {
  world_.after(in, [this, id, serial = task.serial] {
    Task* ending = find(id, serial);
    if (ending != nullptr && ending->phase == Phase::Running) end(id, *ending);
  });
}

void Machine::end(wire::AssignmentId, Task& task) {
  task.phase = Phase::Ended;
  if (!world_.one_in(10)) {  // or its output was lost
    task.result.outputs = {{"stdout", "/var/" + name_ + "/out", 5, std::string(64, 'a'), false}};
  }
  if (witness_ != nullptr) witness_->on_task_ended(*this, task.result);
  tell_ended(task.result);
}

void Machine::tell_ended(const agent::TaskResult& result) {
  agent_.input(world_.between(Duration{0}, ms(2)), [this, result] {
    if (tasks_.contains(result.assignment)) listener_->on_task_ended(agent::TaskResult(result));
  });
}

void Machine::stop(wire::AssignmentId assignment, wire::ErrorClass reason) {
  auto found = tasks_.find(assignment);
  if (found == tasks_.end()) return;
  Task& task = found->second;
  if (task.phase == Phase::Ended || std::exchange(task.stopping, true)) return;
  Duration until = task.ignores_term ? ms(task.grace_ms) : world_.between(ms(1), ms(50));
  // What comes first decides how it ends: this, or its own end.
  world_.after(until, [this, assignment, serial = task.serial, reason] {
    Task* stopped = find(assignment, serial);
    if (stopped == nullptr || stopped->phase == Phase::Ended) return;
    stopped->result.error = reason;
    stopped->result.checkpointed = false;
    stopped->result.exit_code = 0;
    stopped->result.signal = stopped->ignores_term ? 9 : 15;
    if (stopped->phase == Phase::Spawning) stopped->phase = Phase::Running;
    end(assignment, *stopped);
  });
}

void Machine::settle(wire::AssignmentId assignment) {
  auto found = tasks_.find(assignment);
  if (found == tasks_.end()) return;
  if (found->second.phase != Phase::Ended) {
    return world_.fail(name_ + " was told that a task is settled which still runs");
  }
  tasks_.erase(found);
}

void Machine::on_agent_gone() {
  listener_ = nullptr;
  for (auto next = tasks_.begin(); next != tasks_.end();) {
    auto task = next++;
    if (task->second.phase != Phase::Spawning) continue;
    if (world_.one_in(2)) {
      spawn(task->first, task->second.serial);
    } else {
      tasks_.erase(task);
    }
  }
}

/// What had ended is on the disk. Of what ran there may be a trace, or none.
void Machine::lose_power() {
  on_agent_gone();
  for (auto next = tasks_.begin(); next != tasks_.end();) {
    auto task = next++;
    if (task->second.phase == Phase::Ended) continue;
    if (world_.one_in(2)) {
      tasks_.erase(task);
      continue;
    }
    agent::TaskResult& result = task->second.result;
    task->second.phase = Phase::Ended;
    result.error = wire::ErrorClass::Lost;
    result.checkpointed = false;
    result.message = "its supervisor is gone";
  }
}

void Machine::adopt() {
  for (const auto& [id, task] : tasks_) {
    if (task.phase == Phase::Running) {
      listener_->on_task_started(id);
    } else {
      listener_->on_task_ended(agent::TaskResult(task.result));
    }
  }
}

agent::OutputPiece Machine::read_output(
    wire::AssignmentId assignment, wire::OutputStream, uint64_t offset, uint32_t bytes_max) {
  agent::OutputPiece piece;
  auto found = tasks_.find(assignment);
  if (found == tasks_.end()) {
    piece.problem = "its output is not here any more";
    return piece;
  }
  static constexpr std::string_view kOutput = "done\n";
  piece.size = kOutput.size();
  piece.offset = std::min<uint64_t>(offset, piece.size);
  std::string_view rest = kOutput.substr(piece.offset, bytes_max);
  const auto* bytes = reinterpret_cast<const std::byte*>(rest.data());
  piece.data.assign(bytes, bytes + rest.size());
  piece.complete = found->second.phase == Phase::Ended && piece.offset + rest.size() == piece.size;
  return piece;
}

}  // namespace berth::sim
