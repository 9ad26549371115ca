#pragma once

#include <cstdint>
#include <vector>

#include "net/frame_stream.h"
#include "wire/ids.h"

namespace berth::net {

/// One peer of a shard.
struct Connection {
  Connection(StreamLoop& shared, const StreamLimits& limits, FrameHandler& handler)
      : stream(shared, limits, handler) {
    stream.owner = this;
  }

  FrameStream stream;
  wire::ConnectionId id;
  uint64_t accepted_ms = 0;  ///< on the loop's clock
  uint32_t awaited = 0;      ///< answers that will come from other threads
  uint32_t forwarded = 0;    ///< those of them that should come soon, and may be many
  /// Request ids of those that cost the ledger much, and have not been answered.
  std::vector<uint32_t> costly;
  uint32_t turn = 0;      ///< of the loop, in which it sent last
  uint32_t frames = 0;    ///< that it has sent in that turn
  bool greeted = false;   ///< its Hello was accepted
  bool dirty = false;     ///< has output to flush at the end of the turn
  bool refused = false;   ///< over the limit: only told so
  bool ended = false;     ///< the peer has ended its side; closed when nothing is awaited, or soon
  uint64_t ended_ms = 0;  ///< when it did, on the loop's clock
};

}  // namespace berth::net
