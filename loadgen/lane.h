#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/base/time.h"
#include "loadgen/herd.h"
#include "loadgen/histogram.h"
#include "loadgen/templates.h"
#include "loadgen/workload.h"

namespace berth::loadgen {

enum class Scenario : uint8_t { Ping, Heartbeat, Schedule, Mixed };

/// What came of the measured requests of one thread.
struct Tally {
  Histogram latency;      ///< of every request that was answered as it should be
  uint64_t requests = 0;  ///< measured requests that have ended, well or badly
  uint64_t errors = 0;    ///< of these, and of releases and upkeep: not answered as they should be
  uint64_t placements = 0;
  uint64_t heartbeats = 0;
  uint64_t releases = 0;  ///< reservations given back
  std::string first_error;

  void fail(std::string what) {
    ++errors;
    if (first_error.empty()) first_error = std::move(what);
  }
  void add(const Tally& other);
};

/// Encoded once for all lanes of a thread.
struct LaneFrames {
  LaneFrames(
      wire::Encoder& encoder,
      const Workload& workload,
      uint64_t epoch,
      const PlaceFrames::Options& options)
      : ping(encoder), place(encoder, workload, options), beat(encoder, workload, epoch) {}

  PingFrames ping;
  PlaceFrames place;
  BeatFrames beat;
};

struct LaneOptions {
  Scenario scenario = Scenario::Ping;
  uint32_t depth = 1;
  uint32_t number = 0;  ///< unlike any other lane's of this run, below 2^16
  uint64_t seed = 1;
  bool match_none = false;  ///< no worker matches: being refused a place is the right answer
  bool full_beats = false;  ///< the measured heartbeats carry the profile
};

/// The measured requests of one connection: at most `depth` under way, each checked when answered.
///
/// Every placement is a new task that takes a real reservation. What has been taken is given back
/// at the end of a turn of the loop, in one Release frame: when it comes to `kReleaseMin`, or when
/// it has been held for `kHeldMax`. So capacity lasts for ever, and at depth 1 a release does not
/// double the messages.
///
/// Shape    pure: requests are appended to a connection's output, replies handed in
/// Memory   one slot for each request under way
/// Errors   counted in the tally, the first one in words
class Lane {
 public:
  static constexpr uint32_t kDepthMax = 4'096;
  static constexpr size_t kReleaseMin = 32;
  static constexpr core::Duration kHeldMax = core::Duration::milliseconds(100);
  /// Ids of releases have this bit.
  static constexpr uint32_t kReleaseBit = 1u << 31;

  Lane(
      const LaneOptions& options,
      const Workload& workload,
      const LaneFrames& frames,
      wire::Encoder& encoder,
      Herd& herd,
      Tally& tally);

  bool has_room() const { return !free_.empty(); }
  uint32_t in_flight() const { return static_cast<uint32_t>(slots_.size() - free_.size()); }

  /// Appends one request, to be measured from `due`. Requires room.
  void start(core::Instant due, Bytes& out);
  /// `reply` is to one of this lane's requests.
  void on_reply(core::Instant now, wire::RequestId id, const wire::Reply& reply);
  /// Appends the release of what has been placed, if it is time to.
  void end_turn(core::Instant now, Bytes& out);
  /// Appends the release of all that has been placed.
  void release_all(Bytes& out);
  /// Nothing is under way or to be released any more.
  bool idle() const {
    return in_flight() == 0 && reservations_.empty() && releases_in_flight_ == 0;
  }
  /// Whatever is still under way will not be answered in time: each is an error.
  void give_up();

 private:
  enum class Kind : uint8_t { Ping, Beat, Place };
  struct Slot {
    core::Instant due;
    uint64_t payload = 0;
    uint32_t id = 0;
    Kind kind = Kind::Ping;
  };

  // Ids: a slot's number in the low bits and its uses above; releases have a bit of their own and
  // say in the id how many reservations they gave back.
  static constexpr uint32_t kSlotBits = 12;
  static constexpr uint32_t kUseMask = (Herd::kIdBit >> kSlotBits) - 1;
  static constexpr uint32_t kReleaseMax = (1u << 13) - 1;

  Kind next_kind();
  void append_beat(wire::RequestId id, Bytes& out);
  bool answers(core::Instant now, const Slot& slot, const wire::Reply& reply);
  bool check_place(core::Instant now, const wire::Reply& reply);
  void on_released(wire::RequestId id, const wire::Reply& reply);

  LaneOptions options_;
  const Workload& workload_;
  const LaneFrames& frames_;
  wire::Encoder& encoder_;
  Herd& herd_;
  Tally& tally_;
  core::Rng rng_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  std::vector<FullBeatFrame> full_beats_;  // of the herd, when asked for
  std::vector<uint64_t> reservations_;     // taken since the last release
  core::Instant held_since_;               // the first of them
  uint32_t releases_in_flight_ = 0;
  uint32_t releases_sent_ = 0;
  uint32_t beat_at_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace berth::loadgen
