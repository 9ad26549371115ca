#include <gtest/gtest.h>

#include "tests/wire/codec.h"
#include "tests/wire/describe.h"
#include "tests/wire/samples.h"

// Meant for a build with sanitizers, where one byte read too many ends the test.
namespace berth::wire {
namespace {

/// Decodes both ways and looks at every byte of what came out; the text of the message when Ok.
class Reading {
 public:
  template <typename Variant>
  std::string read(std::span<const std::byte> payload) {
    Variant message;
    if (decoder_.decode(payload, message) != DecodeStatus::Ok) return {};
    return describe(message);
  }

  std::string read_as(const Sample& like, std::span<const std::byte> payload) {
    const bool is_request = std::holds_alternative<Request>(like.message);
    const std::string request = read<Request>(payload);
    const std::string reply = read<Reply>(payload);
    EXPECT_TRUE(request.empty() || reply.empty()) << "one payload, two directions";
    return is_request ? request : reply;
  }

 private:
  Decoder decoder_;
};

TEST(Corruption, ATruncatedPayloadIsRefusedOrStillTheSameMessage) {
  Reading reading;
  for (const Sample& sample : all_samples()) {
    const std::vector<std::byte> frame = encode_sample(sample);
    const std::span<const std::byte> payload = payload_of(frame);
    const std::string whole =
        std::visit([](const auto& message) { return describe(message); }, sample.message);
    for (size_t length = 0; length < payload.size(); ++length) {
      SCOPED_TRACE(testing::Message() << sample.name << " cut to " << length << " bytes");
      Aligned cut(payload.first(length));
      const std::string text = reading.read_as(sample, cut.bytes());
      // Only padding may be missing.
      EXPECT_TRUE(text.empty() || text == whole) << text;
    }
  }
}

TEST(Corruption, ATruncatedStreamAsksForMore) {
  for (const Sample& sample : all_samples()) {
    const std::vector<std::byte> bytes = encode_sample(sample);
    for (size_t length = 0; length < bytes.size(); ++length) {
      Aligned cut(std::span<const std::byte>(bytes).first(length));
      Frame frame;
      size_t frame_bytes = 0;
      ASSERT_EQ(
          next_frame(cut.bytes(), kMaxFrameBytesDefault, frame, frame_bytes),
          FrameStatus::NeedMore);
    }
  }
}

TEST(Corruption, NoFlippedBitIsReadOutsideThePayload) {
  Reading reading;
  for (const Sample& sample : all_samples()) {
    const std::vector<std::byte> frame = encode_sample(sample);
    Aligned payload(payload_of(frame));
    for (size_t bit = 0; bit < payload.bytes().size() * 8; ++bit) {
      SCOPED_TRACE(testing::Message() << sample.name << ", bit " << bit);
      std::byte& byte = payload.bytes()[bit / 8];
      const std::byte before = byte;
      byte ^= std::byte{1} << (bit % 8);
      reading.read_as(sample, payload.bytes());
      byte = before;
    }
  }
}

TEST(Corruption, NoByteSetToAnExtremeIsReadOutsideThePayload) {
  Reading reading;
  for (const Sample& sample : all_samples()) {
    const std::vector<std::byte> frame = encode_sample(sample);
    Aligned payload(payload_of(frame));
    for (std::byte& byte : payload.bytes()) {
      const std::byte before = byte;
      for (const int value : {0x00, 0x7F, 0x80, 0xFF}) {
        byte = static_cast<std::byte>(value);
        reading.read_as(sample, payload.bytes());
      }
      byte = before;
    }
  }
}

}  // namespace
}  // namespace berth::wire
