#pragma once

#include <cstddef>
#include <vector>

#include "wire/messages.h"

namespace berth::wire {

/// Frames made once by the builder, of which only what varies is written again: a fifth of the
/// cost of building, for the replies that a server sends a million times a second. Private to
/// wire/*.cc.
///
/// Shape    what comes out is what a builder told to write defaults too could have made
/// Memory   one frame of each kind; `out` grows as needed
class Stamps {
 public:
  Stamps();

  /// False, and nothing appended, for whatever does not have the usual look: devices, an
  /// explanation, a message in words, any other kind.
  bool encode(RequestId id, const Reply& reply, std::vector<std::byte>& out) const;

 private:
  // Each number is where a field lies in its frame.
  struct PlacedStamp {
    std::vector<std::byte> fixed;  ///< up to the texts, which come last: address, then worker
    size_t worker = 0, address = 0, reservation = 0, expires_in_ms = 0, load = 0, repeated = 0;
  };
  struct HeartbeatReplyStamp {
    std::vector<std::byte> frame;
    size_t accepted = 0, code = 0, server_time_ms = 0, drain = 0, resend_profile = 0;
  };
  struct ReleasedStamp {
    std::vector<std::byte> frame;
    size_t released = 0, unknown = 0;
  };

  void make_placed();
  void make_heartbeat_reply();
  void make_released();
  void encode(RequestId id, const Placed& placed, std::vector<std::byte>& out) const;
  void encode(RequestId id, const HeartbeatReply& reply, std::vector<std::byte>& out) const;
  void encode(RequestId id, const Released& released, std::vector<std::byte>& out) const;

  PlacedStamp placed_;
  HeartbeatReplyStamp heartbeat_reply_;
  ReleasedStamp released_;
};

}  // namespace berth::wire
