#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "loadgen/jobs/job_book.h"
#include "loadgen/templates.h"
#include "wire/encode.h"

namespace berth::loadgen {

/// One client's connection that submits jobs: at most `depth` submits under way.
///
/// Every submit has a request id of its own, so that it can be made again when its answer was lost
/// with the connection, or when the server was busy.
///
/// Shape    pure: requests are appended to a connection's output, replies handed in
/// Memory   a slot for each submit under way
/// Errors   told in the book's tally; a submit that was refused for good is in `problem()`
class JobSubmitter {
 public:
  static constexpr uint32_t kDepthMax = 4'096;
  static constexpr core::Duration kBusyWait = core::Duration::milliseconds(10);

  struct Options {
    std::string prefix;  ///< of its request ids: unlike that of any other submitter, ever
    uint32_t depth = 1;
    std::span<const std::byte> spec;  ///< outlives the submitter
  };

  JobSubmitter(const Options& options, wire::Encoder& encoder, JobBook& book);

  bool has_room() const { return !free_.empty(); }
  bool idle() const { return free_.size() == slots_.size(); }

  /// Appends one submit of `count` jobs that were due at `since`. Requires room.
  void submit(core::Instant since, uint32_t count, Bytes& out);
  void on_reply(core::Instant now, wire::RequestId id, const wire::Reply& reply);
  /// Appends what was refused as the server was busy, when it is time to. Call in every turn.
  void end_turn(core::Instant now, Bytes& out);
  /// A new connection: appends all that was not answered on the last one.
  void on_welcome(Bytes& out);

  const std::string& problem() const { return problem_; }

 private:
  struct Slot {
    core::Instant since;
    core::Instant again_at;  // refused as busy: when to ask again; 0: it is under way
    uint64_t number = 0;     // of its request; 0: the slot is free
    uint32_t count = 0;
    uint32_t id = 0;
  };
  static constexpr uint32_t kSlotBits = 12;
  static constexpr uint32_t kUseMask = (1u << 18) - 1;

  void send(uint32_t number, Bytes& out);
  void on_submitted(core::Instant now, const Slot& slot, const wire::JobsSubmitted& reply);

  Options options_;
  wire::Encoder& encoder_;
  JobBook& book_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  std::vector<std::span<const std::byte>> specs_;  // the same one, again and again
  std::string request_;                            // scratch
  uint64_t sent_ = 0;
  uint32_t waiting_ = 0;  // slots with `again_at`
  std::string problem_;
};

}  // namespace berth::loadgen
