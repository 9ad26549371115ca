#include "core/tables/reservations.h"

#include <array>
#include <cstring>

#include "core/base/check.h"
#include "core/base/cpu.h"
#include "core/base/hash.h"

namespace berth::core {

namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint32_t kTicks = 512;
constexpr int kTickShift = 27;  // 2^27 ns: 134 ms
constexpr uint32_t kInlineTask = 40;

uint64_t tick_of(Instant at) {
  return static_cast<uint64_t>(at.ns) >> kTickShift;
}

/// An id names its stripe, its node and the use of the node, so that it is found without a search.
struct IdParts {
  uint32_t stripe;  // 6 bits
  uint32_t node;    // 24 bits
  uint32_t use;     // 34 bits, of which 32 are used; never 0
};

wire::ReservationId make_id(IdParts parts) {
  return {uint64_t{parts.use} << 30 | uint64_t{parts.node} << 6 | parts.stripe};
}

IdParts split_id(wire::ReservationId id) {
  return {
      static_cast<uint32_t>(id.value & 63),
      static_cast<uint32_t>(id.value >> 6 & 0xFFFFFF),
      static_cast<uint32_t>(id.value >> 30)};
}

class SpinLock {
 public:
  explicit SpinLock(std::atomic<bool>& flag) : flag_(flag) {
    while (flag_.exchange(true, std::memory_order_acquire)) {
      while (flag_.load(std::memory_order_relaxed))
        cpu_relax();
    }
  }
  ~SpinLock() { flag_.store(false, std::memory_order_release); }
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

 private:
  std::atomic<bool>& flag_;
};

/// A task id: short ones in place, long ones on the heap.
class TaskText {
 public:
  void set(std::string_view task) {
    bytes_ = static_cast<uint32_t>(task.size());
    char* to = inline_.data();
    if (bytes_ > kInlineTask) {
      long_ = std::make_unique<char[]>(bytes_);
      to = long_.get();
    }
    if (bytes_ != 0) std::memcpy(to, task.data(), bytes_);
  }
  void reset() { long_.reset(); }
  std::string_view get() const {
    return {bytes_ > kInlineTask ? long_.get() : inline_.data(), bytes_};
  }

 private:
  uint32_t bytes_ = 0;
  std::array<char, kInlineTask> inline_;
  std::unique_ptr<char[]> long_;
};

}  // namespace

class alignas(64) Reservations::Stripe {
 public:
  struct Node {
    uint64_t hash = 0;
    uint32_t use = 0;       ///< grows with every reservation that lives here; 0 while free
    uint32_t uses = 0;      ///< the last value of `use`
    uint32_t next = kNone;  ///< in the chain of its hash, or among the free
    uint32_t wheel_next = kNone;
    uint32_t wheel_previous = kNone;
    uint32_t wheel_slot = 0;
    TaskText task;
    Reservation reservation;
  };

  Stripe() : heads_(kHeadsMin, kNone) { wheel_.fill(kNone); }

  std::atomic<bool> lock{false};

  Node* find(uint64_t hash, std::string_view task) {
    for (uint32_t at = heads_[hash_slot(hash)]; at != kNone; at = node(at).next) {
      if (node(at).hash == hash && node(at).task.get() == task) return &node(at);
    }
    return nullptr;
  }

  Node* find(IdParts parts) {
    if (parts.node >= nodes_used_ || parts.use == 0) return nullptr;
    Node& found = node(parts.node);
    return found.use == parts.use ? &found : nullptr;
  }

  Node& insert(
      uint32_t stripe, uint64_t hash, std::string_view task, const Reservation& reservation) {
    if (size_ >= heads_.size()) grow();
    uint32_t at = take_node();
    Node& fresh = node(at);
    fresh.hash = hash;
    fresh.use = ++fresh.uses != 0 ? fresh.uses : ++fresh.uses;
    fresh.task.set(task);
    fresh.reservation = reservation;
    fresh.reservation.id = make_id({stripe, at, fresh.use});
    fresh.next = heads_[hash_slot(hash)];
    heads_[hash_slot(hash)] = at;
    link_wheel(at);
    ++size_;
    return fresh;
  }

  void erase(Node& gone) {
    uint32_t at = split_id(gone.reservation.id).node;
    unlink_wheel(at);
    uint32_t* link = &heads_[hash_slot(gone.hash)];
    while (*link != at)
      link = &node(*link).next;
    *link = gone.next;
    gone.use = 0;
    gone.task.reset();
    gone.next = free_;
    free_ = at;
    --size_;
  }

  void renew(Node& kept, Instant until) {
    if (until <= kept.reservation.expires) return;
    uint32_t at = split_id(kept.reservation.id).node;
    unlink_wheel(at);
    kept.reservation.expires = until;
    link_wheel(at);
  }

  /// Visits the wheel's slots up to `now`, each at most once. A reservation further off than the
  /// wheel is long shares a slot with earlier ones and is passed over until its time.
  void expire(Instant now, std::vector<Reservation>& expired) {
    uint64_t until = tick_of(now);
    if (swept_ == 0 || until - swept_ > kTicks) swept_ = until > kTicks ? until - kTicks : 0;
    for (; swept_ <= until; ++swept_) {
      for (uint32_t at = wheel_[swept_ % kTicks]; at != kNone;) {
        Node& seen = node(at);
        at = seen.wheel_next;
        if (seen.reservation.expires > now) continue;
        expired.push_back(seen.reservation);
        erase(seen);
      }
    }
    // The current tick is not over: it is looked at again next time.
    swept_ = until;
  }

  bool empty() const { return size_ == 0; }

 private:
  static constexpr uint32_t kHeadsMin = 64;
  static constexpr uint32_t kBlock = 256;  // nodes; blocks never move, so neither do nodes

  Node& node(uint32_t at) { return blocks_[at / kBlock][at % kBlock]; }
  size_t hash_slot(uint64_t hash) const { return (hash >> 8) & (heads_.size() - 1); }

  uint32_t take_node() {
    if (free_ != kNone) {
      uint32_t at = free_;
      free_ = node(at).next;
      return at;
    }
    if (nodes_used_ % kBlock == 0) blocks_.push_back(std::make_unique<Node[]>(kBlock));
    return nodes_used_++;
  }

  void grow() {
    std::vector<uint32_t> bigger(heads_.size() * 2, kNone);
    bigger.swap(heads_);
    for (uint32_t head : bigger) {
      while (head != kNone) {
        Node& moved = node(head);
        uint32_t next = moved.next;
        moved.next = heads_[hash_slot(moved.hash)];
        heads_[hash_slot(moved.hash)] = head;
        head = next;
      }
    }
  }

  void link_wheel(uint32_t at) {
    Node& linked = node(at);
    linked.wheel_slot = static_cast<uint32_t>(tick_of(linked.reservation.expires) % kTicks);
    uint32_t& head = wheel_[linked.wheel_slot];
    linked.wheel_previous = kNone;
    linked.wheel_next = head;
    if (head != kNone) node(head).wheel_previous = at;
    head = at;
  }

  void unlink_wheel(uint32_t at) {
    Node& gone = node(at);
    if (gone.wheel_next != kNone) node(gone.wheel_next).wheel_previous = gone.wheel_previous;
    if (gone.wheel_previous != kNone) {
      node(gone.wheel_previous).wheel_next = gone.wheel_next;
    } else {
      wheel_[gone.wheel_slot] = gone.wheel_next;
    }
  }

  uint32_t size_ = 0;
  uint32_t nodes_used_ = 0;
  uint32_t free_ = kNone;
  uint64_t swept_ = 0;
  std::vector<uint32_t> heads_;
  std::vector<std::unique_ptr<Node[]>> blocks_;
  std::array<uint32_t, kTicks> wheel_;
};

TaskKey::TaskKey(std::string_view task) : text(task), hash(hash_text(task)) {}

Reservations::Reservations(uint32_t reservations_max)
    : reservations_max_(reservations_max), stripes_(std::make_unique<Stripe[]>(kStripes)) {}

Reservations::~Reservations() = default;

Reservations::Stripe& Reservations::stripe_of(uint64_t hash) const {
  return stripes_[hash % kStripes];
}

bool Reservations::find(const TaskKey& task, Reservation& found) const {
  Stripe& stripe = stripe_of(task.hash);
  SpinLock lock(stripe.lock);
  const Stripe::Node* node = stripe.find(task.hash, task.text);
  if (node == nullptr) return false;
  found = node->reservation;
  return true;
}

AddStatus Reservations::add(const TaskKey& task, Reservation& reservation) {
  Stripe& stripe = stripe_of(task.hash);
  SpinLock lock(stripe.lock);
  if (const Stripe::Node* node = stripe.find(task.hash, task.text)) {
    reservation = node->reservation;
    return AddStatus::Exists;
  }
  if (size_.load(std::memory_order_relaxed) >= reservations_max_) return AddStatus::Full;
  size_.fetch_add(1, std::memory_order_relaxed);
  reservation.id =
      stripe.insert(static_cast<uint32_t>(task.hash % kStripes), task.hash, task.text, reservation)
          .reservation.id;
  return AddStatus::Added;
}

bool Reservations::remove(wire::ReservationId id, Reservation& removed) {
  IdParts parts = split_id(id);
  Stripe& stripe = stripes_[parts.stripe];
  SpinLock lock(stripe.lock);
  Stripe::Node* node = stripe.find(parts);
  if (node == nullptr) return false;
  removed = node->reservation;
  stripe.erase(*node);
  size_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

bool Reservations::remove(const TaskKey& task, Reservation& removed) {
  Stripe& stripe = stripe_of(task.hash);
  SpinLock lock(stripe.lock);
  Stripe::Node* node = stripe.find(task.hash, task.text);
  if (node == nullptr) return false;
  removed = node->reservation;
  stripe.erase(*node);
  size_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

bool Reservations::report(
    const TaskKey& task,
    WorkerIndex worker,
    uint32_t generation,
    Instant until,
    Reservation& settled,
    bool& first_time) {
  Stripe& stripe = stripe_of(task.hash);
  SpinLock lock(stripe.lock);
  Stripe::Node* node = stripe.find(task.hash, task.text);
  if (node == nullptr || node->reservation.worker != worker ||
      node->reservation.generation != generation) {
    return false;
  }
  first_time = !node->reservation.reported;
  node->reservation.reported = true;
  stripe.renew(*node, until);
  settled = node->reservation;
  return true;
}

void Reservations::expire(
    Instant now, uint32_t part, uint32_t sharers, std::vector<Reservation>& expired) {
  size_t before = expired.size();
  for (uint32_t at = part; at < kStripes; at += sharers) {
    SpinLock lock(stripes_[at].lock);
    if (!stripes_[at].empty()) stripes_[at].expire(now, expired);
  }
  size_.fetch_sub(static_cast<uint32_t>(expired.size() - before), std::memory_order_relaxed);
}

}  // namespace berth::core
