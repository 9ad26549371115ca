#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <uv.h>

namespace berth::net {

/// Why a stream has ended.
enum class CloseReason : uint8_t {
  Local,          ///< the owner wanted it
  Peer,           ///< the peer ended it in order
  Reset,          ///< the connection broke; see `error()`
  ConnectFailed,  ///< never came to be; see `error()`
  Oversized,      ///< a frame over the limit
  Misaligned,     ///< a frame that is empty or not a multiple of 8
  SlowInput,      ///< a frame or line begun and not finished in time
  SlowReader,     ///< does not read what it is sent
  Refused,        ///< said no to, by the owner
};

/// One word for logs: `slow-reader`.
const char* close_reason_name(CloseReason reason);

/// What one stream may cost.
struct StreamLimits {
  uint32_t frame_bytes_max = 1u << 20;     ///< payload of one frame
  uint32_t unsent_pause_bytes = 1u << 18;  ///< above it nothing more is read or handed out
  uint32_t unsent_max_bytes = 1u << 20;    ///< above it the stream is closed: SlowReader
  uint32_t stall_ms = 10'000;              ///< unsent bytes without progress: SlowReader
  uint32_t partial_ms = 30'000;            ///< a message begun and not finished: SlowInput
  uint32_t linger_ms = 1'000;              ///< `finish` waits so long for the peer's own end
};

/// What all streams of one loop share, so that an idle one costs next to nothing.
///
/// Threads  the loop's
/// Memory   one read buffer, touched as far as peers fill it, and a few spare output buffers
struct StreamLoop {
  static constexpr size_t kReadBytes = 256 * 1024;
  static constexpr size_t kSpareMax = 64;
  static constexpr size_t kSpareBytesMax = 256 * 1024;

  explicit StreamLoop(uv_loop_t* uv) : loop(uv), read(new std::byte[kReadBytes]) {}

  std::vector<std::byte> take();
  void give_back(std::vector<std::byte>&& buffer);

  uv_loop_t* loop;
  std::unique_ptr<std::byte[]> read;
  std::vector<std::vector<std::byte>> spare;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
};

/// One TCP connection: bytes in, bytes out, with limits on both. What the bytes mean is the
/// business of the class derived from it (`FrameStream`, the console's session).
///
/// Shape    input is read into the loop's shared buffer and handed out in place; only an unfinished
///          message is kept, 8-byte aligned, in memory of the stream's own. Output collects in
///          `out()` and leaves by `flush()`: one write call, and a queued one for what did not fit
/// Threads  the loop's
/// Memory   idle: this object. Else at most one unfinished message (or one read buffer while the
///          peer does not read), and `unsent_max_bytes`
/// Errors   every end, whatever its cause, is told by one last `on_closed`
class TcpStream {
 public:
  TcpStream(StreamLoop& shared, const StreamLimits& limits);
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  /// Only before it was started, or in or after `on_closed`.
  virtual ~TcpStream();

  // Start with one of these, once. A failure is told by `on_closed`, never from inside the call.
  /// Takes over a connected socket, as `accept4` gives it.
  void open(uv_os_sock_t socket);
  void connect(const sockaddr* address);

  /// Bytes to send are appended here.
  std::vector<std::byte>& out() {
    if (out_.capacity() == 0) out_ = shared_.take();
    return out_;
  }

  /// Sends what `out()` holds. Call once for each turn of the loop.
  void flush();

  /// Sends the rest, ends the sending side, and waits `linger_ms` for the peer's end, dropping its
  /// input, so that a last word is not lost to a reset. Then closed.
  void finish(CloseReason reason);

  /// Ends at once. `on_closed` follows in a later turn.
  void close(CloseReason reason);

  /// Applies the deadlines. Call about once a second, or more often.
  void sweep();

  /// Neither closing nor finishing: it still takes input, and output is worth making.
  bool live() const { return state_ == State::Live; }
  /// After a `flush()`: the peer does not read as fast as it asks.
  bool congested() const { return unsent() > limits_.unsent_pause_bytes; }
  size_t unsent() const { return out_.size() + tcp_.write_queue_size; }
  /// The libuv error behind Reset or ConnectFailed; 0 when there is none.
  int error() const { return error_; }
  /// `127.0.0.1:53211`, for logs.
  std::string peer() const;

 protected:
  /// What `on_input` made of its input.
  struct Taken {
    size_t bytes = 0;      ///< of whole messages; the rest is offered again
    size_t wanted = 0;     ///< how long the unfinished message at the end will be, if known
    bool stopped = false;  ///< early, because of `held()`; whole messages may be left
  };
  /// Takes whole messages from the front of `input`, which is 8-byte aligned.
  virtual Taken on_input(std::span<const std::byte> input) = 0;
  /// Whether the owner cannot take more input yet for reasons of its own. When that changes, it
  /// calls `resume()`.
  virtual bool busy() const { return false; }
  bool held() const { return congested() || busy(); }
  /// Hands out what was held back. Not from inside `on_input`.
  void resume();
  virtual void on_connected() {}
  /// Some of what was queued has left, so there may be room again.
  virtual void on_sent() {}
  /// The peer has ended its side; `rest` is an unfinished message.
  virtual void on_end(std::span<const std::byte> rest) = 0;
  /// The last call; the object may be deleted in it.
  virtual void on_closed(CloseReason reason) = 0;

  const StreamLimits& limits() const { return limits_; }

 private:
  enum class State : uint8_t { New, Connecting, Live, Finishing, Closing, Closed };

  void start_reading();
  void stop_reading();
  void provide(uv_buf_t* buffer);
  void on_read(ssize_t bytes);
  void take_input(std::span<const std::byte> input);
  void keep(std::span<const std::byte> rest);
  void on_written(int status);
  void end_sending();
  void fail(int status, CloseReason reason);

  StreamLoop& shared_;
  const StreamLimits& limits_;
  uv_tcp_t tcp_;
  State state_ = State::New;
  CloseReason reason_ = CloseReason::Local;
  bool reading_ = false;
  bool reading_into_kept_ = false;
  bool input_waits_ = false;  // kept_ may hold whole messages: on_input stopped early
  bool writing_ = false;
  bool shutting_down_ = false;
  bool ended_ = false;  // the peer's side
  int error_ = 0;
  uint64_t partial_since_ms_ = 0;
  uint64_t progress_ms_ = 0;  // of the peer's reading; or when the sending side was ended
  size_t unsent_seen_ = 0;
  size_t wanted_ = 0;
  size_t kept_bytes_ = 0;
  std::vector<std::byte> kept_;  // the first kept_bytes_ of it are input
  std::vector<std::byte> out_;
  std::vector<std::byte> sending_;
  union {
    uv_connect_t connect_;
    uv_write_t write_;
  };
  uv_shutdown_t shutdown_;
};

}  // namespace berth::net
