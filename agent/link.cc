#include "agent/link.h"

#include <algorithm>

#include "net/loop_clock.h"

namespace berth::agent {

/// A name on its way through the resolver. It outlives a link that lost interest.
struct Link::Lookup {
  uv_getaddrinfo_t request;
  Link* link;
};

Link::Link(
    LinkShared& shared,
    const net::HostPort& server,
    const SessionSettings& settings,
    Life& life,
    const Profile& profile,
    const Vitals& vitals,
    uint64_t seed)
    : shared_(shared), server_(server), session_(settings, life, profile, vitals, seed) {
  uv_timer_init(shared_.streams.loop, &timer_);
  timer_.data = this;
}

Link::~Link() = default;

void Link::start() {
  session_.start(net::LoopClock::mono(), effects_);
  carry_out();
}

void Link::on_profile_changed() {
  session_.on_profile_changed(net::LoopClock::mono(), effects_);
  carry_out();
}

void Link::send(wire::RequestId id, const wire::Request& message) {
  if (stream_ != nullptr) shared_.encoder.encode(id, message, stream_->out());
}

void Link::flush() {
  if (stream_ != nullptr) stream_->flush();
}

void Link::stop() {
  session_.stop(net::LoopClock::mono(), effects_);
  carry_out();
}

void Link::close() {
  guest_ = nullptr;
  disconnect();
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
}

void Link::sweep() {
  if (stream_ != nullptr) stream_->sweep();
}

void Link::on_timer() {
  session_.on_timer(net::LoopClock::mono(), effects_);
  carry_out();
}

void Link::on_connected(net::FrameStream& stream) {
  if (&stream != stream_) return;
  session_.on_connected(net::LoopClock::mono(), effects_);
  carry_out();
}

void Link::on_frame(net::FrameStream& stream, const wire::Frame& frame) {
  if (&stream != stream_) return;  // one that we have let go of
  wire::Reply reply;
  if (shared_.decoder.decode(frame.payload, reply) != wire::DecodeStatus::Ok) {
    disconnect();
    session_.on_disconnected(
        net::LoopClock::mono(), "it sent a message that this agent cannot read", effects_);
  } else if (guest_ == nullptr || !guest_->on_reply(frame.request, reply)) {
    session_.on_reply(net::LoopClock::mono(), frame.request, reply, effects_);
  }
  carry_out();
}

void Link::on_frames_end(net::FrameStream& stream) {
  stream.flush();
}

void Link::on_closed(net::FrameStream& stream, net::CloseReason reason) {
  bool current = &stream == stream_;
  std::string why = stream.error() != 0                ? uv_strerror(stream.error())
                    : reason == net::CloseReason::Peer ? "the server ended the connection"
                                                       : net::close_reason_name(reason);
  delete &stream;
  if (!current) return;
  stream_ = nullptr;
  session_.on_disconnected(net::LoopClock::mono(), why, effects_);
  carry_out();
}

/// Effects in order. Some of them cause events at once, whose effects then stand behind them.
void Link::carry_out() {
  if (carrying_out_) return;
  carrying_out_ = true;
  for (size_t i = 0; i < effects_.size(); ++i) {
    Effect effect = std::move(effects_[i]);
    if (std::holds_alternative<Connect>(effect)) connect();
    if (std::holds_alternative<Disconnect>(effect)) disconnect();
    if (const auto* send = std::get_if<Send>(&effect); send != nullptr && stream_ != nullptr) {
      shared_.encoder.encode(send->id, send->message, stream_->out());
    }
    if (std::holds_alternative<Up>(effect) && guest_ != nullptr) guest_->on_up(*this);
    if (std::holds_alternative<Down>(effect) && guest_ != nullptr) guest_->on_down();
    if (const auto* log = std::get_if<Log>(&effect)) shared_.on_log(*log);
    if (const auto* exit = std::get_if<Exit>(&effect)) shared_.on_exit(*exit);
  }
  effects_.clear();
  carrying_out_ = false;
  if (stream_ != nullptr) stream_->flush();
  set_timer();
  if (session_.state() == SessionState::Stopped && !told_stopped_) {
    told_stopped_ = true;
    shared_.on_stopped();
  }
}

void Link::connect() {
  sockaddr_storage address;
  if (net::numeric_address(server_, address)) {
    connect_to(reinterpret_cast<const sockaddr*>(&address));
  } else {
    look_up();
  }
}

void Link::connect_to(const sockaddr* address) {
  stream_ = new net::FrameStream(shared_.streams, shared_.limits, *this);
  stream_->connect(address);
}

void Link::look_up() {
  if (lookup_ != nullptr) lookup_->link = nullptr;
  lookup_ = new Lookup{{}, this};
  lookup_->request.data = lookup_;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  auto on_answer = [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
    auto* lookup = static_cast<Lookup*>(request->data);
    Link* link = lookup->link;
    delete lookup;
    if (link != nullptr) {
      link->lookup_ = nullptr;
      if (status == 0) {
        link->connect_to(found->ai_addr);
      } else {
        link->session_.on_disconnected(
            net::LoopClock::mono(),
            "host " + link->server_.host + ": " + uv_strerror(status),
            link->effects_);
        link->carry_out();
      }
    }
    uv_freeaddrinfo(found);
  };
  std::string port = std::to_string(server_.port);
  int status = uv_getaddrinfo(
      shared_.streams.loop,
      &lookup_->request,
      on_answer,
      server_.host.c_str(),
      port.c_str(),
      &hints);
  if (status == 0) return;
  delete lookup_;
  lookup_ = nullptr;
  session_.on_disconnected(net::LoopClock::mono(), uv_strerror(status), effects_);
}

void Link::disconnect() {
  if (lookup_ != nullptr) {
    lookup_->link = nullptr;
    (void)uv_cancel(reinterpret_cast<uv_req_t*>(&lookup_->request));  // or its answer is dropped
    lookup_ = nullptr;
  }
  if (stream_ == nullptr) return;
  net::FrameStream* ended = stream_;
  stream_ = nullptr;
  ended->close(net::CloseReason::Local);
}

void Link::set_timer() {
  if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&timer_))) return;
  std::optional<core::Instant> deadline = session_.deadline();
  if (!deadline) {
    uv_timer_stop(&timer_);
    return;
  }
  // Rounded up: a timer that fires early finds nothing to do and would have to be set again. The
  // loop's own idea of now is as old as this turn.
  uv_update_time(shared_.streams.loop);
  int64_t wait_ns = std::max<int64_t>(0, deadline->ns - net::LoopClock::mono().ns);
  auto fire = [](uv_timer_t* timer) {
    static_cast<Link*>(timer->data)->on_timer();
  };
  uv_timer_start(&timer_, fire, static_cast<uint64_t>((wait_ns + 999'999) / 1'000'000), 0);
}

}  // namespace berth::agent
