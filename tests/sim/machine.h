#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/runner/runner.h"
#include "tests/sim/world.h"
#include "wire/spec.h"

namespace berth::sim {

/// A worker's machine, which runs tasks whatever becomes of the agent on it.
///
/// A task lasts as long as its job estimates, mostly, and ends as the seed decides. What was
/// started goes on when the agent is killed, and dies with the machine's power; the ends of tasks
/// are kept on its disk until they are settled.
class Machine final : public agent::TaskRunner {
 public:
  /// Told of what really happens, whoever hears of it.
  class Witness {
   public:
    virtual ~Witness() = default;
    virtual void on_task_started(const Machine&, wire::AssignmentId) {}
    virtual void on_task_ended(const Machine&, const agent::TaskResult&) {}
  };

  /// `agent` is the process that is told, by whoever `listen` names last.
  Machine(World& world, Process& agent, Witness* witness, std::string name);

  void listen(agent::TaskListener* listener) { listener_ = listener; }
  /// The agent is gone. What it had not quite started may have begun, or not.
  void on_agent_gone();
  void lose_power();

  std::span<const agent::Backend> backends() const override { return backends_; }
  void adopt() override;
  void start(agent::TaskOrder&& order) override;
  void stop(wire::AssignmentId assignment, wire::ErrorClass reason) override;
  void settle(wire::AssignmentId assignment) override;
  agent::OutputPiece read_output(
      wire::AssignmentId assignment,
      wire::OutputStream stream,
      uint64_t offset,
      uint32_t bytes_max) override;

  const std::string& name() const { return name_; }
  size_t running() const;
  /// Running, or ended and not settled.
  size_t kept() const { return tasks_.size(); }
  bool reliable = false;  ///< every task ends with 0

 private:
  enum class Phase : uint8_t { Spawning, Running, Ended };
  struct Task {
    Phase phase = Phase::Spawning;
    uint64_t serial = 0;  ///< which use of this assignment
    Duration length;
    bool ignores_term = false;
    bool stopping = false;
    uint32_t grace_ms = 0;
    agent::TaskResult result;
  };

  Task* find(wire::AssignmentId id, uint64_t serial);
  void spawn(wire::AssignmentId id, uint64_t serial);
  void end_later(wire::AssignmentId id, const Task& task, Duration in);
  void end(wire::AssignmentId id, Task& task);
  void decide(Task& task, const wire::JobSpec& spec);
  void tell_ended(const agent::TaskResult& result);

  World& world_;
  Process& agent_;
  Witness* witness_;
  const std::string name_;
  const std::vector<agent::Backend> backends_{{wire::Runner::Process, true, ""}};
  agent::TaskListener* listener_ = nullptr;
  std::map<wire::AssignmentId, Task> tasks_;
  uint64_t serials_ = 0;
  wire::SpecDecoder specs_;
};

}  // namespace berth::sim
