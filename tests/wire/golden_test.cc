#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/wire/codec.h"
#include "tests/wire/describe.h"
#include "tests/wire/job_samples.h"
#include "tests/wire/samples.h"
#include "wire/spec.h"

// tests/golden/frames holds one frame of every kind as hexadecimal text, under the message it is.
// A difference means that a peer of the last release reads other bytes than it knows. Where that
// is wanted (a new field in a sample, a new kind), write them anew, look at what git shows, and
// commit them with the change:
//
//   BERTH_UPDATE_GOLDEN=1 build/bin/wire_test --gtest_filter='Golden.*'
//
// The same command writes the seeds of the fuzzers.
namespace berth::wire {
namespace {

namespace fs = std::filesystem;

const fs::path kFrames = fs::path(BERTH_SOURCE_DIR) / "tests/golden/frames";
const fs::path kSpec = fs::path(BERTH_SOURCE_DIR) / "tests/golden/specs/full.hex";
const fs::path kCorpus = fs::path(BERTH_SOURCE_DIR) / "tests/fuzz/corpus";

std::string describe_sample(const Sample& sample) {
  return std::visit([](const auto& message) { return describe(message); }, sample.message);
}

std::string to_golden(
    const std::string& name, const std::string& text, std::span<const std::byte> frame) {
  std::ostringstream out;
  out << "# " << name << ' ' << text << '\n';
  for (size_t i = 0; i < frame.size(); ++i) {
    const auto byte = static_cast<unsigned>(frame[i]);
    out << "0123456789abcdef"[byte >> 4] << "0123456789abcdef"[byte & 15];
    const bool line_ends = i % 16 == 15 || i + 1 == frame.size();
    out << (line_ends ? '\n' : ' ');
  }
  return out.str();
}

/// The bytes of the lines that are no comment.
std::vector<std::byte> from_golden(const std::string& text) {
  std::vector<std::byte> bytes;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream pairs(line);
    for (std::string pair; pairs >> pair;) {
      bytes.push_back(static_cast<std::byte>(std::stoul(pair, nullptr, 16)));
    }
  }
  return bytes;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, std::span<const char> bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(out.good()) << "cannot write " << path;
}

std::span<const char> as_chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool updating() {
  return std::getenv("BERTH_UPDATE_GOLDEN") != nullptr;
}

TEST(Golden, EveryKindHasASample) {
  std::set<size_t> requests;
  std::set<size_t> replies;
  for (const Sample& sample : all_samples()) {
    const auto* request = std::get_if<Request>(&sample.message);
    if (request != nullptr)
      requests.insert(request->index());
    else
      replies.insert(std::get<Reply>(sample.message).index());
  }
  EXPECT_EQ(requests.size(), std::variant_size_v<Request>);
  EXPECT_EQ(replies.size(), std::variant_size_v<Reply>);
}

TEST(Golden, EveryFrameHasTheBytesItAlwaysHad) {
  for (const Sample& sample : all_samples()) {
    SCOPED_TRACE(sample.name);
    const std::vector<std::byte> frame = encode_sample(sample);
    const std::string golden = to_golden(sample.name, describe_sample(sample), frame);
    const fs::path path = kFrames / (sample.name + ".hex");
    if (updating()) {
      write_file(path, golden);
      write_file(kCorpus / "fuzz_frames" / sample.name, as_chars(frame));
      write_file(kCorpus / "fuzz_messages" / sample.name, as_chars(payload_of(frame)));
    }
    EXPECT_EQ(read_file(path), golden);
  }
}

// Kept apart from encoding: an encoder may one day write other bytes that mean the same, but what
// peers of earlier releases send will always have to be read.
TEST(Golden, EveryFrameIsReadAsTheMessageItAlwaysWas) {
  Decoder decoder;
  for (const Sample& sample : all_samples()) {
    SCOPED_TRACE(sample.name);
    Aligned bytes(from_golden(read_file(kFrames / (sample.name + ".hex"))));
    Frame frame;
    size_t frame_bytes = 0;
    ASSERT_EQ(
        next_frame(bytes.bytes(), kMaxFrameBytesDefault, frame, frame_bytes), FrameStatus::Ok);
    EXPECT_EQ(frame.request, sample.id);
    std::visit(
        [&]<typename Variant>(const Variant& expected) {
          Variant message;
          ASSERT_EQ(decoder.decode(frame.payload, message), DecodeStatus::Ok);
          EXPECT_EQ(describe(message), describe(expected));
        },
        sample.message);
  }
}

// Specs are kept in stores, which outlive releases.
TEST(Golden, ASpecHasTheBytesItAlwaysHadAndIsReadAsItAlwaysWas) {
  SpecEncoder encoder;
  const std::span<const std::byte> bytes = encoder.encode(sample_spec());
  std::string text;
  describe(sample_spec(), text);
  const std::string golden = to_golden("full", text, bytes);
  if (updating()) {
    write_file(kSpec, golden);
    write_file(kCorpus / "fuzz_messages" / "spec", as_chars(bytes));
  }
  EXPECT_EQ(read_file(kSpec), golden);

  Aligned kept(from_golden(read_file(kSpec)));
  SpecDecoder decoder;
  JobSpec spec;
  ASSERT_EQ(decoder.decode(kept.bytes(), spec), DecodeStatus::Ok);
  std::string read;
  describe(spec, read);
  EXPECT_EQ(read, text);
}

}  // namespace
}  // namespace berth::wire
