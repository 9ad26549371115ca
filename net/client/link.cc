#include "net/client/link.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "net/client/answers.h"

namespace berth::client {
namespace {

// A connection that ends sooner than this counts as a failed attempt: a server that welcomes and
// then hangs up must not be asked in a tight loop.
constexpr uint64_t kHealthyMs = 1'000;

// Pages of workers are the largest replies; ours alone to bound, the server has its own limits.
constexpr uint32_t kReplyBytesMax = 64u << 20;

constexpr const char* kSoftware = "libberth-client/" BERTH_VERSION;

net::StreamLimits client_limits() {
  net::StreamLimits limits;
  limits.frame_bytes_max = kReplyBytesMax;
  // What is unsent is bounded by the pending requests. To stop reading because of it would starve
  // a server that waits for us to read: each would wait for the other.
  limits.unsent_pause_bytes = std::numeric_limits<uint32_t>::max();
  limits.unsent_max_bytes = std::numeric_limits<uint32_t>::max();
  return limits;
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? std::string(name) : std::string("client");
}

}  // namespace

Link::Link(
    uv_loop_t* loop, std::vector<net::HostPort> endpoints, const Options& options, LinkOwner& owner)
    : loop_(loop),
      endpoints_(std::move(endpoints)),
      options_(options),
      owner_(owner),
      shared_(loop),
      limits_(client_limits()),
      random_(std::random_device{}()) {}

void Link::start() {
  uv_timer_init(loop_, &timer_);
  timer_.data = this;
  timer_open_ = true;
  resolve_.data = this;
  try_endpoint();
}

void Link::stop() {
  if (state_ == State::Stopped) return;
  state_ = State::Stopped;
  if (resolving_) uv_cancel(reinterpret_cast<uv_req_t*>(&resolve_));
  if (stream_) stream_->close(net::CloseReason::Local);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), [](uv_handle_t* handle) {
    Link* self = static_cast<Link*>(handle->data);
    self->timer_open_ = false;
    self->tell_stopped();
  });
}

// Must be the last thing its callers do: the owner may delete this link.
void Link::tell_stopped() {
  if (state_ == State::Stopped && !timer_open_ && !resolving_ && !stream_) owner_.on_stopped();
}

void Link::flush() {
  if (up()) stream_->flush();
}

void Link::sweep() {
  if (stream_) stream_->sweep();
}

void Link::drop(std::string why) {
  if (!up()) return;
  end_error_ = Error{.code = ErrorCode::Unreachable, .message = place() + " " + why};
  stream_->close(net::CloseReason::Local);
}

std::string Link::place() const {
  return net::format_host_port(endpoints_[endpoint_]);
}

// ---- The search -----------------------------------------------------------------------------

void Link::try_endpoint() {
  state_ = State::Resolving;
  addresses_.clear();
  const net::HostPort& where = endpoints_[endpoint_];
  sockaddr_storage address{};
  if (where.host != "localhost" && net::numeric_address(where, address)) {
    addresses_.push_back(address);
    try_address();
    return;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const int status = uv_getaddrinfo(
      loop_,
      &resolve_,
      [](uv_getaddrinfo_t* request, int result, addrinfo* found) {
        static_cast<Link*>(request->data)->on_resolved(result, found);
        uv_freeaddrinfo(found);
      },
      where.host.c_str(),
      std::to_string(where.port).c_str(),
      &hints);
  resolving_ = status == 0;
  if (!resolving_) on_resolved(status, nullptr);
}

void Link::on_resolved(int status, const addrinfo* found) {
  resolving_ = false;
  if (state_ == State::Stopped) {
    tell_stopped();
    return;
  }
  for (const addrinfo* each = found; status == 0 && each != nullptr; each = each->ai_next) {
    sockaddr_storage address{};
    std::copy_n(
        reinterpret_cast<const char*>(each->ai_addr),
        std::min<size_t>(each->ai_addrlen, sizeof(address)),
        reinterpret_cast<char*>(&address));
    addresses_.push_back(address);
  }
  if (addresses_.empty()) {
    const char* why = status == 0 ? "the name has no address" : uv_strerror(status);
    note_failure({.code = ErrorCode::Unreachable, .message = place() + " (" + why + ")"});
    next_endpoint();
    return;
  }
  try_address();
}

void Link::try_address() {
  state_ = State::Connecting;
  end_error_.reset();
  const sockaddr_storage address = addresses_.front();
  addresses_.erase(addresses_.begin());
  stream_ =
      std::make_unique<net::FrameStream>(shared_, limits_, static_cast<net::FrameHandler&>(*this));
  arm(options_.connect_timeout);
  // A failure is told by on_closed, at once or later.
  (void)stream_->connect(reinterpret_cast<const sockaddr*>(&address));
}

void Link::next_endpoint() {
  endpoint_ = (endpoint_ + 1) % endpoints_.size();
  if (++tried_ < endpoints_.size()) {
    try_endpoint();
    return;
  }
  ++rounds_failed_;
  const bool refused = round_error_.code == ErrorCode::Refused;
  const bool final = refused || rounds_failed_ >= options_.rounds_max;
  Error error = std::exchange(round_error_, {});
  if (!refused) error.message = "no Berth server answers at " + error.message;
  pause();
  owner_.on_round_failed(error, final);
}

void Link::pause() {
  state_ = State::Pausing;
  tried_ = 0;
  const uint32_t doublings = std::clamp(rounds_failed_, 1u, 20u) - 1;
  const int64_t whole =
      std::min<int64_t>(options_.backoff_first.count() << doublings, options_.backoff_max.count());
  // Between half and all of it, so that clients of one lost server do not return as one.
  const int64_t jitter = static_cast<int64_t>(random_() % (static_cast<uint64_t>(whole / 2) + 1));
  arm(Milliseconds(whole - jitter));
}

// A refusal (a wrong token, say) is worth more than "nobody there": it is what the user must mend.
void Link::note_failure(const Error& error) {
  if (error.code == ErrorCode::Refused) {
    round_error_ = error;
  } else if (round_error_.code != ErrorCode::Refused) {
    const std::string& before = round_error_.message;
    round_error_ = {
        .code = ErrorCode::Unreachable,
        .message = before.empty() ? error.message : before + ", " + error.message};
  }
}

void Link::arm(Milliseconds delay) {
  uv_update_time(loop_);
  uv_timer_start(
      &timer_,
      [](uv_timer_t* timer) { static_cast<Link*>(timer->data)->on_timer(); },
      static_cast<uint64_t>(std::max<int64_t>(delay.count(), 0)),
      0);
}

void Link::on_timer() {
  if (state_ == State::Pausing) {
    try_endpoint();
  } else if (state_ == State::Connecting || state_ == State::Greeting) {
    end_error_ = Error{
        .code = ErrorCode::Unreachable,
        .message = place() + " (no welcome within " +
                   std::to_string(options_.connect_timeout.count()) + " ms)"};
    stream_->close(net::CloseReason::Local);
  }
}

// ---- One connection -------------------------------------------------------------------------

void Link::on_connected(net::FrameStream& stream) {
  if (state_ != State::Connecting) return;
  state_ = State::Greeting;
  const std::string identity = options_.identity.empty() ? host_name() : options_.identity;
  encoder_.encode(
      {1},
      wire::Hello{
          .role = static_cast<wire::Role>(options_.role),
          .identity = identity,
          .token = options_.token,
          .software = kSoftware},
      stream.out());
  stream.flush();
}

void Link::on_frame(net::FrameStream& stream, const wire::Frame& frame) {
  heard_ms_ = uv_now(loop_);
  const wire::DecodeStatus status = decoder_.decode(frame.payload, reply_);
  // An event of a kind that a newer server knows is no harm.
  if (status == wire::DecodeStatus::UnknownKind && frame.request.value == 0) return;
  if (status != wire::DecodeStatus::Ok) {
    end_error_ = Error{
        .code = ErrorCode::Protocol,
        .message = place() + " does not speak the Berth protocol of this version"};
    stream.close(net::CloseReason::Local);
  } else if (state_ == State::Up) {
    owner_.on_reply(frame.request, reply_);
  } else if (state_ == State::Greeting) {
    on_greeting(reply_);
  }
}

void Link::on_greeting(const wire::Reply& reply) {
  if (const auto* welcome = std::get_if<wire::Welcome>(&reply)) {
    state_ = State::Up;
    up_ms_ = uv_now(loop_);
    uv_timer_stop(&timer_);
    tried_ = 0;
    round_error_ = {};
    server_ = {
        .endpoint = place(),
        .software = std::string(welcome->software),
        .epoch = welcome->epoch,
        .max_frame_bytes = welcome->max_frame_bytes,
        .suspicious_after = Milliseconds(welcome->suspicious_after_ms),
        .offline_after = Milliseconds(welcome->offline_after_ms),
    };
    owner_.on_up(server_);
    return;
  }
  if (const auto* refused = std::get_if<wire::Refused>(&reply)) {
    end_error_ = refused_error(refused->code, refused->message);
    end_error_->message = place() + ": " + end_error_->message;
  } else {
    end_error_ =
        Error{.code = ErrorCode::Protocol, .message = place() + " did not answer with a welcome"};
  }
  stream_->close(net::CloseReason::Local);
}

void Link::on_end(net::FrameStream& stream) {
  stream.close(net::CloseReason::Peer);
}

Error Link::end_error(net::CloseReason reason, int uv_error) const {
  if (end_error_) return *end_error_;
  const std::string why = uv_error != 0 ? uv_strerror(uv_error) : net::close_reason_name(reason);
  if (state_ == State::Up) {
    return {
        .code = ErrorCode::Unreachable,
        .message = "the connection to " + place() + " ended (" + why + ")"};
  }
  return {.code = ErrorCode::Unreachable, .message = place() + " (" + why + ")"};
}

void Link::on_closed(net::FrameStream& stream, net::CloseReason reason) {
  const Error error = end_error(reason, stream.error());
  stream_.reset();
  switch (state_) {
    case State::Stopped: tell_stopped(); return;
    case State::Up: on_lost(error); return;
    default: break;
  }
  uv_timer_stop(&timer_);
  note_failure(error);
  // A server that answered and said no is the same at its other addresses.
  if (!addresses_.empty() && error.code == ErrorCode::Unreachable) {
    try_address();
  } else {
    next_endpoint();
  }
}

void Link::on_lost(Error error) {
  endpoint_ = (endpoint_ + 1) % endpoints_.size();
  tried_ = 0;
  if (uv_now(loop_) - up_ms_ >= kHealthyMs) {
    rounds_failed_ = 0;
    try_endpoint();
  } else {
    ++rounds_failed_;
    pause();
  }
  owner_.on_down(error);
}

}  // namespace berth::client
