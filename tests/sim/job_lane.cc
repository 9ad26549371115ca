#include <memory>
#include <utility>

#include "tests/sim/server.h"

// The part of a server that keeps jobs: what net/ledger_thread.cc and the store's thread are.
namespace berth::sim {

namespace {

/// Nothing here is so large that it takes more turns.
constexpr uint32_t kTurnsMax = 100;

}  // namespace

void Server::start_jobs() {
  life_->jobs =
      std::make_unique<core::JobLedger>(*life_->tables, job_lane_.settings, world_.rng.next());
  life_->store = std::make_unique<SimStore>(world_, process_, disk_);
  life_->store->on_applied = [this](const core::StoreBatch& group) {
    observer_.on_durable(*this, group);
  };
  life_->store->on_failed = [this] {
    die_of_store();
  };
  life_->store->on_durable = [this](uint64_t sequence) {
    // From the store's thread to the ledger's.
    process_.input(world_.between(Duration{1'000}, Duration{300'000}), [this, sequence] {
      life_->jobs->on_durable(clocks(), sequence, effects_);
      let_go();
    });
  };
  disk_.load(*life_->jobs);
  life_->jobs->start(clocks());
}

void Server::on_job_request(
    wire::ConnectionId from, wire::RequestId id, std::span<const std::byte> payload) {
  if (decoder_.decode(payload, request_) != wire::DecodeStatus::Ok) return;
  observer_.on_job_request(*this, from, id, request_);
  life_->jobs->step(clocks(), from, id, request_, effects_);
  let_go();
  end_turn_soon();
}

void Server::let_go() {
  observer_.on_job_messages(*this, effects_);
  carry_out(ledger_lane());
}

/// Mostly at once; or later, with what is delivered until then in the same turn.
void Server::end_turn_soon() {
  if (life_->turn_open) return;
  if (!job_lane_.merge_turns || world_.one_in(2)) return end_turn();
  life_->turn_open = true;
  process_.input(world_.between(Duration{0}, Duration{300'000}), [this] { end_turn(); });
}

void Server::end_turn() {
  life_->turn_open = false;
  core::StoreBatch group;
  const bool all = life_->jobs->end_turn(clocks(), group, effects_);
  observer_.on_turn_end(*this, group, effects_);
  ++turn_;
  let_go();
  if (!group.empty()) life_->store->commit(std::move(group));
  unfinished_turns_ = all ? 0 : unfinished_turns_ + 1;
  if (unfinished_turns_ > kTurnsMax) return world_.fail(name() + " is never done with its turn");
  if (!all) process_.input(Duration{1'000}, [this] { end_turn_soon(); });
  plan_jobs();
}

/// No acknowledgement may follow a write that failed: the process ends, with code 70.
void Server::die_of_store() {
  process_.input(Duration{0}, [this] {
    world_.say(name(), "cannot write its store");
    stop(/*silently=*/false);
  });
}

void Server::ask_jobs(const wire::Request& request, core::Effects& effects) {
  core::StoreBatch group;
  life_->jobs->step(clocks(), {}, {1}, request, effects);
  (void)life_->jobs->end_turn(clocks(), group, effects);
  if (!group.empty()) world_.fail(name() + " stored something because it was asked a question");
}

}  // namespace berth::sim
