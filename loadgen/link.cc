#include "loadgen/link.h"

#include <algorithm>
#include <limits>

#include "core/base/check.h"
#include "loadgen/reply_text.h"

namespace berth::loadgen {
namespace {

constexpr int64_t kTimerGrainNs = 1'000'000;
// How long the loop may sleep whatever its users say, so that `done()` is asked.
constexpr core::Duration kSleepMax = core::Duration::milliseconds(50);

uv_handle_t* handle(void* of) {
  return static_cast<uv_handle_t*>(of);
}

}  // namespace

LinkLoop::LinkLoop() {
  BERTH_CHECK(uv_loop_init(&uv) == 0);
  streams = std::make_unique<net::StreamLoop>(&uv);
  // Registering and releasing come in bursts; the server's limit on what it has not read is the
  // one that counts here.
  limits.unsent_pause_bytes = 64u << 20;
  limits.unsent_max_bytes = 256u << 20;
  limits.frame_bytes_max = 16u << 20;
  BERTH_CHECK(uv_prepare_init(&uv, &prepare_) == 0);
  BERTH_CHECK(uv_idle_init(&uv, &spin_) == 0);
  BERTH_CHECK(uv_timer_init(&uv, &alarm_) == 0);
  prepare_.data = this;
  uv_prepare_start(
      &prepare_, [](uv_prepare_t* self) { static_cast<LinkLoop*>(self->data)->before_sleep(); });
}

LinkLoop::~LinkLoop() {
  uv_close(handle(&prepare_), nullptr);
  uv_close(handle(&spin_), nullptr);
  uv_close(handle(&alarm_), nullptr);
  uv_run(&uv, UV_RUN_DEFAULT);
  BERTH_CHECK(uv_loop_close(&uv) == 0);
}

void LinkLoop::remove(TurnUser& user) {
  users_.erase(std::remove(users_.begin(), users_.end(), &user), users_.end());
}

bool LinkLoop::run_until(const std::function<bool()>& done, core::Instant deadline) {
  while (!done()) {
    if (now() >= deadline) return false;
    uv_run(&uv, UV_RUN_ONCE);
  }
  return true;
}

void LinkLoop::before_sleep() {
  core::Instant at = now();
  core::Instant next = at + kSleepMax;
  for (size_t i = 0; i < users_.size(); ++i)
    next = std::min(next, users_[i]->on_turn(at));
  // Fresh, as the turn may have taken long; the alarm counts from the loop's own time.
  int64_t left = next.ns - now().ns;
  if (left < 2 * kTimerGrainNs) {
    uv_idle_start(&spin_, [](uv_idle_t*) {});
    return;
  }
  uv_idle_stop(&spin_);
  uv_update_time(&uv);
  uint64_t sleep_ms = static_cast<uint64_t>((left - kTimerGrainNs) / kTimerGrainNs);
  uv_timer_start(
      &alarm_, [](uv_timer_t*) {}, sleep_ms, 0);
}

Link::Link(LinkLoop& loop, LinkUser& user, const Options& options)
    : loop_(loop), user_(user), options_(options), stream_(*loop.streams, loop.limits, *this) {}

Link::~Link() {
  BERTH_CHECK(!started_ || closed_);
}

void Link::connect() {
  started_ = true;
  stream_.connect(options_.server);
}

void Link::close() {
  told_ = true;
  if (!started_) closed_ = true;
  if (!closed_) stream_.close(net::CloseReason::Local);
}

void Link::lose(const std::string& why) {
  if (told_) return;
  told_ = true;
  user_.on_lost(*this, why);
  if (!closed_) stream_.close(net::CloseReason::Local);
}

void Link::on_connected(net::FrameStream&) {
  wire::Hello hello;
  hello.role = options_.role;
  hello.identity = options_.identity;
  hello.token = options_.token;
  hello.software = "berth-loadgen";
  loop_.encoder.encode(wire::RequestId{1}, hello, out());
  flush();
}

void Link::on_frame(net::FrameStream&, const wire::Frame& frame) {
  if (told_) return;
  if (read_at_.ns == 0) read_at_ = LinkLoop::now();
  if (loop_.decoder.decode(frame.payload, loop_.reply) != wire::DecodeStatus::Ok) {
    lose("the server at " + options_.server_text + " sent a frame that cannot be decoded");
    return;
  }
  if (welcomed_) {
    user_.on_reply(*this, read_at_, frame.request, loop_.reply);
    return;
  }
  if (const auto* welcome = std::get_if<wire::Welcome>(&loop_.reply)) {
    welcomed_ = true;
    welcome_ = *welcome;
    welcome_.software = {};
    user_.on_welcome(*this, *welcome);
    return;
  }
  lose(
      "the server at " + options_.server_text + " answered the greeting with " +
      describe(loop_.reply));
}

void Link::on_frames_end(net::FrameStream&) {
  if (!told_ && welcomed_) {
    user_.on_turn_end(*this, read_at_.ns == 0 ? LinkLoop::now() : read_at_);
  }
  read_at_ = {0};
  flush();
}

void Link::on_end(net::FrameStream&) {
  lose("the server at " + options_.server_text + " closed a connection");
}

void Link::on_closed(net::FrameStream& stream, net::CloseReason reason) {
  closed_ = true;
  if (reason == net::CloseReason::ConnectFailed) {
    lose(
        "cannot reach a server at " + options_.server_text + ": " + uv_strerror(stream.error()) +
        "; is berthd running there?");
  } else if (stream.error() != 0) {
    lose(
        "lost a connection to the server at " + options_.server_text + ": " +
        uv_strerror(stream.error()));
  } else {
    lose(
        "closed a connection to the server at " + options_.server_text + ": " +
        net::close_reason_name(reason));
  }
}

}  // namespace berth::loadgen
