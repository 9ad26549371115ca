#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/base/time.h"

namespace berth::sim {

using core::Duration;
using core::Instant;

/// One queue of events, one clock, one source of randomness: the same seed, the same history.
///
/// Threads  one
/// Errors   the first `fail` stops the run; what is wrong stands in `failure()`
class World {
 public:
  explicit World(uint64_t seed) : rng(seed) {}

  void after(Duration delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }
  void at(Instant when, std::function<void()> event);

  /// Runs what is due up to `until`, in order of time, then of scheduling. False after a failure.
  bool run(Instant until);

  Instant now() const { return now_; }
  core::Now both_clocks() const { return {now_, kWallStartMs + now_.ns / 1'000'000}; }

  /// A line of the story, `[   3ms] s1  assigned …`; the last `kLinesMax` are kept.
  void say(const std::string& who, const std::string& what);
  const std::vector<std::string>& story() const { return story_; }

  void fail(const std::string& what);
  const std::string& failure() const { return failure_; }

  Duration between(Duration least, Duration most) {
    return {
        least.ns + static_cast<int64_t>(rng.below(static_cast<uint64_t>(most.ns - least.ns + 1)))};
  }
  /// True once in `n`.
  bool one_in(uint64_t n) { return rng.below(n) == 0; }

  core::Rng rng;

 private:
  static constexpr int64_t kWallStartMs = 1'700'000'000'000;
  static constexpr size_t kLinesMax = 400;

  struct Event {
    Instant when;
    uint64_t order;
    std::function<void()> run;
    friend bool operator<(const Event& a, const Event& b) {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };

  // A monotonic clock that starts at 0 would hide mistakes about "never".
  Instant now_{Duration::seconds(1000).ns};
  uint64_t order_ = 0;
  std::priority_queue<Event> events_;
  std::vector<std::string> story_;
  std::string failure_;
};

inline constexpr Instant kStart{Duration::seconds(1000).ns};

/// One process of the simulation: alive or not, frozen or not.
///
/// What reaches a frozen process waits, and goes on when it thaws: timers before input, as an event
/// loop does it. What was meant for an earlier life never arrives.
class Process {
 public:
  Process(World& world, std::string name) : world_(world), name_(std::move(name)) {}

  void timer(Duration delay, std::function<void()> event) {
    schedule(delay, std::move(event), true);
  }
  void input(Duration delay, std::function<void()> event) {
    schedule(delay, std::move(event), false);
  }

  void start() { ++life_, alive_ = true, frozen_ = false; }
  void end();
  void freeze() { frozen_ = alive_; }
  void thaw();

  bool alive() const { return alive_; }
  bool frozen() const { return frozen_; }
  uint64_t life() const { return life_; }
  const std::string& name() const { return name_; }

 private:
  void schedule(Duration delay, std::function<void()> event, bool timer);
  void arrive(uint64_t life, std::function<void()> event, bool timer);

  World& world_;
  std::string name_;
  uint64_t life_ = 0;
  bool alive_ = false;
  bool frozen_ = false;
  std::vector<std::function<void()>> waiting_timers_;
  std::vector<std::function<void()>> waiting_inputs_;
};

}  // namespace berth::sim
