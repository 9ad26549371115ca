#include "core/tables/task_index.h"

#include <algorithm>
#include <bit>

namespace berth::core {

namespace {

constexpr uint32_t kBucketsMin = 4;

}  // namespace

bool TaskIndex::Held::insert(NodeRef node) {
  for (std::atomic<uint64_t>& entry : bucket_->entries) {
    if (entry.load(std::memory_order_relaxed) != 0) continue;
    entry.store(tag_ << 32 | node, std::memory_order_release);
    return true;
  }
  return false;
}

bool TaskIndex::Held::names(NodeRef node) const {
  return each([node](NodeRef other) { return other == node; });
}

void TaskIndex::Held::erase(NodeRef node) {
  for (std::atomic<uint64_t>& entry : bucket_->entries) {
    if (entry.load(std::memory_order_relaxed) == (tag_ << 32 | node)) {
      entry.store(0, std::memory_order_release);
    }
  }
}

// One task a bucket, on average, at the limit: seven are then exceeded once in a million buckets.
TaskIndex::TaskIndex(uint32_t tasks_max)
    : buckets_max_(std::bit_ceil(tasks_max / kStripes + 1)),
      stripes_(std::make_unique<Stripe[]>(kStripes)) {
  for (uint32_t i = 0; i < kStripes; ++i) {
    Stripe& stripe = stripes_[i];
    stripe.tables.push_back(std::make_unique<Table>(std::min(kBucketsMin, buckets_max_)));
    stripe.table.store(stripe.tables.back().get(), std::memory_order_release);
  }
}

TaskIndex::~TaskIndex() = default;

TaskIndex::Bucket& TaskIndex::lock_bucket(uint64_t hash) {
  const Stripe& stripe = stripes_[hash % kStripes];
  while (true) {
    Bucket& bucket = stripe.table.load(std::memory_order_acquire)->bucket(hash);
    uint32_t state = 0;
    if (bucket.state.compare_exchange_weak(state, kLocked, std::memory_order_acquire))
      return bucket;
    // Held for a moment; or moved, and the next look finds the new table.
    cpu_relax();
  }
}

bool TaskIndex::grow(uint64_t hash) {
  Stripe& stripe = stripes_[hash % kStripes];
  Table* full = stripe.table.load(std::memory_order_acquire);
  SpinGuard guard(stripe.growing);
  if (stripe.table.load(std::memory_order_relaxed) != full) return true;  // someone else has
  if (full->mask + 1 >= buckets_max_) return false;
  auto bigger = std::make_unique<Table>((full->mask + 1) * 2);
  move_entries(*full, *bigger);
  stripe.table.store(bigger.get(), std::memory_order_release);
  for (uint32_t i = 0; i <= full->mask; ++i) {
    full->buckets[i].state.store(kMoved, std::memory_order_release);
  }
  stripe.tables.push_back(std::move(bigger));
  return true;
}

/// Locks every bucket of `from` and leaves it so. Each bucket of `to` is filled from one bucket of
/// `from`, so none of them overflows.
void TaskIndex::move_entries(Table& from, Table& to) {
  for (uint32_t i = 0; i <= from.mask; ++i) {
    Bucket& bucket = from.buckets[i];
    uint32_t state = 0;
    while (!bucket.state.compare_exchange_weak(state, kLocked, std::memory_order_acquire)) {
      state = 0;
      cpu_relax();
    }
    for (const std::atomic<uint64_t>& entry : bucket.entries) {
      uint64_t value = entry.load(std::memory_order_relaxed);
      if (value == 0) continue;
      Bucket& home = to.bucket(value);
      auto room = std::find_if(std::begin(home.entries), std::end(home.entries), [](auto& slot) {
        return slot.load(std::memory_order_relaxed) == 0;
      });
      room->store(value, std::memory_order_relaxed);
    }
  }
}

}  // namespace berth::core
