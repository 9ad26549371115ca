#include "core/shard.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <vector>

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/jobs/check_spec.h"
#include "core/jobs/job_ledger.h"
#include "core/listing.h"
#include "core/placement/placement.h"
#include "core/tables/partition.h"

namespace berth::core {

namespace {

/// After a standstill nothing expires for so long: heartbeats that renew it wait to be read.
constexpr Duration kCatchUp = Duration::seconds(1);

// What it costs to write out one worker of a list, or all counters, in rows looked at.
constexpr uint64_t kRowsPerListed = 16;
constexpr uint64_t kRowsPerStats = 512;
/// And what a change of a worker costs the ledger and whoever watches.
constexpr uint64_t kRowsPerChange = 8;

/// Whether every worker that fits is scored, instead of the first good one being taken.
bool scores_all(wire::Policy policy) {
  return policy == wire::Policy::BestFit || policy == wire::Policy::Fgd ||
         policy == wire::Policy::Spread;
}

/// Compares all of both, so that the time taken does not tell how much of a guess was right.
bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

wire::WorkerChange change_of(wire::WorkerAction action) {
  switch (action) {
    case wire::WorkerAction::Cordon: return wire::WorkerChange::Cordoned;
    case wire::WorkerAction::Drain: return wire::WorkerChange::Draining;
    case wire::WorkerAction::Undrain: return wire::WorkerChange::Undrained;
    case wire::WorkerAction::Forget: break;
  }
  return wire::WorkerChange::Forgotten;
}

}  // namespace

struct Shard::State {
  State(wire::ShardId self, Tables& tables, const ServerIdentity& identity)
      : self(self),
        tables(tables),
        identity(identity),
        counters(tables.counters.of(self.value)),
        owned(self, tables.fleet, tables.names, tables.settings),
        placement(tables, self.value, identity.epoch + self.value) {}

  wire::ShardId self;
  Tables& tables;
  ServerIdentity identity;
  ThreadCounters& counters;
  Partition owned;
  Placement placement;
  Query query;  ///< reused: its lists keep their memory
  BeatOutcome outcome;
  absl::flat_hash_set<wire::ConnectionId> waiters;  ///< connections that the ledger knows
  SubmitCheck submit_check;
  std::vector<Change> aged;

  /// One request on its way through the switch.
  struct Call {
    Now now;
    wire::ConnectionId from;
    wire::RequestId id;
    std::span<const std::byte> payload;
    Effects& effects;

    template <typename Message>
    void reply(const Message& message) const {
      effects.send(from, id, message);
    }
    void refuse(wire::Refusal code, std::string_view message) const {
      reply(wire::Refused{code, effects.text.keep(message)});
    }
  };

  void on(const Call& call, const wire::Hello& hello);
  void on(const Call& call, const wire::Ping& ping) { call.reply(wire::Pong{ping.payload}); }
  void on(const Call& call, const wire::Heartbeat& beat);
  void on(const Call& call, const wire::Place& place);
  void on(const Call& call, const wire::Release& release);
  void on(const Call& call, const wire::ListWorkers& list) {
    wire::WorkerPage page = list_workers(tables, call.now, list, call.effects.text);
    call.effects.looked_at += page.rows.size() * kRowsPerListed + page.total / 64;
    call.reply(page);
  }
  void on(const Call& call, const wire::ShowWorker& show);
  void on(const Call& call, const wire::SetWorker& set);
  void on(const Call& call, const wire::GetStats&) {
    call.effects.looked_at += kRowsPerStats;
    call.reply(list_stats(tables, call.now, call.effects.text));
  }
  void on(const Call& call, const wire::ListTags&) {
    call.effects.looked_at += uint64_t{tables.names.count()} * tables.fleet.segment_count();
    call.reply(list_tags(tables, call.effects.text));
  }
  void on(const Call& call, const wire::SubmitJobs& submit);
  /// Everything else: jobs and events.
  template <typename AboutJobs>
  void on(const Call& call, const AboutJobs&) {
    ask_ledger(call);
  }

  void wait_in_ledger(const Call& call) {
    waiters.insert(call.from);
    call.effects.ledger.push_back(
        WaitForPlace{call.from, call.id, {call.payload.begin(), call.payload.end()}});
  }

  void ask_ledger(const Call& call) {
    waiters.insert(call.from);
    call.effects.to_ledger = true;
  }
  void tell_changed(
      std::string_view worker,
      WorkerIndex row,
      wire::WorkerChange change,
      std::string_view reason,
      Effects& effects) const;
  void report_running(const Call& call, const wire::Heartbeat& beat);
  void count(const BeatOutcome& beat);
  void tell_freed(Effects& effects) const;
};

Shard::Shard(wire::ShardId self, Tables& tables, const ServerIdentity& identity)
    : state_(std::make_unique<State>(self, tables, identity)) {}

Shard::~Shard() = default;

TypicalTasks& Shard::typical_tasks() {
  return state_->placement.typical_tasks();
}

wire::ShardId Shard::home_of(const wire::Request& request) const {
  const Fleet& fleet = state_->tables.fleet;
  if (const auto* beat = std::get_if<wire::Heartbeat>(&request))
    return fleet.owner_of(beat->worker);
  if (const auto* show = std::get_if<wire::ShowWorker>(&request))
    return fleet.owner_of(show->worker);
  if (const auto* set = std::get_if<wire::SetWorker>(&request)) return fleet.owner_of(set->worker);
  return state_->self;
}

void Shard::step(
    Now now,
    wire::ConnectionId from,
    wire::RequestId id,
    const wire::Request& request,
    std::span<const std::byte> payload,
    Effects& effects) {
  State& self = *state_;
  self.counters.add(Counter::Requests);
  State::Call call{now, from, id, payload, effects};
  std::visit([&](const auto& message) { self.on(call, message); }, request);
}

void Shard::State::on(const Call& call, const wire::Hello& hello) {
  auto reject = [&](wire::Refusal code, std::string_view why) {
    counters.add(Counter::ConnectionsClosedBadHello);
    call.refuse(code, why);
    call.effects.closes.push_back(call.from);
  };
  if (hello.magic != wire::kMagic) return reject(wire::Refusal::BadRequest, "not a Berth client");
  if (hello.version != wire::kProtocolVersion) {
    return reject(
        wire::Refusal::Unsupported,
        "this server speaks protocol version " + std::to_string(wire::kProtocolVersion) + ", not " +
            std::to_string(hello.version));
  }
  if (!identity.token.empty() && !same_secret(hello.token, identity.token)) {
    return reject(wire::Refusal::Denied, "wrong or missing token");
  }
  wire::Welcome welcome;
  welcome.software = identity.software;
  welcome.epoch = identity.epoch;
  welcome.server_time_ms = call.now.wall_ms;
  welcome.max_frame_bytes = identity.max_frame_bytes;
  welcome.suspicious_after_ms = static_cast<uint32_t>(tables.settings.suspicious_after.ms());
  welcome.offline_after_ms = static_cast<uint32_t>(tables.settings.offline_after.ms());
  call.reply(welcome);
}

void Shard::State::on(const Call& call, const wire::Heartbeat& beat) {
  outcome = BeatOutcome{};
  owned.heartbeat(call.now.mono, beat, outcome);
  count(outcome);
  if (outcome.refusal == wire::Refusal::None && beat.has_running) report_running(call, beat);

  wire::HeartbeatReply reply;
  reply.accepted = outcome.refusal == wire::Refusal::None;
  reply.code = outcome.refusal;
  if (!outcome.message.empty()) reply.message = call.effects.text.keep(outcome.message);
  reply.server_time_ms = call.now.wall_ms;
  reply.drain = outcome.drain;
  reply.resend_profile = outcome.resend_profile;
  call.reply(reply);
  if (outcome.change) {
    tell_changed(beat.worker, outcome.worker, *outcome.change, "", call.effects);
  }
  if (outcome.freed) tell_freed(call.effects);
}

/// A listed task is the worker's own from now on: its reservation lives as long as it is listed.
void Shard::State::report_running(const Call& call, const wire::Heartbeat& beat) {
  Instant until = call.now.mono + tables.settings.suspicious_after;
  for (std::string_view task : beat.running_tasks) {
    Reservation settled;
    bool first_time = false;
    if (tables.reservations.report(
            task, outcome.worker, outcome.generation, until, settled, first_time) &&
        first_time) {
      tables.fleet.settle(outcome.worker, outcome.generation, settled.holding);
    }
  }
}

void Shard::State::count(const BeatOutcome& beat) {
  if (beat.refusal == wire::Refusal::None) {
    counters.add(Counter::Heartbeats);
  } else {
    counters.add(
        beat.refusal == wire::Refusal::Stale ? Counter::HeartbeatsStale
                                             : Counter::HeartbeatsRefused);
  }
  if (beat.change == wire::WorkerChange::Registered) counters.add(Counter::WorkersRegistered);
  if (beat.change == wire::WorkerChange::Replaced) counters.add(Counter::WorkersReplaced);
}

void Shard::State::on(const Call& call, const wire::Place& place) {
  Arena& text = call.effects.text;
  const TaskKey task = placement.expect(place.task);
  std::string_view wrong;
  if (!compile_query(place, tables.names, query, text, wrong)) {
    return call.reply(wire::Refused{wire::Refusal::BadRequest, wrong});
  }
  // Who can wait for the policy that looks ahead is placed with the others that do.
  if (place.wait_ms > 0 && query.policy == wire::Policy::Fgd) return wait_in_ledger(call);
  wire::Reply answer = placement.place(call.now, place, task, query, text);
  if (place.explain || scores_all(query.policy) || !std::holds_alternative<wire::Placed>(answer)) {
    call.effects.looked_at += tables.fleet.workers();
  }
  if (place.wait_ms > 0 && std::holds_alternative<wire::Unplaced>(answer)) {
    return wait_in_ledger(call);
  }
  // Nearly always; copied as what it is, not as the largest of all replies.
  if (const auto* placed = std::get_if<wire::Placed>(&answer)) return call.reply(*placed);
  call.reply(answer);
}

void Shard::State::on(const Call& call, const wire::Release& release) {
  wire::Released released = placement.release(release);
  call.reply(released);
  if (released.released > 0) tell_freed(call.effects);
}

void Shard::State::on(const Call& call, const wire::ShowWorker& show) {
  std::optional<WorkerIndex> worker = owned.find(show.worker);
  if (!worker) return call.refuse(wire::Refusal::NotFound, "no such worker");
  call.reply(show_worker(tables, call.now, *worker, call.effects.text));
}

void Shard::State::on(const Call& call, const wire::SetWorker& set) {
  if (set.reason.size() > kReasonBytesMax || !is_clean_text(set.reason)) {
    return call.refuse(
        wire::Refusal::BadRequest,
        "reason must be at most " + std::to_string(kReasonBytesMax) +
            " bytes of UTF-8 without control characters");
  }
  const std::optional<WorkerIndex> row = owned.find(set.worker);
  if (!row || !owned.set_action(set.worker, set.action, set.reason)) {
    return call.refuse(wire::Refusal::NotFound, "no such worker");
  }
  call.reply(wire::Done{});
  tell_changed(set.worker, *row, change_of(set.action), set.reason, call.effects);
  if (set.action == wire::WorkerAction::Undrain) tell_freed(call.effects);
}

void Shard::State::on(const Call& call, const wire::SubmitJobs& submit) {
  std::string_view problem;
  if (!submit_check.check(submit, call.effects.text, problem)) {
    return call.reply(wire::Refused{wire::Refusal::BadRequest, problem});
  }
  ask_ledger(call);
}

/// The ledger has to know on whom to count, and tells whoever watches.
void Shard::State::tell_changed(
    std::string_view worker,
    WorkerIndex row,
    wire::WorkerChange change,
    std::string_view reason,
    Effects& effects) const {
  effects.looked_at += kRowsPerChange;
  const Row& hot = tables.fleet.segment(segment_of(row)).rows[row_of(row)];
  effects.ledger.emplace_back(
      WorkerChanged{std::string(worker), change, row, get(hot.generation), std::string(reason)});
}

/// At most one word of it for each turn: the ledger looks at the tables, not at what was freed.
void Shard::State::tell_freed(Effects& effects) const {
  // Between the store that freed the row and these loads, as between the ledger's stores of
  // `waiting` and `jobs_waiting` and its reading of rows: at least one of the two sees the other.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (tables.waiting.load(std::memory_order_relaxed) == 0 &&
      tables.jobs_waiting.load(std::memory_order_relaxed) == 0) {
    return;
  }
  if (!effects.ledger.empty() && std::holds_alternative<CapacityFreed>(effects.ledger.back()))
    return;
  effects.ledger.emplace_back(CapacityFreed{});
}

void Shard::on_closed(wire::ConnectionId connection, Effects& effects) {
  if (state_->waiters.erase(connection) > 0) {
    effects.ledger.emplace_back(CancelWaits{connection});
  }
}

void Shard::on_cooldown(Now now, const Cooldown& cooldown, Effects& effects) {
  if (state_->owned.set_cooldown(now.mono, cooldown.worker, cooldown.until)) {
    state_->tell_freed(effects);
  }
}

void Shard::on_standstill(Now now) {
  state_->owned.forgive_silence(now.mono);
  state_->tables.nothing_expires_before.store((now.mono + kCatchUp).ns);
}

void Shard::on_tick(Now now, Effects& effects) {
  State& self = *state_;
  self.aged.clear();
  const bool cooled_down = self.owned.age(now.mono, self.aged);
  for (const Change& change : self.aged) {
    self.counters.add(
        change.change == wire::WorkerChange::Offline ? Counter::WorkersOffline
                                                     : Counter::WorkersSuspicious);
    if (const std::optional<WorkerIndex> row = self.owned.find(change.worker)) {
      self.tell_changed(change.worker, *row, change.change, change.reason, effects);
    }
  }
  if (self.placement.expire(now) > 0 || cooled_down) self.tell_freed(effects);
}

}  // namespace berth::core
