#include "core/tables/reservations.h"

#include <algorithm>

#include "core/base/hash.h"

namespace berth::core {

namespace {

constexpr size_t kExpiredMax = 8'192;
constexpr Instant kEndOfTime{INT64_MAX};

// An id: 25 bits of node, 7 of maker, 32 of use. A NodeRef is its lower half.
constexpr uint32_t kNodeBits = 25;

constexpr NodeRef make_ref(uint32_t maker, uint32_t node) {
  return maker << kNodeBits | node;
}
constexpr uint32_t node_of(NodeRef ref) {
  return ref & ((1u << kNodeBits) - 1);
}
constexpr uint32_t maker_number(NodeRef ref) {
  return ref >> kNodeBits;
}

}  // namespace

TaskKey::TaskKey(std::string_view task) : text(task), hash(hash_text(task)) {}

Reservations::Reservations(uint32_t reservations_max, uint32_t makers)
    : chunk_(std::max(1u, reservations_max / (makers * 32))),
      unclaimed_(reservations_max),
      index_(reservations_max) {
  for (uint32_t i = 0; i < makers; ++i) {
    makers_.push_back(std::make_unique<Maker>(reservations_max));
  }
}

Reservations::~Reservations() = default;

Reservations::Maker& Reservations::maker_of(NodeRef node) const {
  return *makers_[maker_number(node)];
}

bool Reservations::holds(NodeRef node, const TaskKey& task) const {
  return maker_of(node).slab.holds(node_of(node), task.hash, task.text);
}

bool Reservations::find(const TaskKey& task, Reservation& found) const {
  return index_.each(task.hash, [&](NodeRef node) {
    ReservationSlab& slab = maker_of(node).slab;
    SpinGuard lock(slab.lock);
    if (!holds(node, task)) return false;
    found = slab.reservation(node_of(node));
    return true;
  });
}

AddStatus Reservations::add(const TaskKey& task, uint32_t maker, Reservation& reservation) {
  maker %= makers_.size();
  Maker& mine = *makers_[maker];
  NodeRef node = 0;
  {
    SpinGuard lock(mine.slab.lock);
    if (mine.slab.size() >= mine.allowance && !take_allowance(mine)) return AddStatus::Full;
    node = make_ref(maker, mine.slab.add(task.hash, task.text, reservation));
    uint64_t use = mine.slab.use_of(node_of(node));
    reservation.id = {use << 32 | node};
    mine.slab.reservation(node_of(node)).id = reservation.id;
  }
  AddStatus status = enter(task, node, reservation);
  if (status != AddStatus::Added) {
    Reservation dropped;
    erase(node, dropped);
  }
  return status;
}

/// Makes a reservation that is already in its slab findable, unless the task has another.
AddStatus Reservations::enter(const TaskKey& task, NodeRef node, Reservation& existing) {
  do {
    TaskIndex::Held bucket = index_.hold(task.hash);
    bool known = bucket.each([&](NodeRef other) {
      ReservationSlab& slab = maker_of(other).slab;
      SpinGuard lock(slab.lock);
      if (!holds(other, task)) return false;
      existing = slab.reservation(node_of(other));
      return true;
    });
    if (known) return AddStatus::Exists;
    if (bucket.insert(node)) return AddStatus::Added;
  } while (index_.grow(task.hash));
  return AddStatus::Full;
}

bool Reservations::remove(wire::ReservationId id, Reservation& removed) {
  return take(id, kEndOfTime, removed);
}

/// Takes it out if it expires at `expired_by` or before.
bool Reservations::take(wire::ReservationId id, Instant expired_by, Reservation& removed) {
  auto node = static_cast<NodeRef>(id.value);
  auto use = static_cast<uint32_t>(id.value >> 32);
  if (maker_number(node) >= makers_.size() || use == 0) return false;
  ReservationSlab& slab = maker_of(node).slab;
  if (slab.use_of(node_of(node)) != use) return false;
  {
    // While the index names the node it stays in this use, and only who takes it out of the index
    // erases it. A stale id may show another task's hash; then its bucket does not name the node.
    TaskIndex::Held bucket = index_.hold(slab.hash_of(node_of(node)));
    if (expired_by < kEndOfTime) {
      SpinGuard lock(slab.lock);
      if (slab.reservation(node_of(node)).expires > expired_by) return false;
    }
    if (slab.use_of(node_of(node)) != use || !bucket.erase(node)) return false;
  }
  erase(node, removed);
  return true;
}

bool Reservations::remove(const TaskKey& task, Reservation& removed) {
  NodeRef gone = 0;
  {
    TaskIndex::Held bucket = index_.hold(task.hash);
    bool known = bucket.each([&](NodeRef node) {
      SpinGuard lock(maker_of(node).slab.lock);
      gone = node;
      return holds(node, task);
    });
    if (!known) return false;
    bucket.erase(gone);
  }
  erase(gone, removed);
  return true;
}

void Reservations::erase(NodeRef node, Reservation& removed) {
  Maker& maker = maker_of(node);
  SpinGuard lock(maker.slab.lock);
  removed = maker.slab.reservation(node_of(node));
  maker.slab.erase(node_of(node));
  return_allowance(maker);
}

bool Reservations::report(
    const TaskKey& task,
    WorkerIndex worker,
    uint32_t generation,
    Instant until,
    Reservation& settled,
    bool& first_time) {
  return index_.each(task.hash, [&](NodeRef node) {
    ReservationSlab& slab = maker_of(node).slab;
    SpinGuard lock(slab.lock);
    if (!holds(node, task)) return false;
    Reservation& listed = slab.reservation(node_of(node));
    if (listed.worker != worker || listed.generation != generation) return false;
    first_time = !listed.reported;
    listed.reported = true;
    slab.renew(node_of(node), until);
    settled = listed;
    return true;
  });
}

void Reservations::expire(
    Instant now, uint32_t part, uint32_t sharers, std::vector<Reservation>& expired) {
  std::vector<uint32_t> nodes;
  std::vector<wire::ReservationId> ids;
  for (uint32_t at = part; at < makers_.size(); at += sharers) {
    ReservationSlab& slab = makers_[at]->slab;
    SpinGuard lock(slab.lock);
    nodes.clear();
    slab.expired(now, kExpiredMax, nodes);
    for (uint32_t node : nodes)
      ids.push_back(slab.reservation(node).id);
  }
  for (wire::ReservationId id : ids) {
    // Unless it was released, or listed by its worker and so renewed, since it was seen.
    Reservation gone;
    if (take(id, now, gone)) expired.push_back(gone);
  }
}

uint32_t Reservations::size() const {
  uint32_t size = 0;
  for (const std::unique_ptr<Maker>& maker : makers_)
    size += maker->slab.size();
  return size;
}

/// The limit is handed out in chunks, so that counting up to it is no meeting point of all threads.
bool Reservations::take_allowance(Maker& maker) {
  uint32_t left = unclaimed_.load(std::memory_order_relaxed);
  uint32_t taken = 0;
  do {
    taken = std::min(left, chunk_);
    if (taken == 0) return false;
  } while (!unclaimed_.compare_exchange_weak(left, left - taken, std::memory_order_relaxed));
  maker.allowance += taken;
  return true;
}

void Reservations::return_allowance(Maker& maker) {
  if (maker.slab.size() + 2 * chunk_ > maker.allowance) return;
  maker.allowance -= chunk_;
  unclaimed_.fetch_add(chunk_, std::memory_order_relaxed);
}

}  // namespace berth::core
