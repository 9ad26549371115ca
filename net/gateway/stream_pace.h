#pragma once

#include <deque>

#include "core/base/time.h"

namespace berth::net {

/// A large answer on its way, as the pace sees it.
class PacedStream {
 public:
  virtual ~PacedStream() = default;
  /// Its turn: makes and sends one piece. May ask for the next turn.
  virtual void next_piece() = 0;
};

/// When a large answer may go on. What is made for a client that can wait takes a core from
/// placements that cannot, and on a small machine there is none to spare. So all large answers
/// together have a share of one core, however many there are: one piece is made in a turn of the
/// loop, by who has waited longest, and after each there is a pause, in which others are served.
///
/// Shape    streams in the order in which they asked
/// Units    a piece costs what its thread was given of a core, not what passed meanwhile, so that a
///          thread that has to wait for a core does not pause for that too
/// Threads  the gateway's
/// Memory   a pointer for each stream that waits
class StreamPace {
 public:
  /// A pause is three times as long as the work before it: a quarter of a core.
  static constexpr int64_t kCorePart = 4;
  /// Where nothing large was made for so long, the first pieces follow each other at once.
  static constexpr core::Duration kAhead = core::Duration::milliseconds(4);

  /// The time that the calling thread has had of a core.
  using CoreTime = core::Duration (*)();
  explicit StreamPace(CoreTime core_time = thread_core_time) : core_time_(core_time) {}

  /// Its next piece is wanted. Not when it waits already.
  void add(PacedStream& stream) { waiting_.push_back(&stream); }
  void remove(PacedStream& stream) { std::erase(waiting_, &stream); }

  bool waited_for() const { return !waiting_.empty(); }
  /// When the next piece may be made.
  core::Instant due() const { return due_; }
  /// At the end of a turn: makes a piece, if it is time and one is wanted.
  void on_turn_end(core::Instant now);

  /// What is done while it lives is for a large answer, and counts. One inside another is part of
  /// that.
  class Work {
   public:
    explicit Work(StreamPace& pace);
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

   private:
    StreamPace& pace_;
    core::Duration begun_;
  };

 private:
  static core::Duration thread_core_time();
  void settle(core::Instant now);

  const CoreTime core_time_;
  std::deque<PacedStream*> waiting_;
  core::Instant due_;
  core::Duration worked_;  // and not paused for yet
  int working_ = 0;        // so many `Work`, one in the other
};

}  // namespace berth::net
