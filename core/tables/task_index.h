#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/cpu.h"
#include "core/tables/spin_lock.h"

namespace berth::core {

/// Where a reservation's node is: which slab, and which node of it.
using NodeRef = uint32_t;

/// From a task's hash to the node of its reservation, shared by all threads.
///
/// Shape    64 stripes by hash, each a table of buckets; a bucket is one cache line of a lock and
///          seven entries, so that two threads that are busy with different tasks seldom exchange
///          more than one line. A stripe doubles when a bucket overflows; a table that was grown
///          out of is kept, because someone may still be reading it
/// Threads  any thread. Changing a bucket takes its lock; looking does not
/// Memory   64 bytes for each two or three tasks
class TaskIndex {
 public:
  static constexpr uint32_t kEntries = 7;

  struct alignas(64) Bucket {
    std::atomic<uint32_t> state{0};  ///< kLocked, kMoved
    std::atomic<uint64_t> entries[kEntries]{};
  };

  /// A bucket held; entries of other hashes may be in it.
  class Held {
   public:
    Held(Bucket& bucket, uint64_t hash) : bucket_(&bucket), tag_(tag_of(hash)) {}
    ~Held() {
      if (bucket_ != nullptr) bucket_->state.store(0, std::memory_order_release);
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    /// Calls `visit(NodeRef)` for what may be the task's node, until it answers true.
    template <typename Visit>
    bool each(Visit visit) const {
      for (const std::atomic<uint64_t>& entry : bucket_->entries) {
        uint64_t value = entry.load(std::memory_order_relaxed);
        if (value >> 32 == tag_ && visit(static_cast<NodeRef>(value))) return true;
      }
      return false;
    }
    bool names(NodeRef node) const;
    /// False: the bucket is full.
    bool insert(NodeRef node);
    void erase(NodeRef node);

   private:
    Bucket* bucket_;
    uint64_t tag_;
  };

  /// `tasks_max`: how many there will be at most; buckets do not grow beyond what they need.
  explicit TaskIndex(uint32_t tasks_max);
  ~TaskIndex();

  /// A task with this hash will be looked for and entered soon.
  void expect(uint64_t hash) const {
    const Stripe& stripe = stripes_[hash % kStripes];
    prefetch_to_write(&stripe.table.load(std::memory_order_acquire)->bucket(hash));
  }

  Held hold(uint64_t hash) { return {lock_bucket(hash), hash}; }

  /// Looks without the lock. False: at some moment during the call no entry had this hash.
  bool may_hold(uint64_t hash) const {
    const Stripe& stripe = stripes_[hash % kStripes];
    while (true) {
      const Bucket& bucket = stripe.table.load(std::memory_order_acquire)->bucket(hash);
      for (const std::atomic<uint64_t>& entry : bucket.entries) {
        if (entry.load(std::memory_order_acquire) >> 32 == tag_of(hash)) return true;
      }
      if ((bucket.state.load(std::memory_order_acquire) & kMoved) == 0) return false;
    }
  }

  /// Makes room around `hash`, whose bucket was full. False: it may not grow any more.
  bool grow(uint64_t hash);

 private:
  static constexpr uint32_t kStripes = 64;
  static constexpr uint32_t kLocked = 1;
  static constexpr uint32_t kMoved = 2;  ///< for good: the next table has the entries

  struct Table {
    explicit Table(uint32_t count) : mask(count - 1), buckets(new Bucket[count]) {}
    Bucket& bucket(uint64_t hash) const { return buckets[(tag_of(hash) >> 1) & mask]; }

    uint32_t mask;
    std::unique_ptr<Bucket[]> buckets;
  };
  struct alignas(64) Stripe {
    std::atomic<Table*> table{nullptr};
    SpinLock growing;
    std::vector<std::unique_ptr<Table>> tables;  ///< the last is in use
  };

  /// The upper half of the hash, never 0, which would look like an empty entry.
  static constexpr uint64_t tag_of(uint64_t hash) { return hash >> 32 | 1; }

  Bucket& lock_bucket(uint64_t hash);
  static void move_entries(Table& from, Table& to);

  uint32_t buckets_max_;
  std::unique_ptr<Stripe[]> stripes_;
};

}  // namespace berth::core
