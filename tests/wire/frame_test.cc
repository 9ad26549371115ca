#include "wire/frame.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "tests/wire/codec.h"

namespace berth::wire {
namespace {

std::vector<std::byte> stream(uint32_t payload_bytes, uint32_t request_id, size_t total_bytes) {
  std::vector<std::byte> bytes(std::max<size_t>(total_bytes, kFrameHeaderBytes));
  std::memcpy(bytes.data(), &payload_bytes, 4);
  std::memcpy(bytes.data() + 4, &request_id, 4);
  bytes.resize(total_bytes);
  return bytes;
}

TEST(Frame, IsJudgedByItsHeaderAlone) {
  constexpr uint32_t kLimit = 64;
  struct Case {
    const char* name;
    uint32_t payload_bytes;
    size_t buffered;  // bytes there are, header included
    FrameStatus status;
    size_t frame_bytes;
  };
  const Case cases[] = {
      {"nothing yet", 16, 0, FrameStatus::NeedMore, 0},
      {"one byte of the header", 16, 1, FrameStatus::NeedMore, 0},
      {"the header but for one byte", 16, 7, FrameStatus::NeedMore, 0},
      {"the header and nothing else", 16, 8, FrameStatus::NeedMore, 24},
      {"all but the last byte", 16, 23, FrameStatus::NeedMore, 24},
      {"exactly one frame", 16, 24, FrameStatus::Ok, 24},
      {"one frame and a part of the next", 16, 30, FrameStatus::Ok, 24},
      {"the smallest", 8, 16, FrameStatus::Ok, 16},
      {"exactly the limit", 64, 72, FrameStatus::Ok, 72},
      {"one word over the limit", 72, 8, FrameStatus::Oversized, 0},
      {"one byte over the limit", 65, 80, FrameStatus::Oversized, 0},
      {"4 GiB - 1", 0xFFFFFFFF, 8, FrameStatus::Oversized, 0},
      {"4 GiB - 8", 0xFFFFFFF8, 80, FrameStatus::Oversized, 0},
      {"no payload", 0, 8, FrameStatus::Misaligned, 0},
      {"four bytes", 4, 12, FrameStatus::Misaligned, 0},
      {"one byte more than a multiple of 8", 17, 40, FrameStatus::Misaligned, 0},
      {"one byte less than a multiple of 8", 63, 80, FrameStatus::Misaligned, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Aligned buffer(stream(c.payload_bytes, 7, c.buffered));
    Frame frame;
    size_t frame_bytes = 99;
    EXPECT_EQ(next_frame(buffer.bytes(), kLimit, frame, frame_bytes), c.status);
    EXPECT_EQ(frame_bytes, c.frame_bytes);
    if (c.status == FrameStatus::Ok) {
      EXPECT_EQ(frame.request.value, 7u);
      EXPECT_EQ(frame.payload.size(), c.payload_bytes);
      EXPECT_EQ(frame.payload.data(), buffer.bytes().data() + kFrameHeaderBytes);
    }
  }
}

TEST(Frame, CarriesAnyRequestId) {
  for (const uint32_t id : {0u, 1u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    Aligned buffer(stream(8, id, 16));
    Frame frame;
    size_t frame_bytes = 0;
    ASSERT_EQ(next_frame(buffer.bytes(), 8, frame, frame_bytes), FrameStatus::Ok);
    EXPECT_EQ(frame.request.value, id);
  }
}

TEST(Frame, ALimitOfTheLargestNumberDoesNotOverflow) {
  Aligned buffer(stream(0xFFFFFFF8, 1, 16));
  Frame frame;
  size_t frame_bytes = 0;
  EXPECT_EQ(next_frame(buffer.bytes(), 0xFFFFFFFF, frame, frame_bytes), FrameStatus::NeedMore);
  EXPECT_EQ(frame_bytes, size_t{0xFFFFFFF8} + 8);
}

}  // namespace
}  // namespace berth::wire
