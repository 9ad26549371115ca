#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/jobs/job_ledger.h"
#include "core/jobs/ledger.h"
#include "core/shard.h"
#include "tests/sim/network.h"
#include "tests/sim/sim_store.h"
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

  // Of durable jobs.
  /// A request is about to be handed to the job ledger.
  virtual void on_job_request(Server&, wire::ConnectionId, wire::RequestId, const wire::Request&) {}
  /// A turn has ended; what leaves at once is in the effects, `group` goes to the store.
  virtual void on_turn_end(Server&, const core::StoreBatch& group, const core::Effects&) {
    (void)group;
  }
  /// The job ledger lets these messages go.
  virtual void on_job_messages(Server&, const core::Effects&) {}
  /// On the disk now.
  virtual void on_durable(Server&, const core::StoreBatch&) {}
};

/// What a server of jobs is like in one installation.
struct JobLane {
  core::JobSettings settings;
  bool merge_turns = false;  ///< several letters in one turn of the ledger's thread
};

/// How the planner of jobs answers.
enum class PlanMood : uint8_t {
  Soon,
  Late,     ///< most of it is not true any more, or the ledger has gone on without it
  Never,    ///< as one that has crashed
  Twice,    ///< the same answer again
  Worse,    ///< than greedy's own, it says
  Broken,   ///< it says of itself that it breaks a rule
  Muddled,  ///< it mixes up jobs, workers, times and versions, and does not say so
};

/// What became of the plans of a server's jobs, in all its lives.
struct PlansTried {
  std::map<PlanMood, uint64_t> moods;
  std::map<wire::PlanOutcome, uint64_t> outcomes;
  uint64_t ignored = 0;  ///< told again, or too late

  uint64_t in(PlanMood mood) const { return count_of(moods, mood); }
  uint64_t told(wire::PlanOutcome outcome) const { return count_of(outcomes, outcome); }

 private:
  template <typename Kind>
  static uint64_t count_of(const std::map<Kind, uint64_t>& counts, Kind kind) {
    const auto found = counts.find(kind);
    return found == counts.end() ? 0 : found->second;
  }
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
  Server(
      World& world,
      Network& network,
      Observer& observer,
      std::string name,
      uint16_t shards,
      const JobLane& job_lane = {});

  void start();
  void stop(bool silently);
  Process& process() { return process_; }
  const std::string& name() const { return process_.name(); }
  core::Tables& tables() { return *life_->tables; }
  SimDisk& disk() { return disk_; }
  /// How many turns of the ledger's thread have ended, in all lives.
  uint64_t turn() const { return turn_; }
  core::Now clocks() const {
    core::Now now = world_.both_clocks();
    now.wall_ms += wall_ahead_ms_;
    return now;
  }
  /// Somebody sets the machine's clock.
  void set_wall_clock(int64_t ahead_ms) { wall_ahead_ms_ = ahead_ms; }
  /// Asks the job ledger directly, as if from nowhere. Only when nothing is on its way to the disk:
  /// the answer points into `effects`.
  void ask_jobs(const wire::Request& request, core::Effects& effects);
  const PlansTried& plans() const { return plans_; }
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
    std::unique_ptr<core::JobLedger> jobs;
    std::unique_ptr<SimStore> store;
    bool turn_open = false;  ///< its end is on its way
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
  void start_jobs();
  void on_job_request(
      wire::ConnectionId from, wire::RequestId id, std::span<const std::byte> payload);
  void let_go();
  void end_turn_soon();
  void end_turn();
  /// Asks for a plan when the ledger wants one.
  void plan_jobs();
  /// False: nobody waits for it.
  bool on_plan(const core::JobPlan& plan);
  void die_of_store();
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
  const JobLane job_lane_;
  SimDisk disk_{world_};
  uint64_t turn_ = 1;
  uint32_t unfinished_turns_ = 0;  ///< in a row
  int64_t wall_ahead_ms_ = 0;
  uint64_t epoch_ = 0;
  uint32_t next_slot_ = 1;
  std::unique_ptr<Life> life_;
  PlansTried plans_;
  std::map<core::Counter, uint64_t> earlier_;  ///< counted in lives that are over
  core::Effects effects_;
  wire::Encoder encoder_;
  wire::Decoder decoder_;
  wire::Request request_;
};

}  // namespace berth::sim
