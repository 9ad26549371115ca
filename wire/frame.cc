#include "wire/frame.h"

#include <bit>
#include <cstring>

namespace berth::wire {

static_assert(std::endian::native == std::endian::little, "frame headers are read as they lie");

FrameStatus next_frame(
    std::span<const std::byte> buffer,
    uint32_t max_frame_bytes,
    Frame& frame,
    size_t& frame_bytes) {
  frame_bytes = 0;
  if (buffer.size() < kFrameHeaderBytes) return FrameStatus::NeedMore;
  uint32_t payload_bytes = 0;
  uint32_t request_id = 0;
  std::memcpy(&payload_bytes, buffer.data(), sizeof(payload_bytes));
  std::memcpy(&request_id, buffer.data() + sizeof(payload_bytes), sizeof(request_id));

  // Judged by the header alone: a peer must not make us wait for, or make room for, a frame that
  // will be refused once it is whole.
  if (payload_bytes > max_frame_bytes) return FrameStatus::Oversized;
  if (payload_bytes == 0 || payload_bytes % kFrameAlignment != 0) return FrameStatus::Misaligned;

  frame_bytes = kFrameHeaderBytes + size_t{payload_bytes};
  if (buffer.size() < frame_bytes) return FrameStatus::NeedMore;
  frame = {{request_id}, buffer.subspan(kFrameHeaderBytes, payload_bytes)};
  return FrameStatus::Ok;
}

}  // namespace berth::wire
