#pragma once

#include <cstdint>
#include <deque>

#include "core/effects.h"
#include "core/jobs/records.h"

namespace berth::core {

/// What is to be said once it is safe, and what makes it so: groups of rows, each with its
/// messages.
///
/// Rows and messages of a turn belong to the group that is being filled. `close` hands its rows to
/// the store; its messages leave with `on_durable`. Messages of a turn that stored nothing wait for
/// the group before it, since they may tell what that one is about to make true.
///
/// Threads  one owner
/// Memory   an arena for each group under way
class Outbox {
 public:
  /// Rows of this turn; strings go into its `text`.
  StoreBatch& rows() { return rows_; }
  /// Keeps what held messages point to.
  Arena& text() { return held_.text; }

  void send(wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) {
    held_.messages.push_back({to, request, message});
  }

  /// Ends the group; `group` stays empty when there is nothing to store. What need not wait for
  /// anything goes to `effects`.
  void close(StoreBatch& group, Effects& effects);

  /// Everything up to the group `sequence` is safe.
  void on_durable(uint64_t sequence, Effects& effects);

  uint32_t open() const { return static_cast<uint32_t>(groups_.size()); }

 private:
  struct Messages {
    std::vector<Outgoing> messages;
    Arena text;
  };
  struct Group {
    uint64_t sequence = 0;
    Messages held;
  };
  static void release(Messages&& held, Effects& effects);
  static void append(Messages&& held, Messages& to);

  StoreBatch rows_;
  Messages held_;
  std::deque<Group> groups_;  ///< handed to the store, oldest first
  uint64_t closed_ = 0;
};

}  // namespace berth::core
