#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/job_request_ids.h"
#include "agent/job_session.h"
#include "tests/sim/machine.h"
#include "tests/sim/world.h"

namespace berth::sim {

/// Somebody who shares an agent's connection to its first server, for one life of the agent.
class JobGuest {
 public:
  using Send = std::function<void(wire::RequestId, const wire::Request&)>;

  virtual ~JobGuest() = default;
  virtual void start() = 0;
  virtual void on_up() = 0;
  virtual void on_down() = 0;
  /// False: not for the guest.
  virtual bool on_reply(wire::RequestId id, const wire::Reply& reply) = 0;
};

/// What berth-agent does with jobs: a real JobSession, and the machine as its runner.
class PushGuest final : public JobGuest, private agent::TaskListener {
 public:
  PushGuest(
      World& world,
      Process& process,
      Machine& machine,
      const agent::JobSessionSettings& settings,
      Send send);

  void start() override;
  void on_up() override;
  void on_down() override;
  bool on_reply(wire::RequestId id, const wire::Reply& reply) override;

  const agent::JobSession& session() const { return session_; }
  /// Now and then an answer does not get through.
  bool loses_answers = false;

 private:
  void on_task_started(wire::AssignmentId assignment) override;
  void on_task_ended(agent::TaskResult&& result) override;
  void carry_out();
  void carry_out(agent::JobEffect& effect);
  void arm();

  World& world_;
  Process& process_;
  Machine& machine_;
  agent::JobSession session_;
  Send send_;
  agent::JobEffects effects_;
  bool carrying_out_ = false;
  bool starting_ = true;
  std::optional<Instant> armed_;
};

/// A worker in another language, behind a firewall: it asks for jobs, one at a time, and repeats
/// everything that is not answered. It does not listen while its jobs run, beyond keeping them
/// alive.
class PullGuest final : public JobGuest, private agent::TaskListener {
 public:
  PullGuest(
      World& world,
      Process& process,
      Machine& machine,
      std::string worker,
      uint64_t life,
      Send send);

  void start() override;
  void on_up() override;
  void on_down() override;
  bool on_reply(wire::RequestId id, const wire::Reply& reply) override;

 private:
  enum class Phase : uint8_t { Offered, Running, Ended, Fenced };
  struct Held {
    Phase phase = Phase::Offered;
    agent::TaskOrder order;
    agent::TaskResult result;
  };
  struct Asked {
    wire::AssignmentId assignment;  ///< of a report
    wire::ReportKind kind;
  };

  void on_task_started(wire::AssignmentId assignment) override;
  void on_task_ended(agent::TaskResult&& result) override;
  void attach();
  void on_attached(const wire::Attached& attached);
  void on_assignments(const wire::Assignments& assignments);
  void on_verdict(const Asked& asked, wire::Verdict verdict);
  void ask_next();
  void report(wire::AssignmentId assignment, wire::ReportKind kind);
  void fence(wire::AssignmentId assignment);
  /// Twice a second: what is not answered is said again, what runs is alive.
  void beat();

  World& world_;
  Process& process_;
  Machine& machine_;
  const std::string worker_;
  const uint64_t life_;
  Send send_;
  agent::JobRequestIds ids_;
  std::map<wire::AssignmentId, Held> held_;
  std::vector<wire::AssignmentId> named_;  ///< in the attach that is under way
  std::map<uint32_t, Asked> reports_;
  wire::RequestId attach_id_;
  wire::RequestId next_id_;
  Instant next_due_{};  ///< an answer to NextJobs that does not come by then is lost
  bool up_ = false;
  bool attached_ = false;
};

}  // namespace berth::sim
