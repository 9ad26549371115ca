#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/jobs/ledger.h"
#include "core/shard.h"
#include "tests/sim/network.h"
#include "tests/sim/world.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace berth::sim {

class Server;

/// Sees what a server decides, at the instant it does. Replies are valid during the call.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_started(Server&) {}
  virtual void on_step(
      Server&, wire::ConnectionId, wire::RequestId, const wire::Request&, const core::Effects&) {}
  virtual void on_ledger(Server&, const core::Effects&) {}
  /// A shard has aged its workers.
  virtual void on_tick(Server&, wire::ShardId) {}
};

/// A row as any client may see it, with text of its own.
struct RowView {
  wire::WorkerStatus status;
  bool cordoned;
  bool draining;
  wire::Capacity capacity;  ///< numbers only
  wire::Capacity free;
  std::vector<uint16_t> gpus_free;
  uint32_t held_slots;
};

/// berthd without sockets: the real shards, ledger and planner, each with its own mailbox.
///
/// Threads become deliveries with a random delay, in order for each pair, so that steps of
/// different shards interleave as they do between cores.
class Server {
 public:
  Server(World& world, Network& network, Observer& observer, std::string name, uint16_t shards);

  void start();
  void stop(bool silently);
  Process& process() { return process_; }
  const std::string& name() const { return process_.name(); }
  core::Tables& tables() { return *life_->tables; }
  /// In all its lives.
  uint64_t counted(core::Counter counter) const;

  wire::ShardId home_of(std::string_view worker) const {
    return life_->tables->fleet.owner_of(worker);
  }
  /// The worker's row; nothing when it is not registered.
  std::optional<RowView> show(std::string_view worker);

 private:
  struct Connection {
    std::shared_ptr<Socket> socket;
    FrameReader reader;
    bool greeted = false;
  };
  /// Whatever has effects of its own: a shard, or, behind the last of them, the ledger.
  using Lane = uint16_t;
  struct Life {
    std::unique_ptr<core::Tables> tables;
    std::vector<std::unique_ptr<core::Shard>> shards;
    std::unique_ptr<core::Ledger> ledger;
    std::map<wire::ConnectionId, Connection> connections;
    std::map<std::pair<Lane, Lane>, Instant> mailboxes;  ///< when the last letter arrives
  };

  Lane ledger_lane() const { return shards_; }
  void on_accept(std::shared_ptr<Socket> socket);
  void on_bytes(wire::ConnectionId id, std::span<const std::byte> bytes);
  void on_frame(wire::ConnectionId id, const wire::Frame& frame);
  void step(
      Lane shard, wire::ConnectionId from, wire::RequestId id, std::vector<std::byte> payload);
  void on_closed(wire::ConnectionId id);
  void on_ledger(core::LedgerEvent&& event);
  void plan();
  void tick_shard(Lane shard);
  void tick_ledger();
  /// Everything that `effects_` says, done by the thread of `lane`.
  void carry_out(Lane lane);
  void deliver(wire::ConnectionId to, std::vector<std::byte> frame);
  void end(wire::ConnectionId id);
  void post(Lane from, Lane to, std::function<void()> letter);
  Duration tick_interval();

  World& world_;
  Network& network_;
  Observer& observer_;
  Process process_;
  const uint16_t shards_;
  uint64_t epoch_ = 0;
  uint32_t next_slot_ = 1;
  std::unique_ptr<Life> life_;
  std::map<core::Counter, uint64_t> earlier_;  ///< counted in lives that are over
  core::Effects effects_;
  wire::Encoder encoder_;
  wire::Decoder decoder_;
  wire::Request request_;
};

}  // namespace berth::sim
