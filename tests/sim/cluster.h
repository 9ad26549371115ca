#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/tables/counters.h"
#include "tests/sim/agent_node.h"
#include "tests/sim/checker.h"
#include "tests/sim/client_node.h"
#include "tests/sim/network.h"
#include "tests/sim/server.h"
#include "tests/sim/world.h"

namespace berth::sim {

/// A whole installation from one seed: its size, its workers, its clients, its misfortunes.
///
/// The story has three parts: faults (every fourth seed has none but delay), a quiet time in which
/// everything must find back together, and the end of all holds, after which nothing may be
/// missing.
class Cluster {
 public:
  explicit Cluster(uint64_t seed);

  /// Empty when all that must hold has held.
  std::string run();

  const World& world() const { return world_; }
  /// Of all servers, in all their lives.
  uint64_t counted(core::Counter counter) const;

 private:
  void build();
  agent::Profile random_profile(size_t worker);
  void next_fault();
  void fault_network();
  void fault_server();
  void fault_agent();
  void fault_twin();
  void restart_later(Server& server, Duration away);
  void restart_later(AgentNode& agent, Duration away);
  void make_whole();
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
  Checker checker_{world_};
  std::vector<std::string> server_names_;
  std::vector<std::string> worker_names_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<std::unique_ptr<AgentNode>> agents_;  ///< one for each worker, then the twin of w1
  std::vector<std::unique_ptr<ClientNode>> clients_;
};

}  // namespace berth::sim
