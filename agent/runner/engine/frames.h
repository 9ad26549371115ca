#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace berth::agent {

/// Takes the two outputs of a container out of the one connection in which engines send them:
/// frames of 8 bytes of header (the stream's number, three zeros, the length as a big-endian 32-bit
/// number) and the bytes. Pure.
class FrameReader {
 public:
  /// Calls `sink(stream, bytes)` for every piece; stream 1 is stdout, 2 stderr. False: these are no
  /// such frames, and nothing more is read.
  template <typename Sink>
  bool feed(std::string_view bytes, const Sink& sink) {
    while (!bytes.empty() && !broken_) {
      if (left_ == 0) {
        take_header(bytes.front());
        bytes.remove_prefix(1);
        continue;
      }
      std::string_view piece = bytes.substr(0, left_);
      sink(stream_, piece);
      left_ -= static_cast<uint32_t>(piece.size());
      bytes.remove_prefix(piece.size());
    }
    return !broken_;
  }

 private:
  static constexpr size_t kHeaderBytes = 8;
  static constexpr int kLastStream = 2;

  void take_header(char next) {
    uint8_t byte = static_cast<uint8_t>(next);
    if (have_ == 0) stream_ = byte;
    if (have_ >= 4) length_ = length_ << 8 | byte;
    broken_ = stream_ > kLastStream || (have_ > 0 && have_ < 4 && byte != 0);
    if (++have_ < kHeaderBytes) return;
    left_ = length_;
    have_ = 0;
    length_ = 0;
  }

  size_t have_ = 0;  // of the header
  int stream_ = 0;
  uint32_t length_ = 0;
  uint32_t left_ = 0;  // of the frame's bytes
  bool broken_ = false;
};

}  // namespace berth::agent
