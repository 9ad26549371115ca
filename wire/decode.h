#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "wire/messages.h"

namespace berth::wire {

enum class DecodeStatus : uint8_t {
  Ok,
  Unverifiable,    ///< the FlatBuffers verifier refused it (depth 16, tables bounded by the kind)
  UnknownKind,     ///< a message kind this version does not know
  WrongDirection,  ///< a reply where a request is due, or the other way round
  BadEnum,         ///< an enumerator out of range
};

/// Bytes to messages: verified once, then plain structs.
///
/// Threads  one decoder for each thread
/// Memory   lists are gathered in scratch that is reused; nothing is allocated once it has grown
/// Errors   on anything but Ok the output is unspecified and safe to drop
class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// `payload` is 8-byte aligned and outlives what `request` points to.
  DecodeStatus decode(std::span<const std::byte> payload, Request& request);
  DecodeStatus decode(std::span<const std::byte> payload, Reply& reply);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace berth::wire
