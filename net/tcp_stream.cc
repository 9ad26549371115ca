#include "net/tcp_stream.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "net/address.h"

namespace berth::net {
namespace {

// An unfinished message up to this size is copied in front of the next read of the shared buffer;
// a longer one is read into memory of its own, so that slow dripping costs no more than its bytes.
constexpr size_t kCopyMax = 16 * 1024;

// Memory an idle stream may hold on to.
constexpr size_t kKeptIdleMax = 1024;

TcpStream* self_of(const void* handle) {
  return static_cast<TcpStream*>(static_cast<const uv_handle_t*>(handle)->data);
}

}  // namespace

const char* close_reason_name(CloseReason reason) {
  static constexpr std::array<const char*, 9> kNames = {
      "local",
      "peer",
      "reset",
      "connect-failed",
      "oversized-frame",
      "misaligned-frame",
      "slow-input",
      "slow-reader",
      "refused"};
  return kNames[static_cast<size_t>(reason)];
}

std::vector<std::byte> StreamLoop::take() {
  if (spare.empty()) {
    std::vector<std::byte> fresh;
    fresh.reserve(512);  // a few answers; thousands of streams may want one in the same turn
    return fresh;
  }
  std::vector<std::byte> buffer = std::move(spare.back());
  spare.pop_back();
  return buffer;
}

void StreamLoop::give_back(std::vector<std::byte>&& buffer) {
  if (spare.size() < kSpareMax && buffer.capacity() > 0 && buffer.capacity() <= kSpareBytesMax) {
    buffer.clear();
    spare.push_back(std::move(buffer));
  }
  buffer = {};
}

TcpStream::TcpStream(StreamLoop& shared, const StreamLimits& limits)
    : shared_(shared), limits_(limits) {
  tcp_.data = this;
  tcp_.write_queue_size = 0;
}

TcpStream::~TcpStream() {
  BERTH_CHECK(state_ == State::New || state_ == State::Closed);
}

void TcpStream::open(uv_os_sock_t socket) {
  BERTH_CHECK(state_ == State::New);
  BERTH_CHECK(uv_tcp_init(shared_.loop, &tcp_) == 0);
  state_ = State::Live;
  if (const int status = uv_tcp_open(&tcp_, socket); status < 0) {
    ::close(socket);
    fail(status, CloseReason::Reset);
    return;
  }
  // Fails when the peer is gone already; reading tells.
  (void)uv_tcp_nodelay(&tcp_, 1);
  start_reading();
}

void TcpStream::connect(const sockaddr* address) {
  BERTH_CHECK(state_ == State::New);
  BERTH_CHECK(uv_tcp_init(shared_.loop, &tcp_) == 0);
  state_ = State::Connecting;
  const int status =
      uv_tcp_connect(&connect_, &tcp_, address, [](uv_connect_t* request, int outcome) {
        TcpStream* self = self_of(request->handle);
        if (self->state_ != State::Connecting) return;
        if (outcome < 0) {
          self->fail(outcome, CloseReason::ConnectFailed);
          return;
        }
        self->state_ = State::Live;
        (void)uv_tcp_nodelay(&self->tcp_, 1);
        self->start_reading();
        self->on_connected();
      });
  if (status < 0) fail(status, CloseReason::ConnectFailed);
}

void TcpStream::fail(int status, CloseReason reason) {
  error_ = status;
  close(reason);
}

// ---- Input ----------------------------------------------------------------------------------

void TcpStream::start_reading() {
  if (reading_ || ended_ || state_ == State::Closing) return;
  reading_ = true;
  const int status = uv_read_start(
      reinterpret_cast<uv_stream_t*>(&tcp_),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) { self_of(handle)->provide(buffer); },
      [](uv_stream_t* handle, ssize_t bytes, const uv_buf_t*) { self_of(handle)->on_read(bytes); });
  if (status < 0) fail(status, CloseReason::Reset);
}

void TcpStream::stop_reading() {
  if (!reading_) return;
  reading_ = false;
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&tcp_));
}

void TcpStream::provide(uv_buf_t* buffer) {
  std::byte* base = shared_.read.get();
  size_t room = StreamLoop::kReadBytes;
  reading_into_kept_ = kept_bytes_ > 0 && std::max(wanted_, kept_bytes_) > kCopyMax;
  if (reading_into_kept_) {
    // Grows with what has come, not with what was announced: announcing costs a peer nothing.
    const size_t size = std::max(
        std::min(wanted_, std::max(2 * kept_bytes_, 2 * kCopyMax)), kept_bytes_ + kCopyMax / 16);
    if (kept_.size() < size) kept_.resize(size);
    base = kept_.data() + kept_bytes_;
    room = kept_.size() - kept_bytes_;
  } else if (kept_bytes_ > 0) {
    std::memcpy(base, kept_.data(), kept_bytes_);
    base += kept_bytes_;
    room -= kept_bytes_;
  }
  *buffer = uv_buf_init(reinterpret_cast<char*>(base), static_cast<unsigned>(room));
}

void TcpStream::on_read(ssize_t bytes) {
  if (bytes == 0) return;  // nothing there after all
  if (bytes == UV_EOF) {
    ended_ = true;
    stop_reading();
    if (state_ == State::Live) {
      on_end({kept_.data(), kept_bytes_});
    } else if (state_ == State::Finishing && shutting_down_) {
      close(reason_);
    }
    return;
  }
  if (bytes < 0) {
    fail(static_cast<int>(bytes), state_ == State::Live ? CloseReason::Reset : reason_);
    return;
  }
  shared_.bytes_received += static_cast<size_t>(bytes);
  if (state_ != State::Live) return;
  const std::byte* front = reading_into_kept_ ? kept_.data() : shared_.read.get();
  take_input({front, std::exchange(kept_bytes_, 0) + static_cast<size_t>(bytes)});
}

void TcpStream::take_input(std::span<const std::byte> input) {
  Taken taken = on_input(input);
  while (taken.stopped && live() && !held()) {
    input = input.subspan(taken.bytes);
    taken = on_input(input);
  }
  if (!live()) return;
  const bool fresh = taken.bytes > 0 || partial_since_ms_ == 0;
  wanted_ = taken.wanted;
  input_waits_ = taken.stopped;
  keep(input.subspan(taken.bytes));
  if (kept_bytes_ == 0 || input_waits_) {
    partial_since_ms_ = 0;
  } else if (fresh) {
    partial_since_ms_ = uv_now(shared_.loop);
  }
  // Only when a write is under way, for its end is what starts reading again.
  if (congested()) flush();
  if (held()) stop_reading();
}

void TcpStream::keep(std::span<const std::byte> rest) {
  if (rest.empty()) {
    kept_bytes_ = 0;
    if (kept_.capacity() > kKeptIdleMax) std::vector<std::byte>().swap(kept_);
    return;
  }
  if (rest.data() != kept_.data()) {
    // The rest may lie further back in kept_ itself; then it only moves to the front.
    if (kept_.size() < rest.size()) kept_.resize(rest.size());
    std::memmove(kept_.data(), rest.data(), rest.size());
  }
  kept_bytes_ = rest.size();
}

// ---- Output ---------------------------------------------------------------------------------

void TcpStream::flush() {
  if (out_.empty() || writing_ || state_ == State::Connecting || state_ >= State::Closing) {
    if (unsent() > limits_.unsent_max_bytes && state_ < State::Closing) {
      close(CloseReason::SlowReader);
    }
    return;
  }
  uv_stream_t* stream = reinterpret_cast<uv_stream_t*>(&tcp_);
  uv_buf_t buffer =
      uv_buf_init(reinterpret_cast<char*>(out_.data()), static_cast<unsigned>(out_.size()));
  const int written = uv_try_write(stream, &buffer, 1);
  if (written < 0 && written != UV_EAGAIN) {
    fail(written, state_ == State::Live ? CloseReason::Reset : reason_);
    return;
  }
  const size_t sent = written > 0 ? static_cast<size_t>(written) : 0;
  shared_.bytes_sent += sent;
  if (sent == out_.size()) {
    shared_.give_back(std::move(out_));
    return;
  }
  if (out_.size() - sent > limits_.unsent_max_bytes) {
    close(CloseReason::SlowReader);
    return;
  }
  sending_ = std::move(out_);
  out_ = {};
  buffer = uv_buf_init(
      reinterpret_cast<char*>(sending_.data() + sent),
      static_cast<unsigned>(sending_.size() - sent));
  writing_ = true;
  progress_ms_ = uv_now(shared_.loop);
  unsent_seen_ = buffer.len;
  const int status = uv_write(&write_, stream, &buffer, 1, [](uv_write_t* request, int outcome) {
    self_of(request->handle)->on_written(outcome);
  });
  if (status < 0) {
    writing_ = false;
    fail(status, CloseReason::Reset);
  }
}

void TcpStream::on_written(int status) {
  writing_ = false;
  shared_.give_back(std::move(sending_));
  if (state_ >= State::Closing) return;
  if (status < 0) {
    fail(status, state_ == State::Live ? CloseReason::Reset : reason_);
    return;
  }
  shared_.bytes_sent += unsent_seen_;
  flush();
  resume();
  if (state_ == State::Live) on_sent();
  if (state_ == State::Finishing && !writing_) end_sending();
}

void TcpStream::resume() {
  if (busy() || state_ != State::Live) return;
  // Half of the limit, so that a slow reader does not stop and start us with every packet.
  if (unsent() > limits_.unsent_pause_bytes / 2) flush();
  if (unsent() > limits_.unsent_pause_bytes / 2) return;  // the end of that write comes back here
  if (input_waits_) {
    input_waits_ = false;
    take_input({kept_.data(), std::exchange(kept_bytes_, 0)});
  }
  if (state_ == State::Live && !held()) start_reading();
}

// ---- The end --------------------------------------------------------------------------------

void TcpStream::finish(CloseReason reason) {
  if (state_ == State::Connecting) close(reason);
  if (state_ != State::Live) return;
  state_ = State::Finishing;
  reason_ = reason;
  kept_bytes_ = 0;
  flush();
  if (state_ == State::Finishing && !writing_) end_sending();
}

void TcpStream::end_sending() {
  if (shutting_down_) return;
  shutting_down_ = true;
  progress_ms_ = uv_now(shared_.loop);
  if (ended_) {
    close(reason_);
    return;
  }
  const int status = uv_shutdown(
      &shutdown_, reinterpret_cast<uv_stream_t*>(&tcp_), [](uv_shutdown_t* request, int outcome) {
        TcpStream* self = self_of(request->handle);
        if (outcome < 0 && self->state_ < State::Closing) self->close(self->reason_);
      });
  if (status < 0) {
    close(reason_);
    return;
  }
  start_reading();  // only to see the end; what still comes is dropped
}

void TcpStream::close(CloseReason reason) {
  if (state_ == State::New || state_ >= State::Closing) return;
  reason_ = reason;
  state_ = State::Closing;
  reading_ = false;
  shared_.give_back(std::move(out_));
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), [](uv_handle_t* handle) {
    TcpStream* self = self_of(handle);
    self->state_ = State::Closed;
    self->on_closed(self->reason_);
  });
}

void TcpStream::sweep() {
  const uint64_t now = uv_now(shared_.loop);
  if (state_ == State::Finishing && shutting_down_) {
    if (now - progress_ms_ >= limits_.linger_ms) close(reason_);
    return;
  }
  if (state_ != State::Live && state_ != State::Finishing) return;
  if (writing_) {
    if (tcp_.write_queue_size != unsent_seen_) {
      shared_.bytes_sent += unsent_seen_ - tcp_.write_queue_size;
      unsent_seen_ = tcp_.write_queue_size;
      progress_ms_ = now;
    } else if (now - progress_ms_ >= limits_.stall_ms) {
      close(CloseReason::SlowReader);
      return;
    }
  }
  if (partial_since_ms_ != 0 && now - partial_since_ms_ >= limits_.partial_ms) {
    close(CloseReason::SlowInput);
  }
}

std::string TcpStream::peer() const {
  sockaddr_storage address;
  int bytes = sizeof address;
  if (uv_tcp_getpeername(&tcp_, reinterpret_cast<sockaddr*>(&address), &bytes) < 0) return "?";
  return format_address(reinterpret_cast<const sockaddr*>(&address));
}

}  // namespace berth::net
