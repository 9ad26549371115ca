#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/agent_node.h"
#include "tests/sim/client_node.h"
#include "tests/sim/job_checker.h"
#include "tests/sim/job_client.h"
#include "tests/sim/machine.h"
#include "tests/sim/network.h"
#include "tests/sim/server.h"
#include "tests/sim/world.h"

namespace berth::sim {

/// A server of durable jobs with its disk, workers that are pushed jobs and workers that pull them,
/// clients, and all that happens to them, from one seed.
///
/// The story has two parts: faults (every fourth seed has none but delay), then a time in which
/// every job has to come to its end.
class JobCluster {
 public:
  explicit JobCluster(uint64_t seed);

  /// Empty when all that must hold has held.
  std::string run();

  const World& world() const { return world_; }
  JobChecker& checker() { return checker_; }
  const PlansTried& plans() const { return server_->plans(); }

 private:
  void build();
  void add_worker(
      const std::string& name, const std::string& worker, LastEpoch epoch, uint64_t nonce);
  agent::Profile random_profile(size_t worker);
  void next_fault();
  void fault_network();
  void fault_server();
  void fault_store();
  void fault_agent();
  void fault_twin();
  void restart_server_later(Duration away);
  void restart_later(AgentNode& agent, Duration away);
  void make_whole();
  /// What can never run keeps nobody waiting.
  void abort_impossible();
  void check_whole();
  AgentNode* living(const std::string& worker);

  template <typename T>
  T& any_of(std::vector<std::unique_ptr<T>>& all) {
    return *all[world_.rng.below(all.size())];
  }

  const bool faults_;
  bool over_ = false;  ///< no new faults, and what is away comes back
  World world_;
  Network network_{world_};
  JobLane lane_;
  JobChecker checker_;
  std::unique_ptr<Server> server_;
  std::vector<std::string> worker_names_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::unique_ptr<AgentNode>> agents_;  ///< one for each worker, then the twin of w1
  std::vector<std::unique_ptr<JobClient>> clients_;
  std::unique_ptr<ClientNode> other_client_;  ///< asks for places; null: nobody does
};

}  // namespace berth::sim
