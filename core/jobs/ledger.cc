#include "core/jobs/ledger.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "core/jobs/waiting_line.h"
#include "core/placement/placement.h"
#include "core/placement/typical_tasks.h"
#include "core/plan/snapshot.h"
#include "wire/decode.h"

namespace berth::core {

namespace {

/// A planner that takes longer is not waited for.
constexpr Duration kPlanTimeMax = Duration::seconds(1);

/// Each may cost a look at every worker; a tick must not hold up the thread.
constexpr size_t kGreedyPerTick = 64;
constexpr size_t kTimeoutsPerTick = 256;

/// The ledger counts after the shards and the gateway.
uint32_t thread_of(const Settings& settings) {
  return settings.shards + 1u;
}

}  // namespace

struct Ledger::State {
  explicit State(Tables& shared)
      : tables(shared),
        counters(shared.counters.of(thread_of(shared.settings))),
        placement(shared, thread_of(shared.settings), thread_of(shared.settings)) {}

  struct PlanUnderWay {
    uint64_t plan_id = 0;
    Instant asked;
    std::vector<Turn> turns;  ///< of the snapshot's tasks
  };

  Tables& tables;
  ThreadCounters& counters;
  Placement placement;
  WaitingLine line;
  bool changed = false;             ///< something may fit since the last look at the whole queue
  std::optional<Turn> resume;       ///< the budget ended here: the rest is to be planned
  std::optional<Turn> greedy_from;  ///< no plan came: placing greedily, everything after this
  std::optional<PlanUnderWay> under_way;
  uint64_t plans = 0;
  wire::Decoder decoder;
  wire::Request message;  ///< what `read` decoded last
  Query query;            ///< and compiled

  const wire::Place* read(const std::vector<std::byte>& frame, Arena& text);
  void wait(Now now, WaitForPlace&& arrival, Effects& effects);
  void publish_size() {
    tables.waiting.store(static_cast<uint32_t>(line.size()), std::memory_order_relaxed);
  }
  void serve(
      Now now,
      Turn turn,
      const WaitingRequest& waiting,
      const wire::Reply& reply,
      Effects& effects);
  void publish_oldest();
  std::vector<SnapshotTask> tasks_after(std::optional<Turn> turn, std::vector<Turn>& turns);
  bool enact(Now now, const PlannedTask& planned, Effects& effects);
  bool still_matches(const PlannedTask& planned) const;
  void place_greedily(Now now, Effects& effects);
  void time_out(Now now, Effects& effects);
  std::optional<wire::Reply> greedy_answer(Now now, const wire::Place& place, Arena& text);
  wire::Reply last_answer(Now now, const WaitingRequest& waiting, uint32_t position, Arena& text);
};

Ledger::Ledger(Tables& tables) : state_(std::make_unique<State>(tables)) {}
Ledger::~Ledger() = default;

TypicalTasks& Ledger::typical_tasks() {
  return state_->placement.typical_tasks();
}

void Ledger::step(Now now, LedgerEvent&& event, Effects& effects) {
  State& self = *state_;
  if (auto* arrival = std::get_if<WaitForPlace>(&event)) {
    self.wait(now, std::move(*arrival), effects);
  } else if (const auto* cancel = std::get_if<CancelWaits>(&event)) {
    self.line.remove_all_of(cancel->from);
    self.publish_size();
  } else {
    self.changed = true;
  }
}

/// Null when the frame is no good Place, which the shard has checked before. Compiled anew each
/// time: a tag that nobody had when the request came may have been advertised since.
const wire::Place* Ledger::State::read(const std::vector<std::byte>& frame, Arena& text) {
  if (decoder.decode(frame, message) != wire::DecodeStatus::Ok) return nullptr;
  const auto* place = std::get_if<wire::Place>(&message);
  std::string_view wrong;
  if (place == nullptr || !compile_query(*place, tables.names, query, text, wrong)) return nullptr;
  return place;
}

void Ledger::State::wait(Now now, WaitForPlace&& arrival, Effects& effects) {
  const wire::Place* place = read(arrival.frame, effects.text);
  if (place == nullptr) {
    wire::Refused refused{wire::Refusal::BadRequest, "only a valid request to place can wait"};
    return effects.send(arrival.from, arrival.request, refused);
  }
  if (line.size() >= tables.settings.waiting_max) {
    if (const auto placed = greedy_answer(now, *place, effects.text)) {
      return effects.send(arrival.from, arrival.request, *placed);
    }
    wire::Explanation why = placement.explain(now, *place, query, effects.text);
    return effects.send(
        arrival.from, arrival.request, wire::Unplaced{wire::NoPlace::QueueFull, why});
  }
  if (query.policy == wire::Policy::Fgd || query.demand.gpu_count > 0) {
    placement.typical_tasks().learn(query.demand);
  }
  Duration patience = std::min(Duration::milliseconds(place->wait_ms), tables.settings.wait_max);
  line.add(
      place->priority,
      {arrival.from, arrival.request, std::move(arrival.frame), now.mono + patience, now.mono});
  publish_size();
  counters.add(Counter::PlacementsWaited);
  changed = true;
}

/// Answers the request and takes it out of the queue.
void Ledger::State::serve(
    Now now, Turn turn, const WaitingRequest& waiting, const wire::Reply& reply, Effects& effects) {
  counters.measure(Measure::PlacementWait, now.mono - waiting.since);
  effects.send(waiting.from, waiting.request, reply);
  line.remove(turn);
  publish_size();
}

void Ledger::State::publish_oldest() {
  const WaitingRequest* oldest = line.oldest();
  tables.counters.gauges.oldest_waiting_ns.store(
      oldest != nullptr ? oldest->since.ns : 0, std::memory_order_relaxed);
}

std::unique_ptr<const Snapshot> Ledger::take_snapshot(Now now) {
  State& self = *state_;
  if (self.line.empty() || self.under_way || self.greedy_from) return nullptr;
  if (!self.changed && !self.resume) return nullptr;
  // Pairs with the fence of a shard that frees capacity: either it sees that something waits and
  // says so, or what it freed is in this snapshot.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  State::PlanUnderWay plan{++self.plans, now.mono, {}};
  auto snapshot = std::make_unique<Snapshot>();
  snapshot->plan_id = plan.plan_id;
  snapshot->tasks = self.tasks_after(self.resume, plan.turns);
  if (self.resume && snapshot->tasks.empty()) {
    self.resume.reset();
    return take_snapshot(now);
  }
  if (!self.resume) self.changed = false;
  snapshot_workers(self.tables.fleet, snapshot->workers);
  resolve_tasks(self.tables.fleet, self.tables.names, snapshot->tasks);
  snapshot->typical = self.placement.typical_tasks().tasks();
  self.under_way = std::move(plan);
  self.counters.add(Counter::PlannerRuns);
  return snapshot;
}

std::vector<SnapshotTask> Ledger::State::tasks_after(
    std::optional<Turn> turn, std::vector<Turn>& turns) {
  const WaitingLine::Requests& requests = line.in_order();
  std::vector<SnapshotTask> tasks;
  Arena text;
  for (auto at = turn ? requests.upper_bound(*turn) : requests.begin(); at != requests.end();
       ++at) {
    if (read(at->second.frame, text) == nullptr) continue;
    tasks.push_back({at->first.ticket, at->first.priority, query, {}, {}});
    turns.push_back(at->first);
  }
  return tasks;
}

uint32_t Ledger::on_plan(Now now, const Plan& plan, Effects& effects) {
  State& self = *state_;
  if (!self.under_way || plan.plan_id != self.under_way->plan_id) return 0;
  State::PlanUnderWay asked = std::move(*self.under_way);
  self.under_way.reset();
  self.counters.add(Counter::PlansMade);
  self.counters.measure(Measure::PlanLatency, now.mono - asked.asked);
  // A plan that has not tried even one task would be asked for again for ever.
  bool goes_on = !plan.complete && plan.tried > 0 && plan.tried <= asked.turns.size();
  self.resume = goes_on ? std::optional<Turn>(asked.turns[plan.tried - 1]) : std::nullopt;
  uint32_t placed = 0;
  for (const PlannedTask& planned : plan.assignments)
    placed += self.enact(now, planned, effects) ? 1 : 0;
  return placed;
}

bool Ledger::State::enact(Now now, const PlannedTask& planned, Effects& effects) {
  const auto* waiting = line.find(planned.ticket);
  if (waiting == nullptr) return false;
  const wire::Place* place = read(waiting->second.frame, effects.text);
  if (place == nullptr) return false;
  if (!still_matches(planned)) {
    changed = true;
    return false;
  }
  wire::Reply reply = placement.place_at(
      now, *place, query, planned.worker, planned.generation, planned.gpus, effects.text);
  if (std::holds_alternative<wire::Placed>(reply)) {
    serve(now, waiting->first, waiting->second, reply, effects);
    return true;
  }
  // Refused, as when the table of reservations is full: it waits on until something is freed.
  if (std::holds_alternative<wire::Unplaced>(reply)) changed = true;
  return false;
}

/// The claim checks capacity and that the worker is the same one; its names may have changed.
bool Ledger::State::still_matches(const PlannedTask& planned) const {
  SnapshotWorker worker;
  return snapshot_worker(tables.fleet, planned.worker, worker) &&
         worker.generation == planned.generation && has_names(worker, query);
}

void Ledger::on_tick(Now now, Effects& effects) {
  State& self = *state_;
  if (self.placement.expire(now) > 0) self.changed = true;
  self.time_out(now, effects);
  if (self.under_way && now.mono - self.under_way->asked >= kPlanTimeMax) {
    self.counters.add(Counter::PlannerFallbacks);
    self.under_way.reset();
    self.resume.reset();
    self.greedy_from = Turn{std::numeric_limits<int32_t>::max(), 0};
  }
  if (self.greedy_from) self.place_greedily(now, effects);
  self.publish_oldest();
}

void Ledger::State::place_greedily(Now now, Effects& effects) {
  const WaitingLine::Requests& requests = line.in_order();
  auto at = requests.upper_bound(*greedy_from);
  for (size_t tried = 0; tried < kGreedyPerTick && at != requests.end(); ++tried) {
    auto [turn, waiting] = std::pair<Turn, const WaitingRequest&>(at->first, at->second);
    ++at;
    greedy_from = turn;
    const wire::Place* place = read(waiting.frame, effects.text);
    if (place == nullptr) continue;
    wire::Reply reply = placement.place(now, *place, place->task, query, effects.text);
    if (std::holds_alternative<wire::Placed>(reply)) serve(now, turn, waiting, reply, effects);
  }
  if (at == requests.end()) greedy_from.reset();
}

void Ledger::State::time_out(Now now, Effects& effects) {
  if (!line.any_due(now.mono)) return;
  std::vector<Turn> due = line.due(now.mono, kTimeoutsPerTick);
  std::sort(due.begin(), due.end());
  uint32_t position = 0;
  auto next = due.begin();
  std::vector<std::pair<Turn, uint32_t>> positions;
  for (auto at = line.in_order().begin(); next != due.end(); ++at) {
    ++position;
    if (!(at->first == *next)) continue;
    positions.emplace_back(*next, position);
    ++next;
  }
  for (const auto& [turn, place_in_queue] : positions) {
    const WaitingRequest& waiting = line.find(turn.ticket)->second;
    serve(now, turn, waiting, last_answer(now, waiting, place_in_queue, effects.text), effects);
  }
}

/// Requests whose policy looks ahead come here untried: before one is refused, greedy has its say.
std::optional<wire::Reply> Ledger::State::greedy_answer(
    Now now, const wire::Place& place, Arena& text) {
  if (query.policy != wire::Policy::Fgd) return std::nullopt;
  wire::Reply reply = placement.place(now, place, place.task, query, text);
  if (!std::holds_alternative<wire::Placed>(reply)) return std::nullopt;
  return reply;
}

wire::Reply Ledger::State::last_answer(
    Now now, const WaitingRequest& waiting, uint32_t position, Arena& text) {
  wire::Unplaced late{wire::NoPlace::TimedOut, {}};
  if (const wire::Place* place = read(waiting.frame, text)) {
    // The same task may have come twice, and been placed for the other request.
    Reservation known;
    if (tables.reservations.find(place->task, known) && known.expires > now.mono) {
      wire::Reply repeated = placement.place_at(
          now, *place, query, known.worker, known.generation, known.holding.gpus, text);
      if (std::holds_alternative<wire::Placed>(repeated)) return repeated;
    }
    if (auto placed = greedy_answer(now, *place, text)) return *placed;
    late.explanation = placement.explain(now, *place, query, text);
  }
  late.explanation.queue_position = position;
  return late;
}

}  // namespace berth::core
