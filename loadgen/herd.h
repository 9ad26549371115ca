#pragma once

#include <cstdint>
#include <string>

#include "core/base/time.h"
#include "loadgen/templates.h"
#include "loadgen/workload.h"
#include "wire/messages.h"

namespace berth::loadgen {

/// The workers that one connection registers, keeps alive and makes forgotten.
///
/// A worker belongs to one connection, so that its heartbeats cannot overtake each other. Every
/// `first + n × step`-th worker of the workload is in the herd.
///
/// Shape    pure: requests are appended to a connection's output, replies handed in
/// Memory   at most `kWindow` requests under way while registering or forgetting
/// Errors   told by `problem()`, the first one in a sentence
class Herd {
 public:
  /// Ids of the herd's own requests have this bit, those of the measured load do not.
  static constexpr uint32_t kIdBit = 1u << 30;

  Herd(
      wire::Encoder& encoder,
      const Workload& workload,
      const BeatFrames& beats,
      uint64_t epoch,
      uint32_t first,
      uint32_t step);

  uint32_t size() const { return size_; }
  const WorkerProfile& worker(uint32_t place) const {
    return workload_.workers()[first_ + size_t{place} * step_];
  }
  FullBeatFrame full_beat(uint32_t place) const {
    return {encoder_, workload_, worker(place), epoch_};
  }
  /// For every heartbeat of every worker of the herd, whoever sends it.
  uint64_t next_sequence() { return ++sequence_; }

  /// Appends what may be sent now; call again after replies, until `settled()`.
  void enroll(Bytes& out);
  void dismiss(Bytes& out);
  /// All that was begun has been answered.
  bool settled() const { return next_ == size_ && in_flight_ == 0; }
  /// Before `enroll` and before `dismiss`.
  void rewind() { next_ = 0; }

  /// From now on every worker is to beat once in `interval`.
  void start_keeping(core::Instant now, core::Duration interval);
  /// Appends the heartbeats that are due.
  void keep(core::Instant now, Bytes& out);

  void on_reply(wire::RequestId id, const wire::Reply& reply);
  const std::string& problem() const { return problem_; }

 private:
  static constexpr uint32_t kWindow = 512;

  wire::RequestId next_id();

  wire::Encoder& encoder_;
  const Workload& workload_;
  const BeatFrames& beats_;
  uint64_t epoch_;
  uint32_t first_;
  uint32_t step_;
  uint32_t size_;
  uint32_t next_ = 0;
  uint32_t in_flight_ = 0;
  uint32_t ids_ = 0;
  uint64_t sequence_ = 0;
  core::Instant kept_from_;
  core::Duration interval_;
  uint64_t kept_ = 0;  // heartbeats sent since then
  std::string problem_;
};

}  // namespace berth::loadgen
