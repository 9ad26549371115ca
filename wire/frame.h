#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/ids.h"

namespace berth::wire {

inline constexpr size_t kFrameHeaderBytes = 8;
inline constexpr size_t kFrameAlignment = 8;
inline constexpr uint32_t kMaxFrameBytesDefault = 1u << 20;

/// One whole frame: its request id and its FlatBuffers payload, 8-byte aligned in the buffer.
struct Frame {
  RequestId request;
  std::span<const std::byte> payload;
};

enum class FrameStatus : uint8_t {
  Ok,
  NeedMore,    ///< the buffer ends inside this frame
  Oversized,   ///< payload_bytes is over the limit
  Misaligned,  ///< payload_bytes is 0 or not a multiple of 8: the next payload could not be read
};

/// The frame at the start of `buffer`, whose first byte must be 8-byte aligned.
///
/// A frame is `{u32 payload_bytes, u32 request_id}`, little-endian, then the payload. Senders pad
/// the payload with zeros to a multiple of 8, so that every frame of a read stays aligned.
/// On Ok, `frame_bytes` is how far to advance. On NeedMore, it is how many bytes the frame has in
/// all, or 0 while even the header is incomplete.
FrameStatus next_frame(
    std::span<const std::byte> buffer, uint32_t max_frame_bytes, Frame& frame, size_t& frame_bytes);

}  // namespace berth::wire
