#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "loadgen/link.h"

namespace berth::loadgen {

/// Once a second, on a terminal, how far a run has come: one line on stderr, written over.
///
/// Threads  that of its loop; `count` may read what other threads publish
class Progress final : private TurnUser {
 public:
  /// `count` is asked for how many `what` have been done so far.
  Progress(LinkLoop& loop, std::string what, std::function<uint64_t()> count);
  /// Clears the line.
  ~Progress() override;

 private:
  core::Instant on_turn(core::Instant now) override;

  LinkLoop& loop_;
  std::string what_;
  std::function<uint64_t()> count_;
  bool on_terminal_;
  core::Instant start_;
  core::Instant last_;
  uint64_t last_count_ = 0;
};

}  // namespace berth::loadgen
