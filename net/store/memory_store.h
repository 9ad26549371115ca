#pragma once

#include <cstdint>
#include <functional>

#include "core/jobs/records.h"

namespace berth::net {

/// `--store memory`: every batch is durable at once, for as long as the process lives.
///
/// Threads  the ledger's; `commit` calls `on_durable` before it returns, so nothing crosses a
///          thread. Commit at the end of a turn, when the ledger is not in the middle of a step
/// Memory   none: the ledger has all there is
class MemoryStore final : public core::Store {
 public:
  using OnDurable = std::function<void(uint64_t sequence)>;

  explicit MemoryStore(OnDurable on_durable) : on_durable_(std::move(on_durable)) {}

  /// There is nothing to read back. Epochs must not begin again all the same: agents may still hold
  /// assignments of an earlier life. So they begin at the time, which a life's counting cannot
  /// overtake.
  static void load(core::StoreReader& reader, int64_t wall_ms) {
    reader.on_start(static_cast<uint64_t>(wall_ms) << 20);
  }

  void commit(core::StoreBatch&& batch) override { on_durable_(batch.sequence); }

 private:
  OnDurable on_durable_;
};

}  // namespace berth::net
