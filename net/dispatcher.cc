#include "net/dispatcher.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "net/loop_clock.h"

namespace berth::net {
namespace {

// A decision takes no longer than reading the clock twice does.
constexpr uint32_t kMeasuredEvery = 64;

}  // namespace

Dispatcher::Dispatcher(
    wire::ShardId self,
    core::Tables& tables,
    const core::ServerIdentity& identity,
    const Post& post,
    Local& local)
    : self_(self),
      tables_(tables),
      counters_(tables.counters.of(self.value)),
      post_(post),
      local_(local),
      shard_(self, tables, identity) {}

Dispatcher::Answer Dispatcher::on_request(
    core::Now now,
    wire::ConnectionId from,
    wire::RequestId id,
    const wire::Request& request,
    std::span<const std::byte> payload) {
  const wire::ShardId home = shard_.home_of(request);
  if (home != self_) {
    if (post_.shards[home.value]->full()) {
      send(
          from,
          id,
          wire::Refused{wire::Refusal::Busy, "the shard of this worker is busy; ask again later"});
      return Answer::Given;
    }
    counters_.add(core::Counter::Forwarded);
    if (requests_out_.size() <= home.value) requests_out_.resize(post_.shards.size());
    append_record(requests_out_[home.value], from, id, payload);
    return Answer::FromShard;
  }
  if (std::holds_alternative<wire::GetStats>(request)) refresh_gauges(tables_.counters.gauges);
  step(now, from, id, request, payload);
  waits_ = false;
  if (effects_.to_ledger) send_to_ledger(from, id, request, payload);
  apply_effects();
  return waits_ ? Answer::FromLedger : Answer::Given;
}

void Dispatcher::step(
    core::Now now,
    wire::ConnectionId from,
    wire::RequestId id,
    const wire::Request& request,
    std::span<const std::byte> payload) {
  const bool measured =
      std::holds_alternative<wire::Place>(request) && places_++ % kMeasuredEvery == 0;
  const core::Instant begun = measured ? LoopClock::mono() : core::Instant{};
  shard_.step(now, from, id, request, payload, effects_);
  if (measured) {
    counters_.measure(core::Measure::PlacementDecision, LoopClock::mono() - begun);
  }
}

void Dispatcher::on_closed(wire::ConnectionId connection) {
  shard_.on_closed(connection, effects_);
  apply_effects();
}

void Dispatcher::on_requests(core::Now now, const RequestBatch& batch) {
  for_each_record(
      batch.records,
      [&](wire::ConnectionId from, wire::RequestId id, std::span<const std::byte> payload) {
        // It was decoded before it was sent here; the bytes have not changed since.
        if (decoder_.decode(payload, forwarded_) != wire::DecodeStatus::Ok) return;
        shard_.step(now, from, id, forwarded_, payload, effects_);
        apply_effects();
      });
}

// What is taken on here is answered. A worker's report is taken on always: refusing it would lose
// what it says; how many there can be is bounded by what was assigned.
void Dispatcher::send_to_ledger(
    wire::ConnectionId from,
    wire::RequestId id,
    const wire::Request& request,
    std::span<const std::byte> payload) {
  const auto refuse = [&](wire::Refusal code, std::string_view message) {
    send(from, id, wire::Refused{code, message});
  };
  const bool must = std::holds_alternative<wire::Report>(request) ||
                    std::holds_alternative<wire::LogPiece>(request);
  // Its answer would pass for an event, which nobody is owed: what is owed has a limit.
  if (!must && id.value == 0 && !std::holds_alternative<wire::Place>(request)) {
    return refuse(wire::Refusal::BadRequest, "request id 0 is for what the server sends unasked");
  }
  if (!must && draining_) {
    return refuse(wire::Refusal::ShuttingDown, "the server is stopping; ask another");
  }
  const bool adds = std::holds_alternative<wire::SubmitJobs>(request);
  if (!must && (post_.ledger->full() || (adds && post_.store != nullptr && post_.store->full()))) {
    return refuse(wire::Refusal::Busy, "the ledger is busy; ask again later");
  }
  append_record(ledger_requests_out_, from, id, payload);
  waits_ = id.value != 0;
}

void Dispatcher::on_replies(const ReplyBatch& batch) {
  const Answer from = batch.from_ledger ? Answer::FromLedger : Answer::FromShard;
  for_each_record(
      batch.records,
      [&](wire::ConnectionId to, wire::RequestId id, std::span<const std::byte> frame) {
        const bool asked_for = id.value != 0 || !batch.from_ledger;
        local_.deliver_frame(to, frame, asked_for ? from : Answer::Given);
      });
}

void Dispatcher::on_cooldowns(core::Now now, const CooldownBatch& batch) {
  for (const core::Cooldown& cooldown : batch.cooldowns) {
    shard_.on_cooldown(now, cooldown, effects_);
    apply_effects();
  }
}

void Dispatcher::on_tick(core::Now now) {
  shard_.on_tick(now, effects_);
  apply_effects();
}

// Messages are encoded at once, while the text they point to is warm, and so that a connection's
// unsent bytes are known before its next request is looked at. The rest waits for the turn's end.
void Dispatcher::apply_effects() {
  for (const core::Outgoing& message : effects_.messages) {
    send(message.to, message.request, message.message);
  }
  if (!effects_.ledger.empty()) take_ledger_events();
  for (const wire::ConnectionId connection : effects_.closes) {
    if (connection.shard() == self_) local_.end(connection);
  }
  effects_.clear();
}

void Dispatcher::send(wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) {
  if (const auto* refused = std::get_if<wire::Refused>(&message)) {
    counters_.add_kind(core::Counter::RequestsRefused, refused->code);
  }
  const uint16_t shard = to.shard().value;
  if (shard == self_.value) {
    local_.deliver(to, request, message);
    return;
  }
  if (shard >= post_.shards.size()) return;
  if (replies_out_.size() <= shard) replies_out_.resize(post_.shards.size());
  append_reply_record(replies_out_[shard], encoder_, to, request, message);
}

void Dispatcher::take_ledger_events() {
  for (core::LedgerEvent& event : effects_.ledger) {
    if (std::holds_alternative<core::CapacityFreed>(event)) {
      capacity_freed_ = true;  // once a turn says it all
      continue;
    }
    if (const auto* wait = std::get_if<core::WaitForPlace>(&event)) {
      if (draining_) {
        send(
            wait->from,
            wait->request,
            wire::Refused{wire::Refusal::ShuttingDown, "the server is stopping; ask another"});
        continue;
      }
      if (post_.ledger->full()) {
        send(wait->from, wait->request, wire::Unplaced{.reason = wire::NoPlace::QueueFull});
        continue;
      }
      waits_ = true;
    }
    ledger_out_.push_back(std::move(event));
  }
}

void Dispatcher::on_turn_end() {
  for (size_t shard = 0; shard < requests_out_.size(); ++shard) {
    if (requests_out_[shard].empty()) continue;
    post_.shards[shard]->post(RequestBatch{std::exchange(requests_out_[shard], {})});
  }
  for (size_t shard = 0; shard < replies_out_.size(); ++shard) {
    if (replies_out_[shard].empty()) continue;
    post_.shards[shard]->post(ReplyBatch{std::exchange(replies_out_[shard], {})});
  }
  if (std::exchange(capacity_freed_, false)) ledger_out_.push_back(core::CapacityFreed{});
  if (!ledger_out_.empty() || !ledger_requests_out_.empty()) {
    post_.ledger->post(
        LedgerBatch{std::exchange(ledger_requests_out_, {}), std::exchange(ledger_out_, {})});
  }
}

void refresh_gauges(core::Gauges& gauges) {
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto us = [](const timeval& t) {
      return static_cast<uint64_t>(t.tv_sec) * 1'000'000 + static_cast<uint64_t>(t.tv_usec);
    };
    gauges.cpu_us.store(us(usage.ru_utime) + us(usage.ru_stime), std::memory_order_relaxed);
  }
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    unsigned long long total = 0;
    unsigned long long resident = 0;
    if (std::fscanf(file, "%llu %llu", &total, &resident) == 2) {
      const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
      gauges.resident_bytes.store(resident * page, std::memory_order_relaxed);
    }
    std::fclose(file);
  }
}

}  // namespace berth::net
