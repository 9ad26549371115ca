#include "net/frame_stream.h"

namespace berth::net {

void FrameHandler::on_end(FrameStream& stream) {
  stream.finish(CloseReason::Peer);
}

TcpStream::Taken FrameStream::on_input(std::span<const std::byte> input) {
  Taken taken;
  wire::Frame frame;
  while (live()) {
    size_t bytes = 0;
    const wire::FrameStatus status =
        wire::next_frame(input.subspan(taken.bytes), limits().frame_bytes_max, frame, bytes);
    if (status == wire::FrameStatus::NeedMore) {
      taken.wanted = bytes;
      break;
    }
    if (status != wire::FrameStatus::Ok) {
      on_bad_frame(status);
      break;
    }
    handler_.on_frame(*this, frame);
    taken.bytes += bytes;
    // Small requests can have large answers: look after each one, not only after the read.
    if (congested()) flush();
    if (held()) {
      taken.stopped = true;
      break;
    }
  }
  handler_.on_frames_end(*this);
  return taken;
}

void FrameStream::on_bad_frame(wire::FrameStatus status) {
  handler_.on_bad_frame(*this, status);
  if (!live()) return;
  const bool oversized = status == wire::FrameStatus::Oversized;
  close(oversized ? CloseReason::Oversized : CloseReason::Misaligned);
}

void FrameStream::on_end(std::span<const std::byte> rest) {
  if (!rest.empty()) {
    close(CloseReason::Peer);
  } else {
    handler_.on_end(*this);
  }
}

}  // namespace berth::net
