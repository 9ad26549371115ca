#pragma once

#include "net/tcp_stream.h"
#include "wire/frame.h"

namespace berth::net {

class FrameStream;

/// Who is told what a FrameStream sees.
class FrameHandler {
 public:
  virtual ~FrameHandler() = default;

  virtual void on_connected(FrameStream&) {}
  /// One whole frame, in place: valid until this returns.
  virtual void on_frame(FrameStream& stream, const wire::Frame& frame) = 0;
  /// All whole frames of one read have been handed out: a good moment to `flush()`.
  virtual void on_frames_end(FrameStream&) {}
  /// Framing is lost for good. Unless the handler ends the stream, it is closed.
  virtual void on_bad_frame(FrameStream&, wire::FrameStatus) {}
  /// The peer has ended its side. Unless overridden: what is ready is sent, then closed.
  virtual void on_end(FrameStream& stream);
  /// The last call; the stream may be deleted in it.
  virtual void on_closed(FrameStream& stream, CloseReason reason) = 0;
};

/// One TCP connection that carries frames, for servers and clients alike.
///
/// To send: `encoder.encode(id, message, stream.out())` as often as needed, then `stream.flush()`
/// once for each turn of the loop.
///
/// Threads  the loop's
/// Memory   as TcpStream says; frames are handed out where they were read, and never copied unless
///          a read ended inside one
/// Errors   a frame over `limits.frame_bytes_max`, or empty or misaligned, ends the stream
class FrameStream final : public TcpStream {
 public:
  FrameStream(StreamLoop& shared, const StreamLimits& limits, FrameHandler& handler)
      : TcpStream(shared, limits), handler_(handler) {}

  /// While held, nothing more is read or handed out. Letting go does not do it yet: `resume` does.
  void hold(bool on) { on_hold_ = on; }
  /// The same for another reason: its share of the turn is used up.
  void rest(bool on) { rests_ = on; }
  using TcpStream::resume;

  /// For the owner: whom this stream belongs to.
  void* owner = nullptr;

 private:
  Taken on_input(std::span<const std::byte> input) override;
  void on_bad_frame(wire::FrameStatus status);
  void on_connected() override { handler_.on_connected(*this); }
  void on_end(std::span<const std::byte> rest) override;
  void on_closed(CloseReason reason) override { handler_.on_closed(*this, reason); }

  bool busy() const override { return on_hold_ || rests_; }

  FrameHandler& handler_;
  bool on_hold_ = false;
  bool rests_ = false;
};

}  // namespace berth::net
