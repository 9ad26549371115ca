#include "net/sha256.h"

#include <string>

#include <gtest/gtest.h>

namespace berth::net {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// The examples of the standard, and the lengths around which padding takes another block.
TEST(Sha256, GivesTheDigestsOfTheStandard) {
  struct Case {
    std::string text;
    const char* digest;
  };
  const Case cases[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(55, 'a'), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
      {std::string(56, 'a'), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
      {std::string(64, 'a'), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
      {std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.text.size());
    Sha256 digest;
    digest.add(bytes_of(each.text));
    EXPECT_EQ(digest.hex(), each.digest);
  }
}

TEST(Sha256, DoesNotCareHowTheBytesAreCut) {
  const std::string text(1'000, 'x');
  Sha256 whole;
  whole.add(bytes_of(text));
  const std::string expected = whole.hex();
  for (const size_t piece : {1u, 7u, 63u, 64u, 65u, 999u}) {
    SCOPED_TRACE(piece);
    Sha256 digest;
    for (size_t at = 0; at < text.size(); at += piece)
      digest.add(bytes_of(text.substr(at, piece)));
    EXPECT_EQ(digest.hex(), expected);
  }
}

}  // namespace
}  // namespace berth::net
