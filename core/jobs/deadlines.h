#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/time.h"
#include "wire/ids.h"

namespace berth::core {

/// When something has to be looked at again.
enum class DeadlineKind : uint8_t { Ready, Lease, Timeout, Wait, Log, Poll, Worker };

/// Moments in the future, each for one subject. A subject may have one of every kind; setting it
/// again moves it.
///
/// Shape    a binary heap with lazy deletion, rebuilt when most of it is stale, and a hash table of
///          what is live: set, clear and take are O(log n) amortised; moving to later is O(1)
/// Threads  one owner
/// Memory   some 70 to 130 bytes each
class Deadlines {
 public:
  struct Due {
    DeadlineKind kind;
    uint64_t subject;
  };

  Deadlines();
  ~Deadlines();

  void set(DeadlineKind kind, uint64_t subject, Instant at);
  void clear(DeadlineKind kind, uint64_t subject);

  /// Takes out at most `limit` of those at `now` or earlier, earliest first; of one instant by
  /// subject.
  void take_due(Instant now, size_t limit, std::vector<Due>& due);

  size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::core
