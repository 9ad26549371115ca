#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loadgen/workload.h"
#include "wire/encode.h"
#include "wire/messages.h"

namespace berth::loadgen {

using Bytes = std::vector<std::byte>;

/// Whole frames encoded once, of which only what varies is written again: a copy and a few stores
/// for each request, where encoding costs as much as a server needs to answer.
///
/// Memory   the encoded frames; what `append` returns is valid until `out` changes
/// Errors   a placeholder that is not in the frame exactly once is a CHECK: we made the frame
class FrameTemplate {
 public:
  FrameTemplate(wire::Encoder& encoder, const wire::Request& request);

  /// Where `placeholder` stands in the frame.
  size_t find(std::string_view placeholder) const;
  size_t find(uint64_t placeholder) const;

  /// Appends a copy under `id` and returns its first byte, to be patched.
  std::byte* append(wire::RequestId id, Bytes& out) const;

 private:
  Bytes frame_;
};

/// Pings: the payload is the request's number, and comes back.
class PingFrames {
 public:
  explicit PingFrames(wire::Encoder& encoder);
  void append(wire::RequestId id, uint64_t payload, Bytes& out) const;

 private:
  FrameTemplate frame_;
  size_t payload_at_;
};

/// Placements: one frame for every query, in which the task's number is written.
class PlaceFrames {
 public:
  struct Options {
    wire::Policy policy = wire::Policy::LeastLoaded;
    uint64_t run = 0;      ///< tells this run's tasks from those of any other
    uint32_t hold_ms = 0;  ///< 0: the server's default
  };

  PlaceFrames(wire::Encoder& encoder, const Workload& workload, const Options& options);

  /// Task ids are `task`, below 2^48, in hexadecimal behind the run's prefix.
  void append(wire::RequestId id, size_t query, uint64_t task, Bytes& out) const;
  size_t queries() const { return frames_.size(); }

 private:
  std::vector<FrameTemplate> frames_;
  std::vector<size_t> task_at_;
};

/// Heartbeats without a profile, the routine of an agent: one frame for all workers.
class BeatFrames {
 public:
  BeatFrames(wire::Encoder& encoder, const Workload& workload, uint64_t epoch);
  void append(wire::RequestId id, const WorkerProfile& worker, uint64_t sequence, Bytes& out) const;

 private:
  FrameTemplate frame_;
  size_t worker_at_;
  size_t sequence_at_;
  size_t tasks_at_;
};

/// A heartbeat with the whole profile of one worker.
class FullBeatFrame {
 public:
  FullBeatFrame(
      wire::Encoder& encoder,
      const Workload& workload,
      const WorkerProfile& worker,
      uint64_t epoch);
  void append(wire::RequestId id, uint64_t sequence, Bytes& out) const;

 private:
  FrameTemplate frame_;
  size_t sequence_at_;
};

}  // namespace berth::loadgen
