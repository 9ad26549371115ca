#include "net/ledger_thread.h"

#include <utility>

#include "net/log/log.h"
#include "net/loop_clock.h"

namespace berth::net {

LedgerThread::LedgerThread(
    core::Tables& tables,
    const core::JobSettings& settings,
    const Post& post,
    core::Store* store,
    uint64_t seed)
    : LoopThread("ledger"),
      tables_(tables),
      counters_(tables.counters.of(core::OtherThread::Ledger)),
      post_(post),
      waits_(tables),
      jobs_(tables, settings, seed),
      memory_(
          [this](uint64_t sequence) { jobs_.on_durable(LoopClock::now(), sequence, effects_); }),
      store_(store != nullptr ? *store : memory_) {}

void LedgerThread::on_start() {
  uv_idle_init(loop(), &more_);
  jobs_.start(LoopClock::now());
}

void LedgerThread::on_letter(Letter&& letter) {
  if (auto* batch = std::get_if<LedgerBatch>(&letter)) {
    on_batch(std::move(*batch));
  } else if (const auto* durable = std::get_if<GroupsDurable>(&letter)) {
    jobs_.on_durable(LoopClock::now(), durable->sequence, effects_);
    apply_effects();
  } else if (const auto* done = std::get_if<PlanDone>(&letter)) {
    const uint32_t placed = waits_.on_plan(LoopClock::now(), done->plan, effects_);
    if (placed > 0) jobs_.on_planned(LoopClock::now(), done->plan.plan_id, placed);
    apply_effects();
  } else if (const auto* planned = std::get_if<JobsPlanned>(&letter)) {
    jobs_.on_plan(LoopClock::now(), planned->plan);
  } else if (const auto* backed_up = std::get_if<BackUpDone>(&letter)) {
    on_backed_up(*backed_up);
  } else if (std::holds_alternative<Drain>(letter)) {
    draining_ = true;
    refuse_all();
    jobs_.on_drain(LoopClock::now(), effects_);
    apply_effects();
  } else if (std::holds_alternative<Stop>(letter)) {
    stop();
  }
}

// Requests first: a connection that is said to be closed has sent them before.
void LedgerThread::on_batch(LedgerBatch&& batch) {
  for_each_record(
      batch.requests,
      [&](wire::ConnectionId from, wire::RequestId id, std::span<const std::byte> payload) {
        on_request(from, id, payload);
      });
  for (core::LedgerEvent& event : batch.events)
    on_event(std::move(event));
}

void LedgerThread::on_request(
    wire::ConnectionId from, wire::RequestId id, std::span<const std::byte> payload) {
  // It was decoded before it was sent here; the bytes have not changed since.
  if (decoder_.decode(payload, request_) != wire::DecodeStatus::Ok) return;
  if (const auto* back_up = std::get_if<wire::BackUp>(&request_)) {
    if (post_.store != nullptr) {
      return post_.store->post(BackUpStore{from, id, std::string(back_up->path)});
    }
    return send(
        from,
        id,
        wire::Refused{
            wire::Refusal::Unsupported,
            "this server keeps jobs in memory alone; start it with --store sqlite:PATH"});
  }
  jobs_.step(LoopClock::now(), from, id, request_, effects_);
  apply_effects();
}

void LedgerThread::on_backed_up(const BackUpDone& done) {
  if (done.problem.empty()) return send(done.connection, done.request, wire::Done{});
  const wire::Refusal why = done.exists ? wire::Refusal::Conflict : wire::Refusal::BadRequest;
  send(done.connection, done.request, wire::Refused{why, done.problem});
}

void LedgerThread::on_event(core::LedgerEvent&& event) {
  if (const auto* changed = std::get_if<core::WorkerChanged>(&event)) {
    jobs_.on_worker_changed(LoopClock::now(), *changed, effects_);
    return apply_effects();
  }
  if (const auto* wait = std::get_if<core::WaitForPlace>(&event)) {
    ++waiting_[{wait->from, wait->request}];
  } else if (const auto* cancel = std::get_if<core::CancelWaits>(&event)) {
    // Nobody is left to be told. Rare, and the queue is bounded: looking through it is cheap
    // enough.
    const wire::ConnectionId from = cancel->from;
    absl::erase_if(waiting_, [from](const auto& entry) { return entry.first.from == from; });
    jobs_.on_closed(LoopClock::now(), from, effects_);
  } else if (std::holds_alternative<core::CapacityFreed>(event)) {
    jobs_.on_capacity_freed();
  }
  waits_.step(LoopClock::now(), std::move(event), effects_);
  apply_effects();
  if (draining_) refuse_all();
}

void LedgerThread::apply_effects() {
  for (const core::Outgoing& out : effects_.messages) {
    if (!waiting_.empty()) {
      const auto entry = waiting_.find(Waiting{out.to, out.request});
      if (entry != waiting_.end() && --entry->second == 0) waiting_.erase(entry);
    }
    send(out.to, out.request, out.message);
  }
  for (core::Cooldown& cooldown : effects_.cooldowns) {
    const uint16_t owner = tables_.fleet.owner_of(cooldown.worker).value;
    if (cooldowns_out_.size() <= owner) cooldowns_out_.resize(post_.shards.size());
    cooldowns_out_[owner].push_back(std::move(cooldown));
  }
  // What the ledger itself set free may be what another request waits for.
  std::vector<core::LedgerEvent> events = std::exchange(effects_.ledger, {});
  effects_.clear();
  for (core::LedgerEvent& event : events)
    on_event(std::move(event));
}

void LedgerThread::send(
    wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) {
  if (const auto* refused = std::get_if<wire::Refused>(&message)) {
    counters_.add_kind(core::Counter::RequestsRefused, refused->code);
  }
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
    waits_.step(LoopClock::now(), core::CancelWaits{who.from}, effects_);
    effects_.clear();
  }
}

void LedgerThread::on_tick() {
  const core::Now now = LoopClock::now();
  waits_.on_tick(now, effects_);
  apply_effects();
  jobs_.on_tick(now, effects_);
  apply_effects();
}

void LedgerThread::on_turn_end() {
  close_group();
  if (auto snapshot = waits_.take_snapshot(LoopClock::now())) {
    post_.planner->post(PlanJob{std::move(snapshot)});
  }
  const core::Now now = LoopClock::now();
  if (auto snapshot = jobs_.take_snapshot(now)) {
    snapshot->snapshot_us = static_cast<uint32_t>((LoopClock::mono() - now.mono).ns / 1'000);
    post_.planner->post(PlanJobs{std::move(snapshot)});
  }
  tell_planner_health(now);
  post_all();
}

// Once each time that it is left alone.
void LedgerThread::tell_planner_health(core::Now now) {
  const wire::PlannerHealth health = jobs_.planner_health(now);
  if (health.fallbacks == planner_fallbacks_) return;
  planner_fallbacks_ = health.fallbacks;
  BERTH_LOG(
      Warning,
      "the planner is left alone for a while; jobs are placed greedily",
      {{"reason", health.reason}, {"retry_in_ms", health.retry_in_ms}});
}

// What is left to assign is taken up in the next turn, which then comes without sleeping; letters
// that have come meanwhile are read in between.
void LedgerThread::close_group() {
  const bool all = jobs_.end_turn(LoopClock::now(), group_, effects_);
  apply_effects();
  if (!stopping_ && !all) uv_idle_start(&more_, [](uv_idle_t*) {});
  if (!stopping_ && all) uv_idle_stop(&more_);
  if (group_.empty()) return;
  store_.commit(std::exchange(group_, {}));
  apply_effects();  // of the store in memory, which is done already
}

void LedgerThread::post_all() {
  for (size_t shard = 0; shard < replies_out_.size(); ++shard) {
    if (replies_out_[shard].empty()) continue;
    post_.shards[shard]->post(ReplyBatch{std::exchange(replies_out_[shard], {}), true});
  }
  for (size_t shard = 0; shard < cooldowns_out_.size(); ++shard) {
    if (cooldowns_out_[shard].empty()) continue;
    post_.shards[shard]->post(CooldownBatch{std::exchange(cooldowns_out_[shard], {})});
  }
}

void LedgerThread::on_stop() {
  stopping_ = true;
  on_turn_end();
  uv_close(reinterpret_cast<uv_handle_t*>(&more_), nullptr);
}

}  // namespace berth::net
