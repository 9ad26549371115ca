#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"

/// What the tests of this folder do with frames again and again.
namespace berth::wire {

/// Bytes whose first one is 8-byte aligned, as those of a receive buffer are, in an allocation
/// that ends where they end, so that a sanitizer sees one byte too many.
class Aligned {
 public:
  explicit Aligned(std::span<const std::byte> bytes) : size_(bytes.size()) {
    // operator new aligns to 16.
    bytes_.reset(new std::byte[size_]);
    if (size_ > 0) std::memcpy(bytes_.get(), bytes.data(), size_);
  }
  std::span<std::byte> bytes() { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  size_t size_;
};

template <typename Message>
std::vector<std::byte> encode_frame(RequestId id, const Message& message) {
  Encoder encoder;
  std::vector<std::byte> frame;
  encoder.encode(id, message, frame);
  return frame;
}

inline std::span<const std::byte> payload_of(std::span<const std::byte> frame) {
  return frame.subspan(kFrameHeaderBytes);
}

}  // namespace berth::wire
