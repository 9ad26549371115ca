#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/job_model.h"
#include "tests/sim/machine.h"
#include "tests/sim/server.h"

namespace berth::sim {

/// What must hold of durable jobs after every step; for one server.
///
/// It sees requests as they reach the job ledger, every group, every message that the ledger lets
/// go, the disk, and the machines; it keeps a model of its own, made of what the groups say.
class JobChecker : public Observer, public Machine::Witness {
 public:
  explicit JobChecker(World& world, bool merged_turns)
      : world_(world), merged_turns_(merged_turns) {}

  void on_started(Server& server) override;
  void on_job_request(
      Server& server,
      wire::ConnectionId from,
      wire::RequestId id,
      const wire::Request& request) override;
  void on_turn_end(
      Server& server, const core::StoreBatch& group, const core::Effects& effects) override;
  void on_job_messages(Server& server, const core::Effects& effects) override;
  void on_durable(Server& server, const core::StoreBatch& group) override;
  void on_task_started(const Machine& machine, wire::AssignmentId id) override;
  void on_task_ended(const Machine& machine, const agent::TaskResult& result) override;

  /// A client that watches everything was told of this event after that one.
  void on_watched(uint64_t before, const wire::JobEvent& event);

  /// Empty: every job has ended. Else the first that has not, and how many.
  std::string unfinished();
  /// Everything that was acknowledged is there, and the ledger says what the disk says.
  void check_end(Server& server);

  JobModels& models() { return models_; }
  uint64_t tasks_started() const { return started_.size(); }
  uint64_t repeated_submits = 0;

 private:
  bool was_in_passing(const wire::JobEvent& event) const;
  using Key = std::pair<uint64_t, uint32_t>;  ///< connection, request
  struct Reported {
    uint64_t turn;
    std::vector<std::pair<wire::AssignmentId, wire::ReportKind>> items;
  };
  struct Attaching {
    uint64_t turn;
    std::vector<wire::AssignmentId> running;
  };
  struct Changing {
    uint64_t turn;
    std::vector<uint64_t> jobs;  ///< those that were there
  };

  void tell(Server& server, const wire::JobEvent& event);
  void check_capacity(Server& server, const std::string& worker, const JobModel& taken);
  void on_submitted(Server& server, const std::string& request, const wire::JobsSubmitted& reply);
  void on_reported(Server& server, const Reported& report, const wire::Reported& reply);
  void on_verdict(
      Server& server, uint64_t turn, wire::AssignmentId id, wire::ReportKind kind, wire::Verdict);
  void on_accepted(Server& server, uint64_t turn, wire::AssignmentId id, wire::Verdict verdict);
  void on_ended(
      Server& server, uint64_t turn, wire::AssignmentId id, wire::ReportKind kind, wire::Verdict);
  void on_attached(const Attaching& attach, const wire::Attached& reply);
  void on_aborted(Server& server, const Changing& change);
  void on_events(Server& server, const wire::JobEvents& events);
  void check_acknowledged(Server& server);
  const Lease* lease(wire::AssignmentId id);
  void check(const std::string& problem) {
    if (!problem.empty()) world_.fail(problem);
  }

  World& world_;
  const bool merged_turns_;
  Server* server_ = nullptr;
  JobModels models_;
  uint64_t committed_ = 0;  ///< the last group, in this life
  uint64_t durable_ = 0;
  std::map<uint64_t, std::string> workers_;  ///< by the connection on which they attached
  std::map<Key, Reported> reports_;
  std::map<Key, Attaching> attaching_;
  std::map<Key, Changing> changing_;
  std::map<Key, std::string> submitting_;

  // What was promised, for ever.
  std::map<std::string, std::vector<wire::JobRange>> submits_;
  std::set<uint64_t> completed_;             ///< jobs, acknowledged
  std::map<uint64_t, uint64_t> completion_;  ///< and by which epoch
  std::set<wire::AssignmentId> started_;
};

}  // namespace berth::sim
