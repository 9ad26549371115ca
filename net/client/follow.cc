#include "net/client/follow.h"

#include <algorithm>
#include <utility>

#include "net/text/units.h"

namespace berth::client {
namespace {

// A worker comes back to a server that has restarted within seconds, or is lost after twenty.
constexpr uint64_t kBusyPauseMs = 250;
constexpr int kBusyMax = 100;

uint64_t now_ms() {
  return uv_hrtime() / 1'000'000;
}

}  // namespace

bool LongPoll::outlasts(const Error& error) const {
  return answered_ &&
         (error.code == ErrorCode::Unreachable || error.code == ErrorCode::TimedOut ||
          (error.code == ErrorCode::Refused && error.refusal == Refusal::ShuttingDown));
}

// ---- Jobs -------------------------------------------------------------------------------------

JobWait::JobWait(std::shared_ptr<Client::Impl> impl, WaitRequest request, Callback<JobCounts> done)
    : impl_(std::move(impl)),
      request_(std::move(request)),
      done_(std::move(done)),
      began_ms_(now_ms()) {}

Milliseconds JobWait::left() const {
  if (request_.timeout.count() <= 0) return LongPoll::kWait;
  const auto past = static_cast<int64_t>(now_ms() - began_ms_);
  return Milliseconds(std::max<int64_t>(request_.timeout.count() - past, 0));
}

void JobWait::ask() {
  const std::shared_ptr<Client::Impl> impl = impl_.lock();
  if (!impl) return;
  // The first answer comes at once: it says how far they are, and that a server is there.
  const Milliseconds wait = asked_ ? std::min(left(), LongPoll::kWait) : Milliseconds(0);
  asked_ = true;
  const std::vector<wire::JobRange> ranges = wire_ranges(request_.jobs);
  Callback<JobCounts> counted = [self = shared_from_this()](Result<JobCounts> result) {
    self->on_counts(std::move(result));
  };
  impl->submit(
      std::move(counted),
      Resend::Insist,
      wait + impl->options().timeout,
      [&](Outgoing& to, std::vector<std::byte>& frame) {
        to.encode(wire::WaitJobs{.jobs = ranges, .wait_ms = to_wire_ms(wait)}, frame);
      });
}

void JobWait::on_counts(Result<JobCounts> result) {
  if (!result && !poll_.outlasts(result.error())) {
    done_(std::move(result));
    return;
  }
  if (result) {
    poll_.on_answered();
    if (request_.on_progress) request_.on_progress(*result);
    if (result->done) {
      done_(std::move(result));
      return;
    }
  }
  if (request_.timeout.count() > 0 && left().count() == 0) {
    done_(Error{
        .code = ErrorCode::TimedOut,
        .message = "not all jobs have ended within " +
                   net::format_duration(core::Duration::milliseconds(request_.timeout.count()))});
    return;
  }
  ask();
}

// ---- Logs -------------------------------------------------------------------------------------

LogFollow::LogFollow(
    std::shared_ptr<Client::Impl> impl,
    LogRequest request,
    std::function<bool(const LogChunk&)> on_chunk,
    Callback<LogEnd> done)
    : impl_(std::move(impl)),
      request_(request),
      take_(std::move(on_chunk)),
      done_(std::move(done)),
      from_start_(request.offset == 0) {}

void LogFollow::ask() {
  const std::shared_ptr<Client::Impl> impl = impl_.lock();
  if (!impl) return;
  request_.wait = LongPoll::kWait;
  Callback<LogChunk> read = [self = shared_from_this()](Result<LogChunk> result) {
    self->on_chunk(std::move(result));
  };
  impl->submit(
      std::move(read),
      Resend::Insist,
      request_.wait + impl->options().timeout,
      [this](Outgoing& to, std::vector<std::byte>& frame) { to.read_log(request_, frame); });
}

void LogFollow::on_chunk(Result<LogChunk> result) {
  if (!result) {
    if (poll_.outlasts(result.error())) {
      ask();
    } else if (!ask_later(result.error())) {
      done_(result.error());
    }
    return;
  }
  poll_.on_answered();
  busy_ = 0;
  const LogChunk& chunk = *result;
  if (chunk.attempt != 0) request_.attempt = chunk.attempt;
  if (!chunk.data.empty() && chunk.offset != request_.offset) {
    done_(Error{
        .code = ErrorCode::Protocol,
        .message = "the server answered with bytes from " + std::to_string(chunk.offset) +
                   " where those from " + std::to_string(request_.offset) + " were asked for"});
    return;
  }
  digest_.add(std::as_bytes(std::span(chunk.data)));
  request_.offset += chunk.data.size();
  const bool more = take_(chunk);
  if (chunk.complete || !more) {
    end(chunk);
  } else {
    ask();
  }
}

bool LogFollow::ask_later(const Error& error) {
  const bool busy = error.code == ErrorCode::Refused && error.refusal == Refusal::Busy;
  const std::shared_ptr<Client::Impl> impl = impl_.lock();
  if (!busy || !impl || ++busy_ > kBusyMax) return false;
  poll_.on_answered();
  /// Keeps the client's inside until it has fired: libuv knows the timer, and the loop goes on.
  struct Pause {
    uv_timer_t timer;
    std::shared_ptr<Client::Impl> impl;
    std::shared_ptr<LogFollow> follow;
  };
  auto* pause = new Pause{.impl = impl, .follow = shared_from_this()};
  uv_timer_init(impl->loop(), &pause->timer);
  pause->timer.data = pause;
  uv_timer_start(
      &pause->timer,
      [](uv_timer_t* timer) {
        static_cast<Pause*>(timer->data)->follow->ask();
        uv_close(reinterpret_cast<uv_handle_t*>(timer), [](uv_handle_t* handle) {
          delete static_cast<Pause*>(handle->data);
        });
      },
      kBusyPauseMs,
      0);
  return true;
}

void LogFollow::end(const LogChunk& last) {
  if (last.complete && from_start_ && !last.sha256.empty()) {
    const std::string found = digest_.hex();
    if (found != last.sha256) {
      done_(Error{
          .code = ErrorCode::Checksum,
          .message = "the output of job " + std::to_string(request_.job) + " attempt " +
                     std::to_string(last.attempt) + " has SHA-256 " + found +
                     ", but its worker wrote " + last.sha256 +
                     "; it was changed or damaged there"});
      return;
    }
  }
  done_(LogEnd{
      .attempt = request_.attempt,
      .bytes = request_.offset,
      .truncated = last.truncated,
      .sha256 = last.sha256});
}

}  // namespace berth::client
