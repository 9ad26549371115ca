#include <gtest/gtest.h>

#include "tests/wire/codec.h"
#include "tests/wire/random_message.h"

namespace berth::wire {
namespace {

constexpr uint64_t kSeeds = 300;

/// Encodes and decodes messages of every kind with one encoder and one decoder, as a loop does.
template <typename Variant>
void round_trip_every_kind() {
  Encoder encoder;
  Decoder decoder;
  Variant received;  // reused, so that what is left from the last message would show
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (size_t kind = 0; kind < std::variant_size_v<Variant>; ++kind) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", kind " << kind);
      RandomMessages random(seed * 100 + kind);
      const Variant sent = random.make<Variant>(kind);
      const RequestId id = {static_cast<uint32_t>(seed * 977)};
      std::vector<std::byte> bytes;
      encoder.encode(id, sent, bytes);

      Frame frame;
      size_t frame_bytes = 0;
      ASSERT_EQ(next_frame(bytes, kMaxFrameBytesDefault, frame, frame_bytes), FrameStatus::Ok);
      ASSERT_EQ(frame_bytes, bytes.size());
      ASSERT_EQ(frame.request, id);
      ASSERT_EQ(decoder.decode(frame.payload, received), DecodeStatus::Ok);
      ASSERT_EQ(describe(received), describe(sent));
    }
  }
}

TEST(RoundTrip, EveryRequestComesBackAsItWas) {
  round_trip_every_kind<Request>();
}

TEST(RoundTrip, EveryReplyComesBackAsItWas) {
  round_trip_every_kind<Reply>();
}

TEST(RoundTrip, FramesOfOneWriteFollowEachOtherAligned) {
  Encoder encoder;
  std::vector<std::byte> bytes;
  for (uint32_t i = 0; i < 50; ++i) {
    RandomMessages random(i);
    encoder.encode({i}, random.make<Reply>(i % std::variant_size_v<Reply>), bytes);
  }
  std::span<const std::byte> rest = bytes;
  for (uint32_t i = 0; i < 50; ++i) {
    Frame frame;
    size_t frame_bytes = 0;
    ASSERT_EQ(next_frame(rest, kMaxFrameBytesDefault, frame, frame_bytes), FrameStatus::Ok);
    EXPECT_EQ(frame.request.value, i);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(frame.payload.data()) % kFrameAlignment, 0u);
    rest = rest.subspan(frame_bytes);
  }
  EXPECT_TRUE(rest.empty());
}

// The replies that are stamped out instead of built: their texts are of any length, and may be
// absent.
TEST(RoundTrip, RepliesOfTheUsualLookComeBackWhateverTheirTexts) {
  Encoder encoder;
  Decoder decoder;
  const std::string letters(200, 'w');
  std::vector<std::byte> bytes;
  for (size_t worker = 0; worker <= 130; ++worker) {
    for (const size_t address : {0, 1, 2, 3, 4, 5, 6, 7, 8, 21, 128}) {
      const Reply sent = Placed{
          .worker = Text(letters).substr(0, worker),
          .address = Text(letters).substr(0, address),
          .reservation = {~uint64_t{0}},
          .repeated = worker % 2 == 0};
      bytes.clear();
      encoder.encode({7}, sent, bytes);
      Frame frame;
      size_t frame_bytes = 0;
      ASSERT_EQ(next_frame(bytes, kMaxFrameBytesDefault, frame, frame_bytes), FrameStatus::Ok);
      ASSERT_EQ(frame_bytes, bytes.size());
      Aligned payload(frame.payload);
      Reply received;
      ASSERT_EQ(decoder.decode(payload.bytes(), received), DecodeStatus::Ok);
      ASSERT_EQ(describe(received), describe(sent));
    }
  }
}

TEST(RoundTrip, AnEmptyMessageTakesTheDefaultsOfItsStruct) {
  Decoder decoder;
  Request request;
  const std::vector<std::byte> frame = encode_frame({1}, Request(Place{}));
  ASSERT_EQ(decoder.decode(payload_of(frame), request), DecodeStatus::Ok);
  EXPECT_EQ(describe(request), describe(Request(Place{})));
  EXPECT_EQ(std::get<Place>(request).demand.slots, 1);
}

}  // namespace
}  // namespace berth::wire
