#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "wire/decode.h"
#include "wire/job_messages.h"

namespace berth::wire {

/// A JobSpec to bytes of its own, which travel inside other messages and are kept as they are.
///
/// Threads  one for each thread
/// Memory   one builder, reused
class SpecEncoder {
 public:
  SpecEncoder();
  ~SpecEncoder();
  SpecEncoder(const SpecEncoder&) = delete;
  SpecEncoder& operator=(const SpecEncoder&) = delete;

  /// A multiple of 8 bytes, valid until the next call. The same spec gives the same bytes.
  std::span<const std::byte> encode(const JobSpec& spec);

 private:
  struct Builder;
  std::unique_ptr<Builder> builder_;
};

/// The way back; verified like a message.
///
/// Threads  one for each thread
/// Memory   lists are gathered in scratch that is reused
class SpecDecoder {
 public:
  SpecDecoder();
  ~SpecDecoder();
  SpecDecoder(const SpecDecoder&) = delete;
  SpecDecoder& operator=(const SpecDecoder&) = delete;

  /// `bytes` is 8-byte aligned and outlives what `spec` points to; `spec` is overwritten whole.
  DecodeStatus decode(std::span<const std::byte> bytes, JobSpec& spec);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace berth::wire
