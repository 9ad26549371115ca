#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plan/problem.h"

namespace berth::core {

/// What is free on one worker, over time: a step function for each resource.
///
/// Shape    segments in order of time; the last one has no end
/// Memory   8 bytes for each segment and resource; a segment for each start and end taken
class Timeline {
 public:
  explicit Timeline(std::span<const Amount> capacity) { reset(capacity); }

  /// Everything is free, for ever.
  void reset(std::span<const Amount> capacity);

  /// The first moment from `from` on at which `demand` fits for `duration`; kNever when it never
  /// does. A task of no length needs no room.
  Ticks earliest(Ticks from, Ticks duration, std::span<const Amount> demand) const;

  Amount free_at(Ticks at, size_t resource) const {
    return free_[segment_at(at) * resources_ + resource];
  }

  /// What is free then, of each resource; valid until something is taken or given back.
  std::span<const Amount> free_at(Ticks at) const { return free_of(segment_at(at)); }

  /// Where what is free changes, or might: the first begins at 0, the last one has no end.
  size_t segments() const { return begins_.size(); }
  Ticks begin_of(size_t segment) const { return begins_[segment]; }
  std::span<const Amount> free_of(size_t segment) const {
    return std::span(free_).subspan(segment * resources_, resources_);
  }

  /// Takes what `earliest` found, or what is known to fit.
  void take(Ticks start, Ticks duration, std::span<const Amount> demand);
  void give_back(Ticks start, Ticks duration, std::span<const Amount> demand);

 private:
  size_t segment_at(Ticks at) const;
  size_t split(Ticks at);
  void add(Ticks start, Ticks duration, std::span<const Amount> demand, Amount sign);
  bool fits(size_t segment, std::span<const Amount> demand) const;

  size_t resources_ = 0;
  std::vector<Ticks> begins_;
  std::vector<Amount> free_;  // of each segment, each resource
};

}  // namespace berth::core
