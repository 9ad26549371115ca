#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/jobs/outbox.h"
#include "wire/messages.h"

namespace berth::core {

/// What happens to jobs, workers, plans and the server, in one order; the youngest part of it is
/// kept for watchers that come back.
///
/// A sequence is the start of the server, then a counter of 40 bits: it grows over restarts, and
/// what a crash forgot, and nobody was told, is never said again with another meaning. Events of
/// jobs are stored; what was said of workers and plans goes with the server.
///
/// Shape    a queue of `kept` events; each watcher has a place in it
/// Threads  one owner
/// Memory   72 bytes an event, its reason, and the name of a worker if it is of one. Names in
///          events of jobs are the caller's, and outlive this
class JobEvents {
 public:
  explicit JobEvents(uint32_t kept) : kept_(kept) {}

  void on_start(uint64_t floor) { last_ = dropped_ = floor; }
  /// Of the store, in order.
  void restore(const wire::JobEvent& event);

  /// Numbers it and keeps it; with `rows`, stores it with those of this turn.
  void add(wire::JobEvent event, StoreBatch* rows = nullptr);

  /// From now on, or after `watch.after`. False: that is older than what is kept, or was never
  /// said.
  bool watch(wire::ConnectionId connection, const wire::WatchJobs& watch);
  void unwatch(wire::ConnectionId connection);
  /// The same for who asked with `wire::Watch`: workers alone, from now on, each event a message.
  void watch_workers(wire::ConnectionId connection);
  void unwatch_workers(wire::ConnectionId connection);

  uint32_t watchers() const { return static_cast<uint32_t>(watchers_.size()); }

  /// What watchers have not been told yet, a bounded part of it; true: there is more.
  bool tell(Outbox& outbox);

 private:
  /// What few events have, or do not share with others.
  struct Texts {
    std::string worker;
    std::string reason;
  };
  /// Every life of a job writes four.
  struct Kept {
    uint64_t sequence = 0;
    int64_t at_ms = 0;
    uint64_t subject = 0;  ///< job or plan
    std::string_view worker;
    std::unique_ptr<Texts> texts;
    uint32_t count = 1;
    uint32_t attempt = 0;  ///< of a job; of a plan, how many moved
    wire::EventKind kind = wire::EventKind::Job;
    uint8_t change = 0;  ///< JobState, WorkerChange, ServerChange or PlanOutcome
    wire::ErrorClass error = wire::ErrorClass::None;
    wire::PlanOf plan_of = wire::PlanOf::Requests;
    wire::PlanCause plan_cause = wire::PlanCause::Pending;
  };
  struct Watcher {
    wire::ConnectionId connection;
    uint64_t told = 0;  ///< sequence
    uint32_t kinds = 0;
    std::vector<wire::JobRange> jobs;
    std::string worker;
    bool plain = false;  ///< wants WorkerEvents
  };

  void keep(const wire::JobEvent& event);
  void unwatch(wire::ConnectionId connection, bool plain);
  size_t after(uint64_t sequence) const;
  bool tell(Watcher& watcher, Outbox& outbox) const;
  void send(const Watcher& watcher, std::span<const wire::JobEvent> page, Outbox& outbox) const;
  static bool wants(const Watcher& watcher, const Kept& kept);
  wire::JobEvent copy(const Kept& kept, Arena& text) const;

  uint32_t kept_;
  std::deque<Kept> events_;
  uint64_t last_ = 0;
  uint64_t dropped_ = 0;  ///< all up to this sequence may be missing
  std::vector<Watcher> watchers_;
};

}  // namespace berth::core
