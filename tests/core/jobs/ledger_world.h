#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/jobs/ledger.h"
#include "core/placement/placement.h"
#include "core/tables/partition.h"
#include "core/tables/tables.h"
#include "tests/core/support/workers.h"
#include "wire/encode.h"

namespace berth::core {

/// A request to place, as a test describes it.
struct Ask {
  std::string_view task;
  int32_t priority = 0;
  uint32_t wait_ms = 1'000;
  std::vector<std::string_view> tags = {};
  int64_t slots = 1;
  uint64_t connection = 1;
  std::string_view exclude = {};
  std::string_view spread_by = {};
  wire::Policy policy = wire::Policy::LeastLoaded;
};

/// One shard's workers, a ledger and a planner on one thread, and what the clients were told.
class LedgerWorld {
 public:
  explicit LedgerWorld(const Settings& settings = small_settings())
      : tables(settings),
        owner({0}, tables.fleet, tables.names, tables.settings),
        shard(tables, 0, 1),
        ledger(tables) {}

  void worker(TestWorker worker);
  void ask(const Ask& ask);

  /// Places at once, as a shard does; true when there was room.
  bool place_now(std::string_view task);

  /// Gives the task's place back and tells the ledger.
  void release(std::string_view task);

  void close(uint64_t connection) { step(CancelWaits{{connection}}); }
  void freed() { step(CapacityFreed{}); }
  void advance(int64_t ms);

  /// Takes a snapshot if the ledger offers one, plans it and hands the plan back. False: none.
  bool plan(Budget budget = {});

  std::unique_ptr<const Snapshot> snapshot() { return ledger.take_snapshot(now); }
  void enact(const Plan& plan);

  /// What was said since the last call, one line for each reply.
  std::vector<std::string> said();

  Tables tables;
  Partition owner;
  Placement shard;
  Ledger ledger;
  Now now{Instant{} + Duration::seconds(100), 0};

 private:
  void step(LedgerEvent&& event);
  void note_replies();

  wire::Encoder encoder_;
  Effects effects_;
  std::vector<std::string> said_;
};

}  // namespace berth::core
