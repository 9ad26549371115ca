#include "core/jobs/job_ledger.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/jobs/ledger_state.h"

namespace berth::core {

namespace {

/// Changes and dependants that are worked off in one turn: a few milliseconds.
constexpr size_t kSweepPerTurn = 4'096;
/// Jobs that are looked at for clients who wait for them.
constexpr size_t kLooksPerTurn = 8'192;
constexpr size_t kDuePerTick = 16'384;

/// The ledger counts after the shards and the gateway.
uint32_t thread_of(const Settings& settings) {
  return settings.shards + 1u;
}

}  // namespace

JobLedger::State::State(Tables& shared, const JobSettings& chosen, uint64_t seed)
    : tables(shared),
      settings(chosen),
      counters(shared.counters.of(thread_of(shared.settings))),
      rng(seed),
      placement(shared, thread_of(shared.settings), seed),
      events(chosen.events_kept),
      classes(shared),
      census(shared.counters.gauges, counters),
      holds(shared.counters.gauges),
      planner(settings.plan) {}

JobLedger::JobLedger(Tables& tables, const JobSettings& settings, uint64_t seed)
    : state_(std::make_unique<State>(tables, settings, seed)) {}

JobLedger::~JobLedger() = default;

bool JobLedger::handles(const wire::Request& request) {
  return std::visit(
      []<typename Message>(const Message&) {
        return std::is_same_v<Message, wire::SubmitJobs> ||
               std::is_same_v<Message, wire::ListJobs> || std::is_same_v<Message, wire::ShowJob> ||
               std::is_same_v<Message, wire::ExplainJob> ||
               std::is_same_v<Message, wire::ChangeJobs> ||
               std::is_same_v<Message, wire::WaitJobs> || std::is_same_v<Message, wire::Watch> ||
               std::is_same_v<Message, wire::WatchJobs> || std::is_same_v<Message, wire::ReadLog> ||
               std::is_same_v<Message, wire::BackUp> || std::is_same_v<Message, wire::ListPlans> ||
               std::is_same_v<Message, wire::GetPlan> ||
               std::is_same_v<Message, wire::AttachWorker> ||
               std::is_same_v<Message, wire::NextJobs> || std::is_same_v<Message, wire::Report> ||
               std::is_same_v<Message, wire::LogPiece>;
      },
      request);
}

void JobLedger::step(
    Now now,
    wire::ConnectionId from,
    wire::RequestId id,
    const wire::Request& request,
    Effects& effects) {
  const State::Call call{now, from, id, effects};
  std::visit([&](const auto& message) { state_->on(call, message); }, request);
}

void JobLedger::on_closed(Now now, wire::ConnectionId connection, Effects& effects) {
  state_->connection_closed(now, connection, effects);
}

void JobLedger::on_worker_changed(Now now, const WorkerChanged& changed, Effects& effects) {
  wire::JobEvent event = State::event_of(now, wire::EventKind::Worker);
  event.worker = changed.worker;
  event.worker_change = changed.change;
  event.reason = changed.reason;
  state_->events.add(event);
  state_->worker_changed(now, changed, effects);
}

void JobLedger::on_planned(Now now, uint64_t plan, uint32_t placed) {
  wire::JobEvent event = State::event_of(now, wire::EventKind::Plan);
  event.plan = plan;
  event.count = placed;
  state_->events.add(event);
}

void JobLedger::on_capacity_freed() {
  state_->freed = true;
}

void JobLedger::on_tick(Now now, Effects& effects) {
  State& self = *state_;
  self.due.clear();
  self.deadlines.take_due(now.mono, kDuePerTick, self.due);
  const std::vector<Deadlines::Due> due = std::exchange(self.due, {});
  for (const Deadlines::Due& one : due)
    self.on_due(now, one, effects);
  self.write_started(now);
  self.check_planner(now);
  self.retire(now);
  self.save_experience(now);
  self.census.publish_oldest(self.jobs);
  const uint64_t waiting =
      self.census.in(wire::JobState::Pending) + self.census.in(wire::JobState::Retrying);
  self.holds.go_on(self.jobs, waiting, [&](const Job& job) { return self.hold_of(now, job); });
  if (std::erase_if(self.away, [&](const State::Away& one) { return one.until <= now.mono; }) > 0) {
    self.freed = true;
  }
}

bool JobLedger::end_turn(Now now, StoreBatch& group, Effects& effects) {
  State& self = *state_;
  bool more = self.sweep(now, kSweepPerTurn);
  more = self.settle_dependants(now, kSweepPerTurn) || more;
  more = self.dispatch(now, effects) || more;
  more = self.count_waits(now, kLooksPerTurn) || more;
  if (std::exchange(self.released, false) &&
      self.tables.waiting.load(std::memory_order_relaxed) > 0) {
    effects.ledger.emplace_back(CapacityFreed{});  // for requests that wait for a place
  }
  self.write_rows(now);
  self.census.publish();
  more = self.events.tell(self.outbox) || more;
  self.tables.watchers.store(self.events.watchers(), std::memory_order_relaxed);
  self.outbox.close(group, effects);
  return !more;
}

std::unique_ptr<JobSnapshot> JobLedger::take_snapshot(Now now) {
  return state_->take_snapshot(now);
}

std::optional<wire::PlanOutcome> JobLedger::on_plan(Now now, const JobPlan& plan) {
  return state_->on_plan(now, plan);
}

wire::PlannerHealth JobLedger::planner_health(Now now) const {
  return state_->planner.health(now);
}

void JobLedger::on_durable(Now, uint64_t sequence, Effects& effects) {
  state_->outbox.on_durable(sequence, effects);
}

uint32_t JobLedger::groups_open() const {
  return state_->outbox.open();
}

}  // namespace berth::core
