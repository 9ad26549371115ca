#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/jobs/outbox.h"
#include "wire/job_messages.h"

namespace berth::core {

/// The story of all jobs, the youngest part of it kept for watchers that come back.
///
/// A sequence is the start of the server, then a counter of 40 bits: it grows over restarts, and
/// what a crash forgot, and nobody was told, is never said again with another meaning.
///
/// Shape    a queue of `kept` events; each watcher has a place in it
/// Threads  one owner
/// Memory   64 bytes an event and its reason; names of workers are the caller's, and outlive this
class JobEvents {
 public:
  explicit JobEvents(uint32_t kept) : kept_(kept) {}

  void on_start(uint64_t floor) { last_ = dropped_ = floor; }
  /// Of the store, in order.
  void restore(const wire::JobEvent& event);

  /// Numbers it, keeps it, and stores it with the rows of this turn.
  void add(wire::JobEvent event, StoreBatch& rows);

  /// From now on, or after `watch.after`. False: that is older than what is kept, or was never
  /// said.
  bool watch(wire::ConnectionId connection, const wire::WatchJobs& watch);
  void unwatch(wire::ConnectionId connection);
  bool watched() const { return !watchers_.empty(); }

  /// What watchers have not been told yet, a bounded part of it; true: there is more.
  bool tell(Outbox& outbox);

 private:
  /// One cache line: every life of a job writes four.
  struct Kept {
    uint64_t sequence = 0;
    int64_t at_ms = 0;
    wire::JobId job;
    std::string_view worker;
    std::unique_ptr<std::string> reason;
    uint32_t count = 1;
    uint32_t attempt = 0;
    wire::JobState state = wire::JobState::Pending;
    wire::ErrorClass error = wire::ErrorClass::None;
  };
  struct Watcher {
    wire::ConnectionId connection;
    uint64_t told = 0;  ///< sequence
    std::vector<wire::JobRange> jobs;
  };

  void keep(const wire::JobEvent& event);
  size_t after(uint64_t sequence) const;
  bool tell(Watcher& watcher, Outbox& outbox) const;
  wire::JobEvent copy(const Kept& kept, Arena& text) const;

  uint32_t kept_;
  std::deque<Kept> events_;
  uint64_t last_ = 0;
  uint64_t dropped_ = 0;  ///< all up to this sequence may be missing
  std::vector<Watcher> watchers_;
};

}  // namespace berth::core
