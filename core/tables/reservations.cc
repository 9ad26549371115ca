#include "core/tables/reservations.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/hash.h"

namespace berth::core {

namespace {

constexpr size_t kExpiredMax = 8'192;
constexpr Instant kEndOfTime{INT64_MAX};
constexpr Instant kBeforeNever{kNeverExpires.ns - 1};

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

Reservations::Reservations(uint32_t reservations_max, uint32_t threads)
    : chunk_(std::max(1u, reservations_max / (threads * 32))),
      unclaimed_(reservations_max),
      index_(reservations_max) {
  for (uint32_t i = 0; i < threads; ++i) {
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

Reservation& Reservations::reservation(NodeRef node) const {
  return maker_of(node).slab.reservation(node_of(node));
}

bool Reservations::find(const TaskKey& task, Reservation& found) {
  // Most tasks are new, and that shows without the lock.
  if (!index_.may_hold(task.hash)) return false;
  TaskIndex::Held bucket = index_.hold(task.hash);
  return bucket.each([&](NodeRef node) {
    if (!holds(node, task)) return false;
    found = reservation(node);
    return true;
  });
}

const Reservation* Reservations::of(wire::ReservationId id, uint32_t thread) const {
  const auto node = static_cast<NodeRef>(id.value);
  const auto use = static_cast<uint32_t>(id.value >> 32);
  if (use == 0 || maker_number(node) != thread) return nullptr;
  if (maker_of(node).slab.use_of(node_of(node)) != use) return nullptr;
  return &reservation(node);
}

AddStatus Reservations::add(const TaskKey& task, uint32_t thread, Reservation& wanted) {
  BERTH_CHECK(thread < makers_.size());
  Maker& mine = *makers_[thread];
  if (mine.slab.in_use() >= mine.allowance && !take_allowance(mine)) return AddStatus::Full;
  NodeRef node = make_ref(thread, mine.slab.add(task.hash, task.text, wanted));
  wanted.id = {uint64_t{mine.slab.use_of(node_of(node))} << 32 | node};
  reservation(node).id = wanted.id;
  AddStatus status = enter(task, node, wanted);
  if (status != AddStatus::Added) drop(node, thread);
  return status;
}

/// Makes a reservation that is already in its slab findable, unless the task has another.
AddStatus Reservations::enter(const TaskKey& task, NodeRef node, Reservation& existing) {
  do {
    TaskIndex::Held bucket = index_.hold(task.hash);
    bool known = bucket.each([&](NodeRef other) {
      if (!holds(other, task)) return false;
      existing = reservation(other);
      return true;
    });
    if (known) return AddStatus::Exists;
    if (bucket.insert(node)) return AddStatus::Added;
  } while (index_.grow(task.hash));
  return AddStatus::Full;
}

bool Reservations::remove(wire::ReservationId id, uint32_t thread, Reservation& removed) {
  return take(id, thread, kBeforeNever, removed);
}

bool Reservations::remove_lasting(wire::ReservationId id, uint32_t thread, Reservation& removed) {
  return take(id, thread, kEndOfTime, removed);
}

/// Takes it out if it expires at `expired_by` or before.
bool Reservations::take(
    wire::ReservationId id, uint32_t thread, Instant expired_by, Reservation& removed) {
  auto node = static_cast<NodeRef>(id.value);
  auto use = static_cast<uint32_t>(id.value >> 32);
  if (maker_number(node) >= makers_.size() || use == 0) return false;
  const ReservationSlab& slab = maker_of(node).slab;
  if (slab.use_of(node_of(node)) != use) return false;
  {
    // While the index names the node it stays in this use, and who takes it out of the index owns
    // it. A stale id may show another task's hash; then its bucket does not name the node.
    TaskIndex::Held bucket = index_.hold(slab.hash_of(node_of(node)));
    if (!bucket.names(node) || slab.use_of(node_of(node)) != use) return false;
    if (reservation(node).expires > expired_by) return false;
    bucket.erase(node);
    removed = reservation(node);
  }
  drop(node, thread);
  return true;
}

bool Reservations::remove(const TaskKey& task, uint32_t thread, Reservation& removed) {
  NodeRef gone = 0;
  {
    TaskIndex::Held bucket = index_.hold(task.hash);
    bool known = bucket.each([&](NodeRef node) {
      gone = node;
      return holds(node, task);
    });
    if (!known || reservation(gone).expires >= kNeverExpires) return false;
    bucket.erase(gone);
    removed = reservation(gone);
  }
  drop(gone, thread);
  return true;
}

/// Gives back a node that the index does not name.
void Reservations::drop(NodeRef node, uint32_t thread) {
  Maker& maker = maker_of(node);
  if (maker_number(node) != thread) return maker.slab.hand_back(node_of(node));
  maker.slab.free(node_of(node));
  return_allowance(maker);
}

bool Reservations::report(
    const TaskKey& task,
    WorkerIndex worker,
    uint32_t generation,
    Instant until,
    Reservation& settled,
    bool& first_time) {
  if (!index_.may_hold(task.hash)) return false;
  TaskIndex::Held bucket = index_.hold(task.hash);
  return bucket.each([&](NodeRef node) {
    if (!holds(node, task)) return false;
    Reservation& listed = reservation(node);
    if (listed.worker != worker || listed.generation != generation) return false;
    first_time = !listed.reported;
    listed.reported = true;
    maker_of(node).slab.renew(node_of(node), until);
    settled = listed;
    return true;
  });
}

void Reservations::expire(Instant now, uint32_t thread, std::vector<Reservation>& expired) {
  Maker& mine = *makers_[thread];
  std::vector<uint32_t> nodes;
  mine.slab.expired(now, kExpiredMax, nodes);
  for (uint32_t node : nodes) {
    // Unless somebody released it, or its worker listed it and so renewed it, since it was seen.
    Reservation gone;
    wire::ReservationId id{uint64_t{mine.slab.use_of(node)} << 32 | make_ref(thread, node)};
    if (take(id, thread, now, gone)) expired.push_back(gone);
  }
  while (mine.slab.in_use() + 2 * chunk_ <= mine.allowance)
    return_allowance(mine);
}

uint32_t Reservations::size() const {
  uint32_t size = 0;
  for (const std::unique_ptr<Maker>& maker : makers_)
    size += maker->slab.size();
  return size;
}

/// The limit is handed out in chunks, so that counting up to it is no meeting point of all threads.
bool Reservations::take_allowance(Maker& maker) {
  maker.slab.collect();
  if (maker.slab.in_use() < maker.allowance) return true;
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
  if (maker.slab.in_use() + 2 * chunk_ > maker.allowance) return;
  maker.allowance -= chunk_;
  unclaimed_.fetch_add(chunk_, std::memory_order_relaxed);
}

}  // namespace berth::core
