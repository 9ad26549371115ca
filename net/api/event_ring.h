#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "net/http/json_out.h"
#include "wire/job_messages.h"

namespace berth::net {

/// Which events somebody wants.
struct EventFilter {
  uint32_t kinds = ~0u;      ///< bit per wire::EventKind
  wire::JobRange jobs = {};  ///< 0: of everything
  uint64_t worker = 0;       ///< `worker_key`; 0: of everything
  uint32_t states = ~0u;     ///< of jobs: bit per wire::JobState

  bool wants_all() const {
    return (kinds & 15u) == 15u && jobs.first.value == 0 && worker == 0 && states == ~0u;
  }
};

/// Stands for the name of a worker in a filter; 0 for no name.
uint64_t worker_key(std::string_view worker);

/// The object that docs/http.md describes.
void write_event(JsonOut& json, const wire::JobEvent& event);

/// Events as server-sent events, encoded once: the youngest, as many as its bytes hold.
///
/// Shape    a ring of bytes in which no event is divided, and an index by sequence
/// Threads  one owner
/// Memory   `bytes` once the first event has come, and 48 bytes an event; none after `clear`
class EventRing {
 public:
  explicit EventRing(size_t bytes) : bytes_max_(bytes) {}

  /// Begins anew: every event after `begin` will be added. 0: wherever the next one stands.
  void clear(uint64_t begin);
  void add(const wire::JobEvent& event);

  bool empty() const { return index_.empty(); }
  /// Events up to this one are not here; 0: not known before the first has come.
  uint64_t begin() const { return begin_; }
  uint64_t last() const { return index_.empty() ? begin_ : index_.back().sequence; }

  /// Bytes of the events after `told`, in one piece of at most `bytes` or one event. Moves `told`.
  std::string_view next(uint64_t& told, size_t bytes) const;
  /// What is to be done with an event of this job that passes the filter. Wait: nothing yet, and
  /// with what comes after it neither.
  enum class Verdict : uint8_t { Take, Skip, Wait };
  using Judge = std::function<Verdict(uint64_t job)>;
  /// Appends those that pass, of at most `count` events after `told`. Moves `told`.
  void next(
      uint64_t& told,
      const EventFilter& filter,
      size_t count,
      std::string& to,
      const Judge& judge = nullptr) const;

 private:
  struct Entry {
    uint64_t sequence = 0;
    uint64_t at = 0;  ///< in all bytes ever; the place is the rest by `bytes_max_`
    uint64_t job = 0;
    uint64_t worker = 0;
    uint32_t count = 0;
    uint32_t bytes = 0;
    wire::EventKind kind = wire::EventKind::Job;
    wire::JobState state = wire::JobState::Pending;
  };

  std::string_view bytes_of(const Entry& entry) const {
    return std::string_view(ring_).substr(entry.at % bytes_max_, entry.bytes);
  }
  size_t after(uint64_t sequence) const;
  static bool passes(const Entry& entry, const EventFilter& filter);

  const size_t bytes_max_;
  std::string ring_;
  std::deque<Entry> index_;
  uint64_t end_ = 0;
  uint64_t begin_ = 0;
  JsonOut json_;
  std::string encoded_;
};

}  // namespace berth::net
