#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <vector>

#include "core/effects.h"
#include "core/jobs/ledger.h"
#include "net/loop_thread.h"
#include "wire/encode.h"

namespace berth::net {

/// The ledger's thread: what waits comes in as letters, answers go out as letters.
///
/// Threads  its own
/// Memory   the ledger's queue, and one word for each request in it
class LedgerThread final : public LoopThread {
 public:
  LedgerThread(core::Tables& tables, const Post& post);

  /// Before `start` alone.
  core::TypicalTasks& typical_tasks() { return ledger_.typical_tasks(); }

 private:
  /// One request that waits.
  struct Waiting {
    wire::ConnectionId from;
    wire::RequestId request;
    friend bool operator==(const Waiting&, const Waiting&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Waiting& w) {
      return H::combine(std::move(h), w.from.value, w.request.value);
    }
  };

  void on_letter(Letter&& letter) override;
  void on_tick() override;
  void on_turn_end() override;

  void on_event(core::LedgerEvent&& event);
  void apply_effects();
  void send(wire::ConnectionId to, wire::RequestId request, const wire::Reply& message);
  void refuse_all();

  const Post& post_;
  core::Ledger ledger_;
  core::Effects effects_;
  wire::Encoder encoder_;
  // Who still has an answer to come, and how many under that id: told when the server stops.
  absl::flat_hash_map<Waiting, uint32_t> waiting_;
  std::vector<std::vector<std::byte>> replies_out_;  // by shard
  bool draining_ = false;
};

}  // namespace berth::net
