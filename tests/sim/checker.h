#pragma once

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/server.h"

namespace berth::sim {

/// What must hold of a server after every step, kept apart from how the server keeps it.
///
/// Its model counts only what must be counted: a reservation from its answer until its hold ends,
/// it is released, or the worker has not listed the task for long enough. So it may be more
/// generous than the server for a moment, never stricter.
class Checker : public Observer {
 public:
  explicit Checker(World& world) : world_(world) {}

  void on_started(Server& server) override { models_[&server] = Model{}; }
  void on_step(
      Server& server,
      wire::ConnectionId from,
      wire::RequestId id,
      const wire::Request& request,
      const core::Effects& effects) override;
  void on_ledger(Server& server, const core::Effects& effects) override;
  void on_tick(Server& server, wire::ShardId shard) override;

  /// Nothing is reserved, runs or waits any more: every row is as free as it was.
  void check_all_free(Server& server);
  /// The worker is registered and online.
  void check_online(Server& server, const std::string& worker);

 private:
  struct Demand {
    int64_t slots, cpu_milli, memory_mib, gpu_count, gpu_milli;
    Duration hold;
    std::vector<std::string> tags;
  };
  struct Held {
    uint64_t reservation;
    std::string worker;
    Demand demand;
    std::vector<uint16_t> gpus;
    Instant expires;
    bool reported = false;
  };
  struct Worker {
    uint64_t epoch = 0;
    Instant last_beat{};
    bool left = false;
    bool closed = false;  ///< cordoned or draining
    int64_t reported = 0;
    wire::Capacity capacity;  ///< numbers only
    size_t gpus = 0;
    std::vector<std::string> tags;
  };
  struct Asked {
    std::string task;
    Demand demand;
  };
  struct Model {
    std::map<std::string, Held> held;  ///< by task
    std::map<std::string, Worker> workers;
    std::map<std::pair<wire::ConnectionId, uint32_t>, Asked> waiting;
  };

  void on_beat(Server& server, const wire::Heartbeat& beat, const wire::HeartbeatReply& reply);
  void on_place(
      Server& server,
      wire::ConnectionId from,
      wire::RequestId id,
      const wire::Place& place,
      const wire::Reply* reply);
  void on_placed(Server& server, const Asked& asked, const wire::Placed& placed);
  void on_repeated(Server& server, const Asked& asked, const wire::Placed& placed);
  void on_release(Server& server, const wire::Release& release, const wire::Released& reply);
  void on_set_worker(Server& server, const wire::SetWorker& set);
  /// Of what `placed` took: a worker that shrank may be over in what was not asked for.
  void check_capacity(Server& server, const Held& placed);
  /// Neither refused nor placed on a suspicious worker while an online one has room.
  void check_none_better(Server& server, const Asked& asked, const wire::Placed* placed);
  bool has_room(Server& server, const std::string& worker, const Demand& demand, bool suspicious);
  void check_status(Server& server, const std::string& id, const Worker& worker);
  void fail(Server& server, const std::string& what) { world_.fail(server.name() + ": " + what); }

  World& world_;
  std::map<Server*, Model> models_;
};

}  // namespace berth::sim
