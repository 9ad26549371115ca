#include "wire/spec.h"

#include <gtest/gtest.h>

#include "tests/wire/codec.h"
#include "tests/wire/describe.h"
#include "tests/wire/job_samples.h"
#include "tests/wire/random_message.h"

namespace berth::wire {
namespace {

std::string text_of(const JobSpec& spec) {
  std::string text;
  describe(spec, text);
  return text;
}

std::vector<std::byte> encode(const JobSpec& spec) {
  SpecEncoder encoder;
  const std::span<const std::byte> bytes = encoder.encode(spec);
  return {bytes.begin(), bytes.end()};
}

/// Empty unless Ok; every byte of what came out was looked at.
std::string read(SpecDecoder& decoder, std::span<const std::byte> bytes) {
  JobSpec spec;
  if (decoder.decode(bytes, spec) != DecodeStatus::Ok) return {};
  return text_of(spec);
}

TEST(Spec, EverySpecComesBackAsItWas) {
  SpecEncoder encoder;
  SpecDecoder decoder;
  JobSpec received;  // reused, so that what is left from the last one would show
  for (uint64_t seed = 1; seed <= 3'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomMessages random(seed);
    const JobSpec sent = random.make_part<JobSpec>();
    const std::span<const std::byte> bytes = encoder.encode(sent);
    ASSERT_EQ(bytes.size() % kFrameAlignment, 0u);
    ASSERT_EQ(decoder.decode(bytes, received), DecodeStatus::Ok);
    ASSERT_EQ(text_of(received), text_of(sent));
    ASSERT_EQ(encode(sent), std::vector<std::byte>(bytes.begin(), bytes.end()))
        << "the same spec, other bytes";
  }
}

TEST(Spec, AnEmptySpecIsShortAndHasTheDefaults) {
  const std::vector<std::byte> bytes = encode(JobSpec{});
  EXPECT_LE(bytes.size(), 24u);
  SpecDecoder decoder;
  JobSpec spec = sample_spec();
  ASSERT_EQ(decoder.decode(bytes, spec), DecodeStatus::Ok);
  EXPECT_EQ(text_of(spec), text_of(JobSpec{}));
  EXPECT_EQ(spec.retry_cap_ms, 300'000u);
}

TEST(Spec, ALaterSpecDoesNotDisturbTheBytesOfAMessage) {
  const std::vector<std::byte> bytes = encode(sample_spec());
  const std::span<const std::byte> specs[] = {bytes, bytes};
  Aligned payload(payload_of(encode_frame({1}, Request(SubmitJobs{.specs = specs}))));
  Decoder decoder;
  Request request;
  ASSERT_EQ(decoder.decode(payload.bytes(), request), DecodeStatus::Ok);
  SpecDecoder spec_decoder;
  for (const auto& spec : std::get<SubmitJobs>(request).specs) {
    EXPECT_EQ(read(spec_decoder, spec), text_of(sample_spec()));
  }
}

TEST(Spec, RefusesWhatIsNoSpec) {
  struct Case {
    const char* name;
    std::vector<std::byte> bytes;
  };
  const Case cases[] = {
      {"no bytes", {}},
      {"four bytes", std::vector<std::byte>(4)},
      {"zeros", std::vector<std::byte>(64)},
      {"ones", std::vector<std::byte>(64, std::byte{0xFF})},
      {"text", std::vector<std::byte>(64, std::byte{'G'})},
  };
  SpecDecoder decoder;
  for (const Case& c : cases) {
    JobSpec spec = sample_spec();
    Aligned bytes(c.bytes);
    EXPECT_EQ(decoder.decode(bytes.bytes(), spec), DecodeStatus::Unverifiable) << c.name;
    EXPECT_EQ(text_of(spec), text_of(JobSpec{})) << c.name;
  }
}

TEST(Spec, RefusesEnumeratorsItDoesNotKnow) {
  const JobSpec specs[] = {
      {.runner = static_cast<Runner>(4)}, {.policy = static_cast<Policy>(kPolicyCount)}};
  SpecDecoder decoder;
  for (const JobSpec& sent : specs) {
    JobSpec spec;
    EXPECT_EQ(decoder.decode(encode(sent), spec), DecodeStatus::BadEnum);
  }
}

TEST(Spec, RefusesBytesThatAreNotAligned) {
  const std::vector<std::byte> good = encode(sample_spec());
  Aligned room(std::vector<std::byte>(good.size() + 8));
  SpecDecoder decoder;
  JobSpec spec;
  for (size_t shift = 0; shift < 8; ++shift) {
    std::memcpy(room.bytes().data() + shift, good.data(), good.size());
    EXPECT_EQ(
        decoder.decode(room.bytes().subspan(shift, good.size()), spec),
        shift == 0 ? DecodeStatus::Ok : DecodeStatus::Unverifiable);
  }
}

TEST(Spec, BoundsItsTables) {
  SpecDecoder decoder;
  JobSpec spec;
  const std::vector<Label> fits(4'095);
  EXPECT_EQ(decoder.decode(encode(JobSpec{.env = fits}), spec), DecodeStatus::Ok);
  const std::vector<Label> too_many(4'096);
  EXPECT_EQ(decoder.decode(encode(JobSpec{.env = too_many}), spec), DecodeStatus::Unverifiable);
}

TEST(Spec, ATruncatedOneIsRefusedOrStillTheSame) {
  const std::vector<std::byte> whole = encode(sample_spec());
  SpecDecoder decoder;
  for (size_t length = 0; length < whole.size(); ++length) {
    Aligned cut(std::span<const std::byte>(whole).first(length));
    const std::string text = read(decoder, cut.bytes());
    EXPECT_TRUE(text.empty() || text == text_of(sample_spec())) << "cut to " << length;
  }
}

// Meant for a build with sanitizers, where one byte read too many ends the test.
TEST(Spec, NothingCorruptedIsReadOutsideItsBytes) {
  Aligned bytes(encode(sample_spec()));
  SpecDecoder decoder;
  for (std::byte& byte : bytes.bytes()) {
    const std::byte before = byte;
    for (int bit = 0; bit < 8; ++bit) {
      byte = before ^ (std::byte{1} << bit);
      read(decoder, bytes.bytes());
    }
    for (const int value : {0x00, 0x7F, 0x80, 0xFF}) {
      byte = static_cast<std::byte>(value);
      read(decoder, bytes.bytes());
    }
    byte = before;
  }
}

}  // namespace
}  // namespace berth::wire
