#include "core/tables/reservation_slab.h"

#include <cstring>

#include "core/base/hash.h"

namespace berth::core {

namespace {

constexpr int kTickShift = 27;  // 2^27 ns: 134 ms

uint64_t tick_of(Instant at) {
  return static_cast<uint64_t>(at.ns) >> kTickShift;
}

}  // namespace

void TaskText::set(std::string_view task) {
  bytes_ = static_cast<uint32_t>(task.size());
  char* to = inline_.data();
  if (bytes_ > kInline) {
    long_ = std::make_unique<char[]>(bytes_);
    to = long_.get();
  }
  if (bytes_ != 0) std::memcpy(to, task.data(), bytes_);
}

ReservationSlab::ReservationSlab(uint32_t nodes_max)
    : blocks_(make_zeroed<std::atomic<Node*>>(nodes_max / kBlock + 1)) {}

uint32_t ReservationSlab::use_of(uint32_t node) const {
  if (node >= nodes_.load(std::memory_order_acquire)) return 0;
  return at(node).use.load(std::memory_order_acquire);
}

uint32_t ReservationSlab::add(
    uint64_t hash, std::string_view task, const Reservation& reservation) {
  uint32_t node = take_node();
  Node& fresh = at(node);
  fresh.hash.store(hash, std::memory_order_relaxed);
  if (++fresh.uses == 0) ++fresh.uses;
  fresh.task.set(task);
  fresh.reservation = reservation;
  fresh.expires_ns.store(reservation.expires.ns, std::memory_order_relaxed);
  fresh.use.store(fresh.uses, std::memory_order_release);
  link(node);
  in_use_.store(in_use() + 1, std::memory_order_relaxed);
  return node;
}

void ReservationSlab::free(uint32_t node) {
  unlink(node);
  Node& gone = at(node);
  gone.use.store(0, std::memory_order_release);
  gone.task.reset();
  gone.next_free = free_;
  free_ = node + 1;
  in_use_.store(in_use() - 1, std::memory_order_relaxed);
}

void ReservationSlab::hand_back(uint32_t node) {
  handed_back_count_.fetch_add(1, std::memory_order_relaxed);
  uint32_t head = handed_back_.load(std::memory_order_relaxed);
  do {
    at(node).next_free = head;
  } while (!handed_back_.compare_exchange_weak(head, node + 1, std::memory_order_acq_rel));
}

void ReservationSlab::collect() {
  if (handed_back_.load(std::memory_order_relaxed) == 0) return;
  uint32_t next = handed_back_.exchange(0, std::memory_order_acq_rel);
  while (next != 0) {
    uint32_t node = next - 1;
    next = at(node).next_free;
    free(node);
    handed_back_count_.fetch_sub(1, std::memory_order_relaxed);
  }
}

bool ReservationSlab::holds(uint32_t node, uint64_t hash, std::string_view task) const {
  const Node& seen = at(node);
  return seen.hash.load(std::memory_order_relaxed) == hash && same_text(seen.task.get(), task);
}

void ReservationSlab::renew(uint32_t node, Instant until) {
  Node& kept = at(node);
  if (until <= kept.reservation.expires) return;
  kept.reservation.expires = until;
  kept.expires_ns.store(until.ns, std::memory_order_relaxed);
}

/// Visits the wheel's slots up to `now`. The last tick is not over, and one in which there were too
/// many is not done: they are looked at again next time.
void ReservationSlab::expired(Instant now, size_t max, std::vector<uint32_t>& nodes) {
  collect();
  uint64_t until = tick_of(now);
  if (until - swept_ > kTicks) swept_ = until > kTicks ? until - kTicks : 0;
  for (; in_use() > 0; ++swept_) {
    if (!sweep_slot(swept_ % kTicks, now, max, nodes) || swept_ == until) return;
  }
  swept_ = until;
}

/// A reservation further off than the wheel is long shares a slot with earlier ones and is passed
/// over until its time; one that was renewed moves to the slot of its new time.
bool ReservationSlab::sweep_slot(
    uint32_t slot, Instant now, size_t max, std::vector<uint32_t>& nodes) {
  uint32_t next = wheel_[slot];
  while (next != 0) {
    uint32_t node = next - 1;
    next = at(node).later;
    Instant expires{at(node).expires_ns.load(std::memory_order_relaxed)};
    if (expires <= now) {
      if (nodes.size() >= max) return false;
      nodes.push_back(node);
    } else if (tick_of(expires) % kTicks != slot) {
      unlink(node);
      link(node);
    }
  }
  return true;
}

uint32_t ReservationSlab::take_node() {
  if (free_ != 0) {
    uint32_t node = free_ - 1;
    free_ = at(node).next_free;
    return node;
  }
  uint32_t node = nodes_.load(std::memory_order_relaxed);
  if (node % kBlock == 0) {
    owned_.push_back(std::make_unique<Node[]>(kBlock));
    blocks_.get()[node / kBlock].store(owned_.back().get(), std::memory_order_release);
  }
  nodes_.store(node + 1, std::memory_order_release);
  return node;
}

void ReservationSlab::link(uint32_t node) {
  Node& linked = at(node);
  Instant expires{linked.expires_ns.load(std::memory_order_relaxed)};
  linked.slot = static_cast<uint32_t>(tick_of(expires) % kTicks);
  uint32_t& head = wheel_[linked.slot];
  linked.earlier = 0;
  linked.later = head;
  if (head != 0) at(head - 1).earlier = node + 1;
  head = node + 1;
}

void ReservationSlab::unlink(uint32_t node) {
  Node& gone = at(node);
  if (gone.later != 0) at(gone.later - 1).earlier = gone.earlier;
  if (gone.earlier != 0) {
    at(gone.earlier - 1).later = gone.later;
  } else {
    wheel_[gone.slot] = gone.later;
  }
}

}  // namespace berth::core
