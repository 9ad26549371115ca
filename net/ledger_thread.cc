#include "net/ledger_thread.h"

#include <utility>

#include "net/loop_clock.h"

namespace berth::net {

LedgerThread::LedgerThread(core::Tables& tables, const Post& post)
    : LoopThread("ledger"), post_(post), ledger_(tables) {}

void LedgerThread::on_letter(Letter&& letter) {
  if (auto* batch = std::get_if<LedgerBatch>(&letter)) {
    for (core::LedgerEvent& event : batch->events)
      on_event(std::move(event));
  } else if (const auto* done = std::get_if<PlanDone>(&letter)) {
    ledger_.on_plan(LoopClock::now(), done->plan, effects_);
    apply_effects();
  } else if (std::holds_alternative<Drain>(letter)) {
    draining_ = true;
    refuse_all();
  } else if (std::holds_alternative<Stop>(letter)) {
    stop();
  }
}

void LedgerThread::on_event(core::LedgerEvent&& event) {
  if (const auto* wait = std::get_if<core::WaitForPlace>(&event)) {
    ++waiting_[{wait->from, wait->request}];
  } else if (const auto* cancel = std::get_if<core::CancelWaits>(&event)) {
    // Nobody is left to be told. Rare, and the queue is bounded: looking through it is cheap
    // enough.
    const wire::ConnectionId from = cancel->from;
    absl::erase_if(waiting_, [from](const auto& entry) { return entry.first.from == from; });
  }
  ledger_.step(LoopClock::now(), std::move(event), effects_);
  apply_effects();
  if (draining_) refuse_all();
}

void LedgerThread::apply_effects() {
  for (const core::Outgoing& out : effects_.messages) {
    const auto entry = waiting_.find(Waiting{out.to, out.request});
    if (entry != waiting_.end() && --entry->second == 0) waiting_.erase(entry);
    send(out.to, out.request, out.message);
  }
  // What the ledger itself set free may be what another request waits for.
  std::vector<core::LedgerEvent> events = std::exchange(effects_.ledger, {});
  effects_.clear();
  for (core::LedgerEvent& event : events)
    on_event(std::move(event));
}

void LedgerThread::send(
    wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) {
  const uint16_t shard = to.shard().value;
  if (shard >= post_.shards.size()) return;
  if (replies_out_.empty()) replies_out_.resize(post_.shards.size());
  append_reply_record(replies_out_[shard], encoder_, to, request, message);
}

void LedgerThread::refuse_all() {
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& [who, count] : waiting) {
    for (uint32_t i = 0; i < count; ++i) {
      send(
          who.from,
          who.request,
          wire::Refused{wire::Refusal::ShuttingDown, "the server is stopping; ask another"});
    }
    ledger_.step(LoopClock::now(), core::CancelWaits{who.from}, effects_);
    effects_.clear();
  }
}

void LedgerThread::on_tick() {
  ledger_.on_tick(LoopClock::now(), effects_);
  apply_effects();
}

void LedgerThread::on_turn_end() {
  if (auto snapshot = ledger_.take_snapshot(LoopClock::now())) {
    post_.planner->post(PlanJob{std::move(snapshot)});
  }
  for (size_t shard = 0; shard < replies_out_.size(); ++shard) {
    if (replies_out_[shard].empty()) continue;
    post_.shards[shard]->post(ReplyBatch{std::exchange(replies_out_[shard], {}), true});
  }
}

}  // namespace berth::net
