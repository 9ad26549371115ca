#include "core/placement/placement.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/placement/explain.h"
#include "core/placement/fgd.h"
#include "core/placement/search.h"

namespace berth::core {

namespace {

/// Room for the id and address of the answer where the answer can point to them.
RowText* room_for_text(Arena& text) {
  return new (text.allocate<RowText>(1)) RowText;
}

/// How many rows may turn out busy or stale before the request is told to come again. Each of them
/// means that another thread has just placed something, so the fleet as a whole has moved on.
constexpr size_t kAttemptsMax = 64;

constexpr const char* kBusy = "other requests took every place that was found: ask again";

uint32_t milliseconds_until(Instant now, Instant then) {
  return then <= now ? 0 : static_cast<uint32_t>((then - now).ms());
}

std::span<const uint16_t> list_gpus(GpuSet gpus, Arena& text) {
  if (gpus == 0) return {};
  auto* list = text.allocate<uint16_t>(std::popcount(gpus));
  size_t count = 0;
  for (GpuSet left = gpus; left != 0; left = static_cast<GpuSet>(left & (left - 1))) {
    list[count++] = static_cast<uint16_t>(std::countr_zero(left));
  }
  return {list, count};
}

}  // namespace

struct Placement::State {
  State(Tables& shared, uint32_t number, uint64_t seed)
      : tables(shared),
        thread(number),
        counters(tables.counters.of(thread)),
        search(tables.fleet, tables.names, thread, tables.settings.scatter, seed) {}

  Tables& tables;
  uint32_t thread;
  ThreadCounters& counters;
  Search search;
  TypicalTasks typical;
  std::vector<WorkerIndex> skip;
  std::vector<Reservation> expired;

  std::optional<wire::Placed> repeat(
      Now now, const TaskKey& task, wire::Policy policy, Arena& text);
  bool is_held_too_long(const wire::Place& place) const {
    return place.hold_ms > tables.settings.hold_max.ms();
  }
  wire::Reply refuse_hold(const wire::Place& place, Arena& text) const;
  bool claim_best(const Query& query, Claim& claim, bool& busy);
  wire::Reply reserve(
      Now now,
      const wire::Place& place,
      const TaskKey& task,
      const Query& query,
      const Claim& claim,
      Arena& text);
  wire::Placed placed(Now now, const Reservation& reservation, const Claim& claim, Arena& text);
  wire::Reply nowhere(const wire::Place& place, const Query& query, bool busy, Arena& text);
  bool keep(std::string_view task, const Query& query, const Claim& claim, Held& held);
  void give_back(const Query& query, const Claim& claim) {
    const Holding taken = Holding::of(query.demand, claim.gpus);
    tables.fleet.give_back(claim.worker, claim.generation, taken, true);
  }
  void give_back(const Reservation& gone) {
    tables.fleet.give_back(gone.worker, gone.generation, gone.holding, !gone.reported);
  }
};

Placement::Placement(Tables& tables, uint32_t thread, uint64_t seed)
    : state_(std::make_unique<State>(tables, thread, seed)) {}

Placement::~Placement() = default;

TypicalTasks& Placement::typical_tasks() {
  return state_->typical;
}

TaskKey Placement::expect(std::string_view task) const {
  const TaskKey key(task);
  state_->tables.reservations.expect(key, state_->thread);
  return key;
}

wire::Reply Placement::place(
    Now now, const wire::Place& place, const TaskKey& task, const Query& query, Arena& text) {
  State& self = *state_;
  if (self.is_held_too_long(place)) return self.refuse_hold(place, text);
  if (std::optional<wire::Placed> again = self.repeat(now, task, query.policy, text)) {
    return *again;
  }
  if (query.policy == wire::Policy::Fgd || query.demand.gpu_count > 0) {
    self.typical.learn(query.demand);
  }
  Claim claim;
  claim.text = room_for_text(text);
  bool busy = false;
  if (!self.claim_best(query, claim, busy)) return self.nowhere(place, query, busy, text);
  return self.reserve(now, place, task, query, claim, text);
}

wire::Reply Placement::place_at(
    Now now,
    const wire::Place& place,
    const Query& query,
    WorkerIndex worker,
    uint32_t generation,
    GpuSet gpus,
    Arena& text) {
  State& self = *state_;
  if (self.is_held_too_long(place)) return self.refuse_hold(place, text);
  const TaskKey task(place.task);
  if (std::optional<wire::Placed> again = self.repeat(now, task, query.policy, text)) {
    return *again;
  }
  Claim claim;
  claim.text = room_for_text(text);
  const GpuSet* devices = query.demand.gpu_count > 0 ? &gpus : nullptr;
  ClaimStatus status = self.tables.fleet.claim(worker, generation, query.demand, devices, claim);
  if (status != ClaimStatus::Claimed) return wire::Unplaced{wire::NoPlace::Eliminated, {}};
  return self.reserve(now, place, task, query, claim, text);
}

bool Placement::hold(std::string_view task, const Query& query, Held& held) {
  Claim claim;
  claim.text = &held.text;
  bool busy = false;
  return state_->claim_best(query, claim, busy) && state_->keep(task, query, claim, held);
}

bool Placement::hold_on(
    std::string_view task,
    const Query& query,
    WorkerIndex worker,
    uint32_t generation,
    GpuSet gpus,
    Held& held) {
  Claim claim;
  claim.text = &held.text;
  const GpuSet* devices = query.demand.gpu_count > 0 ? &gpus : nullptr;
  return state_->tables.fleet.claim(worker, generation, query.demand, devices, claim) ==
             ClaimStatus::Claimed &&
         state_->keep(task, query, claim, held);
}

bool Placement::State::keep(
    std::string_view task, const Query& query, const Claim& claim, Held& held) {
  Reservation reservation;
  reservation.worker = claim.worker;
  reservation.generation = claim.generation;
  reservation.holding = Holding::of(query.demand, claim.gpus);
  reservation.expires = kNeverExpires;
  if (tables.reservations.add(TaskKey(task), thread, reservation) != AddStatus::Added) {
    give_back(query, claim);
    return false;
  }
  held.worker = claim.worker;
  held.generation = claim.generation;
  held.gpus = claim.gpus;
  held.reservation = reservation.id;
  return true;
}

wire::Explanation Placement::explain(
    Now, const wire::Place& place, const Query& query, Arena& text) {
  return explain_placement(state_->tables, place, query, text);
}

const Holding* Placement::held_by(wire::ReservationId hold) const {
  const Reservation* found = state_->tables.reservations.of(hold, state_->thread);
  return found == nullptr ? nullptr : &found->holding;
}

void Placement::end_hold(wire::ReservationId hold) {
  State& self = *state_;
  Reservation gone;
  if (self.tables.reservations.remove_lasting(hold, self.thread, gone)) self.give_back(gone);
}

wire::Released Placement::release(const wire::Release& release) {
  State& self = *state_;
  wire::Released result;
  auto count = [&](bool found, const Reservation& gone) {
    if (found) self.give_back(gone);
    ++(found ? result.released : result.unknown);
  };
  Reservation gone;
  for (uint64_t id : release.reservations) {
    count(self.tables.reservations.remove(wire::ReservationId{id}, self.thread, gone), gone);
  }
  for (std::string_view task : release.tasks) {
    count(self.tables.reservations.remove(task, self.thread, gone), gone);
  }
  self.counters.add(Counter::Releases, result.released);
  return result;
}

size_t Placement::expire(Now now) {
  State& self = *state_;
  if (now.mono.ns < self.tables.nothing_expires_before.load()) return 0;
  self.expired.clear();
  self.tables.reservations.expire(now.mono, self.thread, self.expired);
  for (const Reservation& gone : self.expired)
    self.give_back(gone);
  self.counters.add(Counter::ReservationsExpired, self.expired.size());
  return self.expired.size();
}

wire::Reply Placement::State::refuse_hold(const wire::Place& place, Arena& text) const {
  std::string wrong = "hold is " + std::to_string(place.hold_ms) + " ms, at most " +
                      std::to_string(tables.settings.hold_max.ms()) + " ms are allowed";
  return wire::Refused{wire::Refusal::BadRequest, text.keep(wrong)};
}

/// The answer the task already has, if it has one.
std::optional<wire::Placed> Placement::State::repeat(
    Now now, const TaskKey& task, wire::Policy policy, Arena& text) {
  Reservation known;
  if (!tables.reservations.find(task, known)) return std::nullopt;
  if (known.expires <= now.mono) {
    // Not swept yet: its capacity goes back now, so that the task may have it again.
    Reservation gone;
    if (tables.reservations.remove(known.id, thread, gone)) give_back(gone);
    return std::nullopt;
  }
  Claim claim;
  claim.text = room_for_text(text);
  const Segment& segment = tables.fleet.segment(segment_of(known.worker));
  const Row& row = segment.rows[row_of(known.worker)];
  uint32_t version = 0;
  do {
    version = row.version.load(std::memory_order_acquire) & ~1u;
    claim.text->load(
        segment.text[row_of(known.worker)],
        segment.text_tail[row_of(known.worker)],
        RowText::kVersion);
    int32_t capacity = row.capacity[0].load(std::memory_order_acquire);
    int32_t free = row.free[0].load(std::memory_order_acquire);
    claim.load = capacity > 0 ? static_cast<double>(capacity - free) / capacity : 0;
    claim.generation = row.generation.load(std::memory_order_acquire);
  } while (row.version.load(std::memory_order_relaxed) != version);
  if (claim.generation != known.generation) {
    // The worker was forgotten: the reservation is worth nothing.
    Reservation gone;
    tables.reservations.remove(known.id, thread, gone);
    return std::nullopt;
  }
  wire::Placed again = placed(now, known, claim, text);
  again.repeated = true;
  counters.add_kind(Counter::PlacementsRepeated, policy);
  return again;
}

bool Placement::State::claim_best(const Query& query, Claim& claim, bool& busy) {
  skip.clear();
  for (size_t attempt = 0; attempt < kAttemptsMax; ++attempt) {
    Choice choice = search.choose(query, typical, skip);
    if (!choice.found) return false;
    ClaimStatus status = tables.fleet.claim(
        choice.worker, 0, query.demand, choice.has_gpus ? &choice.gpus : nullptr, claim);
    if (status == ClaimStatus::Claimed) return true;
    counters.add(Counter::ClaimsLost);
    busy = true;
    // A changed row may come back at its new load; a busy one is left to whoever has it.
    if (status == ClaimStatus::Busy) skip.push_back(choice.worker);
  }
  return false;
}

wire::Reply Placement::State::reserve(
    Now now,
    const wire::Place& place,
    const TaskKey& task,
    const Query& query,
    const Claim& claim,
    Arena& text) {
  Reservation reservation;
  reservation.worker = claim.worker;
  reservation.generation = claim.generation;
  reservation.holding = Holding::of(query.demand, claim.gpus);
  Duration hold =
      place.hold_ms > 0 ? Duration::milliseconds(place.hold_ms) : tables.settings.hold_default;
  reservation.expires = now.mono + hold;
  switch (tables.reservations.add(task, thread, reservation)) {
    case AddStatus::Added: break;
    case AddStatus::Exists: {
      // The same task came on another connection while this one was being placed.
      give_back(query, claim);
      if (std::optional<wire::Placed> again = repeat(now, task, query.policy, text)) {
        return *again;
      }
      return wire::Refused{wire::Refusal::Busy, kBusy};
    }
    case AddStatus::Full:
      give_back(query, claim);
      return wire::Refused{
          wire::Refusal::Busy, "the table of reservations is full: release some, or wait"};
  }
  counters.add_kind(Counter::Placements, query.policy);
  wire::Placed reply = placed(now, reservation, claim, text);
  if (place.explain) reply.explanation = explain_placement(tables, place, query, text);
  return reply;
}

wire::Placed Placement::State::placed(
    Now now, const Reservation& reservation, const Claim& claim, Arena& text) {
  wire::Placed reply;
  reply.worker = claim.text->id();
  reply.address = claim.text->address();
  reply.reservation = reservation.id;
  reply.expires_in_ms = milliseconds_until(now.mono, reservation.expires);
  reply.gpus = list_gpus(reservation.holding.gpus, text);
  reply.load = claim.load;
  return reply;
}

wire::Reply Placement::State::nowhere(
    const wire::Place& place, const Query& query, bool busy, Arena& text) {
  wire::Explanation why = explain_placement(tables, place, query, text);
  // Someone fits after all: rows were on the move while they were searched.
  if (why.eligible > 0 || (busy && why.workers > 0 && why.eliminated.empty())) {
    return wire::Refused{wire::Refusal::Busy, kBusy};
  }
  counters.add_kind(Counter::PlacementsRefused, query.policy);
  return wire::Unplaced{
      why.workers == 0 ? wire::NoPlace::NoWorkers : wire::NoPlace::Eliminated, why};
}

}  // namespace berth::core
