#pragma once

#include <gtest/gtest.h>

#include "loadgen/jobs/job_specs.h"
#include "loadgen/templates.h"
#include "wire/decode.h"
#include "wire/frame.h"

namespace berth::loadgen {

/// What was appended to a connection's output, read as the server would.
struct SentFrames {
  /// Takes everything out of `out` and hands each request to `use`, which may append to it again.
  template <typename Use>
  size_t each(Bytes& out, Use use) {
    Bytes sent;
    sent.swap(out);
    size_t count = 0;
    for (size_t at = 0; at < sent.size(); ++count) {
      wire::Frame frame;
      size_t bytes = 0;
      EXPECT_EQ(
          wire::next_frame(std::span(sent).subspan(at), 1 << 20, frame, bytes),
          wire::FrameStatus::Ok);
      EXPECT_EQ(decoder.decode(frame.payload, request), wire::DecodeStatus::Ok);
      use(frame.request, request);
      at += bytes;
    }
    return count;
  }

  wire::Encoder encoder;
  wire::Decoder decoder;
  wire::Request request;
};

}  // namespace berth::loadgen
