#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <uv.h>

#include "net/address.h"
#include "net/client/client.h"
#include "net/frame_stream.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace berth::client {

/// Who is told what a Link sees.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  /// A server has welcomed us.
  virtual void on_up(const ServerInfo& server) = 0;
  virtual void on_reply(wire::RequestId id, const wire::Reply& reply) = 0;
  /// A connection that was up has ended.
  virtual void on_down(const Error& error) = 0;
  /// Every endpoint has failed once more; `final` when waiting longer has no point.
  virtual void on_round_failed(const Error& error, bool final) = 0;
  /// The last call, after `stop`: the loop knows nothing of this link any more.
  virtual void on_stopped() = 0;
};

/// The one connection of a client, and the search for the next.
///
/// Shape    endpoints in order, of each every address; then a pause that doubles, with jitter
/// Threads  the loop's
/// Memory   one stream at a time; what is unsent is bounded by the owner's pending requests
class Link final : private net::FrameHandler {
 public:
  /// `endpoints` have been checked. `options` and `owner` outlive the link.
  Link(
      uv_loop_t* loop,
      std::vector<net::HostPort> endpoints,
      const Options& options,
      LinkOwner& owner);
  ~Link() override = default;

  void start();
  /// Ends everything; `on_stopped` follows.
  void stop();

  bool up() const { return state_ == State::Up && stream_->live(); }
  const ServerInfo& server() const { return server_; }
  std::vector<std::byte>& out() { return stream_->out(); }
  void flush();

  /// Gives up the present connection for `why` and tries the next endpoint.
  void drop(std::string why);

  /// Applies the stream's own deadlines; about once a second.
  void sweep();

  /// Time of the last bytes from the server, on the loop's clock.
  uint64_t heard_ms() const { return heard_ms_; }

 private:
  enum class State : uint8_t { Idle, Resolving, Connecting, Greeting, Up, Pausing, Stopped };

  void try_endpoint();
  void try_address();
  void next_endpoint();
  void pause();
  void on_resolved(int status, const addrinfo* found);
  void on_timer();
  void on_greeting(const wire::Reply& reply);
  void on_lost(Error error);
  void note_failure(const Error& error);
  Error end_error(net::CloseReason reason, int uv_error) const;
  std::string place() const;  // of the present endpoint, for messages
  void arm(Milliseconds delay);
  void tell_stopped();

  void on_connected(net::FrameStream& stream) override;
  void on_frame(net::FrameStream& stream, const wire::Frame& frame) override;
  void on_end(net::FrameStream& stream) override;
  void on_closed(net::FrameStream& stream, net::CloseReason reason) override;

  uv_loop_t* const loop_;
  const std::vector<net::HostPort> endpoints_;
  const Options& options_;
  LinkOwner& owner_;
  net::StreamLoop shared_;
  net::StreamLimits limits_;
  wire::Decoder decoder_;
  wire::Encoder encoder_;
  wire::Reply reply_;

  State state_ = State::Idle;
  size_t endpoint_ = 0;
  size_t tried_ = 0;  // endpoints of this round
  uint32_t rounds_failed_ = 0;
  std::vector<sockaddr_storage> addresses_;  // of this endpoint, still to be tried
  std::unique_ptr<net::FrameStream> stream_;
  std::optional<Error> end_error_;  // why we end the stream, when we do
  Error round_error_;               // what every endpoint of this round said
  ServerInfo server_;
  uint64_t heard_ms_ = 0;
  uint64_t up_ms_ = 0;
  std::minstd_rand random_;

  uv_timer_t timer_;
  uv_getaddrinfo_t resolve_;
  bool resolving_ = false;
  bool timer_open_ = false;  // from `start` until libuv has closed it
};

}  // namespace berth::client
