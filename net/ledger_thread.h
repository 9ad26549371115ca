#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <span>
#include <vector>

#include <uv.h>

#include "core/effects.h"
#include "core/jobs/job_ledger.h"
#include "core/jobs/ledger.h"
#include "net/loop_thread.h"
#include "net/store/memory_store.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace berth::net {

/// The ledger's thread: jobs and what waits come in as letters, answers and assignments go out as
/// letters, and once a turn a group goes to the store.
///
/// Threads  its own
/// Memory   the ledgers', and one word for each request that waits
class LedgerThread final : public LoopThread {
 public:
  /// `store` takes the groups; null: they are durable at once, in memory.
  LedgerThread(
      core::Tables& tables,
      const core::JobSettings& settings,
      const Post& post,
      core::Store* store,
      uint64_t seed);

  // Before `start` alone.
  core::TypicalTasks& typical_tasks() { return waits_.typical_tasks(); }
  core::JobLedger& jobs() { return jobs_; }

 private:
  /// One request that waits for a place.
  struct Waiting {
    wire::ConnectionId from;
    wire::RequestId request;
    friend bool operator==(const Waiting&, const Waiting&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Waiting& w) {
      return H::combine(std::move(h), w.from.value, w.request.value);
    }
  };

  void on_start() override;
  void on_letter(Letter&& letter) override;
  void on_tick() override;
  void on_turn_end() override;
  void on_stop() override;

  void on_batch(LedgerBatch&& batch);
  void on_request(wire::ConnectionId from, wire::RequestId id, std::span<const std::byte> payload);
  void on_backed_up(const BackUpDone& done);
  void on_event(core::LedgerEvent&& event);
  void apply_effects();
  void close_group();
  void tell_planner_health(core::Now now);
  void send(wire::ConnectionId to, wire::RequestId request, const wire::Reply& message);
  void refuse_all();
  void post_all();

  core::Tables& tables_;
  core::ThreadCounters& counters_;
  const Post& post_;
  core::Ledger waits_;
  core::JobLedger jobs_;
  MemoryStore memory_;
  core::Store& store_;
  core::Effects effects_;
  core::StoreBatch group_;
  wire::Encoder encoder_;
  wire::Decoder decoder_;
  wire::Request request_;  // reused: decoding does not allocate
  // Who still has an answer to come, and how many under that id: told when the server stops.
  absl::flat_hash_map<Waiting, uint32_t> waiting_;
  std::vector<std::vector<std::byte>> replies_out_;         // by shard
  std::vector<std::vector<core::Cooldown>> cooldowns_out_;  // by shard
  uv_idle_t more_;  // runs while there is more to assign: the next turn comes at once
  uint64_t planner_fallbacks_ = 0;  // told so far
  bool draining_ = false;
  bool stopping_ = false;  // `more_` is closed, or about to be
};

}  // namespace berth::net
