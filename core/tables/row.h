#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "core/base/cpu.h"
#include "core/placement/node.h"
#include "core/settings.h"
#include "core/tables/load_index.h"

namespace berth::core {

/// Why a row may not be placed on, and what it is.
enum RowFlag : uint32_t {
  kLive = 1,  // a worker is registered here
  kCordoned = 2,
  kDraining = 4,
  kSuspicious = 8,  // placed on only when nothing online fits
  kOffline = 16,
  kCooling = 32,  // it failed a job, or nobody speaks for it; ends by itself
  kPatient = 64,  // it has its own time until it is offline
};
inline constexpr uint32_t kNotPlaceable = kCordoned | kDraining | kOffline | kCooling;

constexpr bool is_placeable(uint32_t flags) {
  return (flags & kLive) != 0 && (flags & kNotPlaceable) == 0;
}

/// What a placement reads and changes of a worker: two cache lines.
///
/// Threads  the holder of the row's lock writes; anyone reads. `version` is both the lock (odd
/// while
///          held) and the sign for readers to read again. All fields are atomics stored with
///          release and loaded with acquire (plain moves on x86-64), so a reader that saw a new
///          field also sees the odd version that came before it
struct alignas(64) Row {
  std::atomic<uint32_t> version;
  std::atomic<uint32_t> generation;  ///< which worker uses this row; grows when one is forgotten
  std::atomic<uint32_t> flags;
  std::atomic<uint32_t> bucket;  ///< where the load index has it; kNoBucket: nowhere
  std::atomic<int32_t> free[kResourceCount];
  std::atomic<int32_t> reported;  ///< tasks the worker says it runs
  std::atomic<int32_t> held;      ///< slots reserved and not among the reported
  std::atomic<uint32_t> gpu_count;
  std::atomic<uint32_t> custom_count;
  std::atomic<int32_t> capacity[kResourceCount];
  std::atomic<uint16_t> gpu_free[kGpusMax];

  bool try_lock() {
    uint32_t seen = version.load(std::memory_order_relaxed);
    return (seen & 1) == 0 &&
           version.compare_exchange_strong(seen, seen + 1, std::memory_order_acq_rel);
  }
  /// For those whose change must not be lost: the holder is a few dozen instructions from done.
  void lock() {
    while (!try_lock())
      cpu_relax();
  }
  void unlock() {
    version.store(version.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
};
static_assert(sizeof(Row) == 128);

/// Loads a field of a row, or of whatever else a row's lock guards.
template <typename T>
T get(const std::atomic<T>& field) {
  return field.load(std::memory_order_acquire);
}

/// Stores a field under the row's lock.
template <typename T>
void set(std::atomic<T>& field, std::type_identity_t<T> value) {
  field.store(value, std::memory_order_release);
}

class RowLock {
 public:
  explicit RowLock(Row& row) : row_(row) { row_.lock(); }
  ~RowLock() { row_.unlock(); }
  RowLock(const RowLock&) = delete;
  RowLock& operator=(const RowLock&) = delete;

 private:
  Row& row_;
};

/// Of workers with GPUs or custom resources; untouched and not resident for all others.
struct RowExtras {
  std::atomic<uint32_t> gpu_model[kGpusMax];
  struct Custom {
    std::atomic<uint32_t> name;
    std::atomic<int32_t> capacity;
    std::atomic<int32_t> free;
  } custom[kCustomMax];
};

/// What heartbeats write and placements do not read.
struct alignas(64) RowBeat {
  std::atomic<int64_t> last_heartbeat_ns;
  std::atomic<int64_t> cooldown_until_ns;  ///< while kCooling
  std::atomic<float> cpu_milli_used;
  std::atomic<float> memory_mib_used;
  std::atomic<float> gpu_milli_used;
  // The owner's alone.
  uint32_t newer;  ///< neighbours in the owner's list by age of heartbeat; row + 1, 0: none
  uint32_t older;
  uint32_t next_free;  ///< while the row is unused
  uint64_t epoch;
  uint64_t sequence;
  uint64_t fingerprint;  ///< of the profile
};
static_assert(sizeof(RowBeat) == 64);

/// Words of a row that any thread copies and the lock's holder writes. The first `kHead` live apart
/// from the rest: most rows never touch, and so never pay for, the rest.
template <typename Word, uint32_t kHead, uint32_t kTail>
struct SplitWords {
  struct Head {
    std::atomic<Word> words[kHead];
  };
  struct Tail {
    std::atomic<Word> words[kTail];
  };
  static constexpr uint32_t kWords = kHead + kTail;

  static void copy_out(
      const Head& head, const Tail& tail, Word* to, uint32_t from, uint32_t count) {
    for (uint32_t i = from; i < from + count; ++i) {
      to[i] = (i < kHead ? head.words[i] : tail.words[i - kHead]).load(std::memory_order_acquire);
    }
  }
  static void copy_in(Head& head, Tail& tail, const Word* from, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      (i < kHead ? head.words[i] : tail.words[i - kHead]).store(from[i], std::memory_order_release);
    }
  }
};

/// Id, address, version and reason of a row, as a value.
class RowText {
 public:
  enum Field : uint32_t { kId, kAddress, kVersion, kReason, kFields };
  static constexpr uint32_t kBytesMax =
      kFields + kIdBytesMax + kAddressBytesMax + kVersionBytesMax + kReasonBytesMax;
  using Words = SplitWords<uint64_t, 8, (kBytesMax + 7) / 8 - 8>;

  RowText() { std::memset(lengths(), 0, kFields); }
  RowText(
      std::string_view id,
      std::string_view address,
      std::string_view version,
      std::string_view reason) {
    const std::string_view fields[kFields] = {id, address, version, reason};
    size_t at = kFields;
    for (uint32_t field = 0; field < kFields; ++field) {
      lengths()[field] = static_cast<unsigned char>(fields[field].size());
      if (!fields[field].empty())
        std::memcpy(bytes() + at, fields[field].data(), fields[field].size());
      at += fields[field].size();
    }
  }

  std::string_view id() const { return field(kId); }
  std::string_view address() const { return field(kAddress); }
  std::string_view version() const { return field(kVersion); }
  std::string_view reason() const { return field(kReason); }

  void store(Words::Head& head, Words::Tail& tail) const {
    Words::copy_in(head, tail, words_, used(kFields));
  }

  /// Copies the fields before `until`. Call it under the lock, or check the row's version after.
  void load(const Words::Head& head, const Words::Tail& tail, Field until = kFields) {
    Words::copy_out(head, tail, words_, 0, 1);
    Words::copy_out(head, tail, words_, 1, used(until) - 1);
  }

 private:
  char* bytes() { return reinterpret_cast<char*>(words_); }
  unsigned char* lengths() { return reinterpret_cast<unsigned char*>(words_); }
  uint32_t offset(uint32_t field) const {
    const auto* lengths = reinterpret_cast<const unsigned char*>(words_);
    uint32_t at = kFields;
    // A torn read may show nonsense lengths; clamped, it is harmless until the version check.
    for (uint32_t i = 0; i < field; ++i)
      at += lengths[i];
    return at < kBytesMax ? at : kBytesMax;
  }
  uint32_t used(uint32_t until) const { return (offset(until) + 7) / 8; }
  std::string_view field(uint32_t field) const {
    uint32_t at = offset(field);
    return {reinterpret_cast<const char*>(words_) + at, offset(field + 1) - at};
  }

  uint64_t words_[Words::kWords];
};

/// The tags and labels of a row: two counts, then the ids.
using RowNames = SplitWords<uint32_t, 16, 2 + kTagsPerWorkerMax + kLabelsPerWorkerMax - 16>;

}  // namespace berth::core
