#include "net/client/pending.h"

#include <algorithm>

namespace berth::client {
namespace {

constexpr uint32_t kSlotBits = 20;
constexpr uint32_t kSlotMask = (1u << kSlotBits) - 1;

// A frame this large is seldom seen again; its slot does not keep the memory.
constexpr size_t kFrameKeptMax = 4096;

}  // namespace

// The oldest free slot first: its number has been out of use the longest, so that 4,095 uses lie
// as far apart as they can.
uint32_t PendingTable::take_slot() {
  if (free_first_ != kNone) {
    const uint32_t index = free_first_;
    free_first_ = slot(index).next;
    if (free_first_ == kNone) free_last_ = kNone;
    return index;
  }
  if (slots_ == slots_max_) return kNone;
  if (slots_ % kChunk == 0) chunks_.push_back(std::make_unique<Pending[]>(kChunk));
  slot(slots_).id.value = slots_;
  return slots_++;
}

Pending* PendingTable::add(uint64_t deadline_ms) {
  const uint32_t index = take_slot();
  if (index == kNone) return nullptr;
  Pending& pending = slot(index);
  uint32_t use = (pending.id.value >> kSlotBits) + 1;
  if (use == 1u << (32 - kSlotBits)) use = 1;  // 0 would make request id 0, the server's own
  pending.id.value = use << kSlotBits | index;
  pending.deadline_ms = deadline_ms;
  pending.order = ++order_;
  pending.sent = pending.was_sent = false;
  pending.resend = Resend::Never;
  link(index);
  ++used_;
  return &pending;
}

Pending* PendingTable::find(wire::RequestId id) {
  const uint32_t index = id.value & kSlotMask;
  if (index >= slots_) return nullptr;
  Pending& pending = slot(index);
  // A free slot keeps its number with order 0.
  return pending.id == id && pending.order != 0 ? &pending : nullptr;
}

void PendingTable::remove(Pending& pending) {
  const uint32_t index = pending.id.value & kSlotMask;
  unlink(index);
  pending.order = 0;
  pending.handler = Ignored{};
  pending.frame.clear();
  if (pending.frame.capacity() > kFrameKeptMax) pending.frame.shrink_to_fit();
  pending.next = kNone;
  if (free_last_ == kNone) {
    free_first_ = index;
  } else {
    slot(free_last_).next = index;
  }
  free_last_ = index;
  --used_;
}

void PendingTable::link(uint32_t index) {
  Pending& pending = slot(index);
  uint32_t& head = bucket_of(pending.deadline_ms);
  pending.previous = kNone;
  pending.next = head;
  if (head != kNone) slot(head).previous = index;
  head = index;
}

void PendingTable::unlink(uint32_t index) {
  Pending& pending = slot(index);
  if (pending.next != kNone) slot(pending.next).previous = pending.previous;
  if (pending.previous != kNone) {
    slot(pending.previous).next = pending.next;
  } else {
    bucket_of(pending.deadline_ms) = pending.next;
  }
}

void PendingTable::collect_expired(uint64_t now_ms, std::vector<wire::RequestId>& expired) {
  const uint64_t tick = now_ms / kTickMs;
  // After a long sleep one whole turn sees every bucket.
  uint64_t from = std::max(swept_tick_, tick >= kBuckets ? tick - kBuckets + 1 : 0);
  for (; from <= tick; ++from) {
    for (uint32_t i = buckets_[from % kBuckets]; i != kNone; i = slot(i).next) {
      if (slot(i).deadline_ms <= now_ms) expired.push_back(slot(i).id);
    }
  }
  swept_tick_ = tick;
}

void PendingTable::collect_all(std::vector<wire::RequestId>& all) {
  std::vector<std::pair<uint64_t, wire::RequestId>> ordered;
  ordered.reserve(used_);
  for (uint32_t i = 0; i < slots_; ++i) {
    if (slot(i).order != 0) ordered.push_back({slot(i).order, slot(i).id});
  }
  std::sort(ordered.begin(), ordered.end());
  for (const auto& [order, id] : ordered)
    all.push_back(id);
}

}  // namespace berth::client
