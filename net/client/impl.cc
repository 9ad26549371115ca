#include "net/client/impl.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "net/client/answers.h"
#include "net/client/reask.h"
#include "wire/frame.h"

namespace berth::client {
namespace {

// One frame gives back so many, 64 KiB of them.
constexpr size_t kReleasesPerFrame = 8'192;

// Reservations whose release waits for a connection. More than these expire by themselves.
constexpr size_t kReleasesMax = 65'536;

// Commands of other threads taken in one turn, so that a flood of them does not keep the loop from
// reading replies.
constexpr size_t kCommandsPerTurn = 4'096;

// Slots for what the client asks on its own: probes, subscriptions, coalesced releases.
constexpr uint32_t kOwnSlots = 64;

// A server that goes while this thread writes to it is an error code, whatever the program does
// with the signal elsewhere.
void block_broken_pipes() {
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
}

// The user waits for these, and `pending_max` counts them.
bool is_counted(const Handler& handler) {
  return !std::holds_alternative<Ignored>(handler) && !std::holds_alternative<Probe>(handler) &&
         !std::holds_alternative<Subscribed>(handler);
}

uint32_t slots_for(const Options& options) {
  return std::min(options.pending_max, PendingTable::kSlotsMost - kOwnSlots) + kOwnSlots;
}

uv_handle_t* as_handle(void* handle) {
  return static_cast<uv_handle_t*>(handle);
}

}  // namespace

Client::Impl::Impl(Options options, std::vector<net::HostPort> endpoints)
    : options_(std::move(options)), endpoints_(std::move(endpoints)), table_(slots_for(options_)) {}

// ---- Life -----------------------------------------------------------------------------------

Result<Done> Client::Impl::start(uv_loop_t* loop) {
  if (loop == nullptr) {
    own_loop_ = std::make_unique<uv_loop_t>();
    if (const int status = uv_loop_init(own_loop_.get()); status != 0) {
      own_loop_.reset();
      return Error{
          .code = ErrorCode::Overloaded,
          .message = std::string("cannot make an event loop: ") + uv_strerror(status)};
    }
    loop = own_loop_.get();
  }
  loop_ = loop;
  if (const int status = uv_async_init(
          loop_,
          &async_,
          [](uv_async_t* handle) { static_cast<Impl*>(handle->data)->on_commands(); });
      status != 0) {
    if (own_loop_) uv_loop_close(own_loop_.get());
    return Error{
        .code = ErrorCode::Overloaded,
        .message = std::string("cannot make an event: ") + uv_strerror(status)};
  }
  uv_prepare_init(loop_, &prepare_);
  uv_timer_init(loop_, &tick_);
  async_.data = prepare_.data = tick_.data = this;
  handles_open_ = 3;
  keep_ = shared_from_this();
  uv_prepare_start(
      &prepare_, [](uv_prepare_t* handle) { static_cast<Impl*>(handle->data)->on_turn_end(); });
  link_ = std::make_unique<Link>(loop_, std::move(endpoints_), options_, *this);
  if (!own_loop_) {
    loop_thread_ = std::this_thread::get_id();
    link_->start();
    return Done{};
  }
  thread_ = std::thread([self = keep_] {
    block_broken_pipes();
    self->link_->start();
    uv_run(self->loop_, UV_RUN_DEFAULT);
    uv_loop_close(self->loop_);
  });
  loop_thread_ = thread_.get_id();
  return Done{};
}

void Client::Impl::shut_down() {
  // A client destroyed in one of its own callbacks cannot wait for its thread.
  if (on_loop_thread()) {
    if (thread_.joinable()) thread_.detach();
    stop();
    return;
  }
  (void)run([this] { stop(); });
  if (thread_.joinable()) thread_.join();
}

Error Client::Impl::stopped_error() {
  return {.code = ErrorCode::Stopped, .message = "the client was destroyed before the answer came"};
}

void Client::Impl::stop() {
  std::vector<Command> left;
  {
    std::lock_guard lock(mutex_);
    if (stopping_.exchange(true)) return;
    left.swap(commands_);
  }
  fail_all(stopped_error());
  while (taken_next_ < taken_.size())
    take(taken_[taken_next_++]);
  for (Command& command : left)
    take(command);
  for (const std::shared_ptr<Reask>& reask : std::exchange(reasks_, {})) {
    reask->abandon(stopped_error());
  }
  watches_.clear();
  link_->stop();
}

void Client::Impl::on_stopped() {
  const auto closed = [](uv_handle_t* handle) {
    Impl* self = static_cast<Impl*>(handle->data);
    if (--self->handles_open_ == 0) self->keep_.reset();  // the last use of `self`
  };
  uv_close(as_handle(&async_), closed);
  uv_close(as_handle(&prepare_), closed);
  uv_close(as_handle(&tick_), closed);
}

// ---- From any thread ------------------------------------------------------------------------

bool Client::Impl::admit(Handler& handler) {
  if (stopping_.load(std::memory_order_relaxed)) {
    under_way_.fetch_add(1, std::memory_order_relaxed);  // `fail` takes it back
    fail(std::move(handler), stopped_error());
    return false;
  }
  // Only a count: nothing is published by it, so relaxed is enough.
  if (under_way_.fetch_add(1, std::memory_order_relaxed) >= options_.pending_max) {
    fail(
        std::move(handler),
        {.code = ErrorCode::Overloaded,
         .message = std::to_string(options_.pending_max) +
                    " requests are under way already; wait for answers or raise pending_max"});
    return false;
  }
  return true;
}

bool Client::Impl::post(Command&& command) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_.load(std::memory_order_relaxed)) return false;
    first = commands_.empty();
    commands_.push_back(std::move(command));
    // Under the lock, so that `stop` cannot close the event in between.
    if (first) uv_async_send(&async_);
  }
  return true;
}

bool Client::Impl::run(std::function<void()> task) {
  if (on_loop_thread()) {
    if (stopping_.load(std::memory_order_relaxed)) return false;
    task();
    return true;
  }
  return post({.task = std::move(task)});
}

void Client::Impl::release_later(ReservationId reservation) {
  if (!on_loop_thread()) {
    (void)post({.release = reservation});  // a client that has stopped releases nothing more
  } else if (releases_.size() < kReleasesMax) {
    releases_.push_back(reservation);
  }
}

// ---- Requests, on the loop's thread -----------------------------------------------------------

Pending* Client::Impl::add(Handler handler, Resend resend, Milliseconds timeout) {
  if (timeout.count() <= 0) timeout = options_.timeout;
  Pending* pending = table_.add(uv_now(loop_) + static_cast<uint64_t>(timeout.count()));
  if (pending == nullptr) {
    fail(std::move(handler), {.code = ErrorCode::Overloaded, .message = "too many requests"});
    return nullptr;
  }
  pending->handler = std::move(handler);
  pending->resend = resend;
  return pending;
}

void Client::Impl::submit_added(Pending& pending) {
  set_request_id(pending.frame, pending.id);
  keep_ticking();
  if (link_->up()) send(pending);
}

void Client::Impl::send(Pending& pending) {
  const size_t payload = pending.frame.size() - wire::kFrameHeaderBytes;
  const uint32_t payload_max = link_->server().max_frame_bytes;
  if (payload > payload_max) {
    finish(
        pending.id,
        {.code = ErrorCode::BadArgument,
         .message = "the request has " + std::to_string(payload) + " bytes; the server takes " +
                    std::to_string(payload_max) + ", send less at once"});
    return;
  }
  link_->out().insert(link_->out().end(), pending.frame.begin(), pending.frame.end());
  pending.sent = pending.was_sent = true;
}

void Client::Impl::finish(wire::RequestId id, const Error& error) {
  Pending* pending = table_.find(id);
  if (pending == nullptr) return;  // a callback before this one has changed the world
  Handler handler = std::move(pending->handler);
  table_.remove(*pending);
  fail(std::move(handler), error);
}

void Client::Impl::fail(Handler handler, const Error& error) {
  if (is_counted(handler)) under_way_.fetch_sub(1, std::memory_order_relaxed);
  std::visit(
      [this, &error](auto& to) {
        using To = std::decay_t<decltype(to)>;
        if constexpr (std::is_same_v<To, Subscribed>) {
          on_subscribed(to.watch, error);
        } else if constexpr (std::is_same_v<To, PingDone>) {
          if (to.done) to.done(error);
        } else if constexpr (std::is_same_v<To, Probe>) {
          probing_ = false;
        } else if constexpr (!std::is_same_v<To, Ignored>) {
          if (to) to(error);
        }
      },
      handler);
}

void Client::Impl::answer(Handler handler, const wire::Reply& reply) {
  if (is_counted(handler)) under_way_.fetch_sub(1, std::memory_order_relaxed);
  std::visit(
      [this, &reply]<typename To>(To& to) {
        if constexpr (std::is_same_v<To, Subscribed>) {
          on_subscribed(to.watch, answer_from<Done>(reply));
        } else if constexpr (std::is_same_v<To, Probe>) {
          probing_ = false;
        } else if constexpr (std::is_same_v<To, PingDone>) {
          if (to.done) to.done(std::chrono::nanoseconds(uv_hrtime() - to.sent_ns));
        } else if constexpr (std::is_same_v<To, Callback<ServerInfo>>) {
          if (to) to(link_->server());
        } else if constexpr (!std::is_same_v<To, Ignored>) {
          []<typename T>(const Callback<T>& done, const wire::Reply& from) {
            if (done) done(answer_from<T>(from));
          }(to, reply);
        }
      },
      handler);
}

void Client::Impl::fail_all(const Error& error) {
  std::vector<wire::RequestId> all;
  table_.collect_all(all);
  for (const wire::RequestId id : all)
    finish(id, error);
}

// ---- Re-asks ----------------------------------------------------------------------------------

void Client::Impl::start_reask(
    PlaceRequest request, TryStart try_start, Callback<Placement> done, Milliseconds timeout) {
  auto reask = std::make_shared<Reask>(
      weak_from_this(), std::move(request), std::move(try_start), std::move(done), timeout);
  const bool taken = run([this, reask] {
    if (stopping_) {
      reask->abandon(stopped_error());
      return;
    }
    reasks_.push_back(reask);
    reask->ask();
  });
  if (!taken) reask->abandon(stopped_error());
}

void Client::Impl::end_reask(const std::shared_ptr<Reask>& reask) {
  std::erase(reasks_, reask);
}

// ---- Events -----------------------------------------------------------------------------------

void Client::Impl::on_commands() {
  bool again = taken_next_ < taken_.size();
  if (!again) {
    taken_.clear();
    taken_next_ = 0;
    std::lock_guard lock(mutex_);
    taken_.swap(commands_);
  }
  const size_t end = std::min(taken_.size(), taken_next_ + kCommandsPerTurn);
  while (taken_next_ < end)
    take(taken_[taken_next_++]);
  // What was posted meanwhile rang the bell that brought us here: ring it once more.
  again = again || taken_next_ < taken_.size();
  if (again && !stopping_) uv_async_send(&async_);
}

void Client::Impl::take(Command& command) {
  if (command.task) {
    command.task();
  } else if (command.release != 0) {
    release_later(command.release);
  } else if (stopping_) {
    fail(std::move(command.handler), stopped_error());
  } else if (Pending* pending = add(std::move(command.handler), command.resend, command.timeout)) {
    pending->frame.swap(command.frame);
    submit_added(*pending);
  }
}

void Client::Impl::send_releases() {
  for (size_t from = 0; from < releases_.size(); from += kReleasesPerFrame) {
    const size_t count = std::min(kReleasesPerFrame, releases_.size() - from);
    Pending* pending = add(Ignored{}, Resend::Harmless, {});
    if (pending == nullptr) break;
    outgoing().encode(
        wire::Release{.reservations = std::span(releases_).subspan(from, count)}, pending->frame);
    submit_added(*pending);
  }
  releases_.clear();
}

void Client::Impl::on_turn_end() {
  if (stopping_) return;
  if (!releases_.empty() && link_->up()) send_releases();
  link_->flush();
}

void Client::Impl::keep_ticking() {
  if (ticking_) return;
  ticking_ = true;
  quiet_since_ms_ = uv_now(loop_);
  uv_timer_start(
      &tick_,
      [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->on_tick(); },
      PendingTable::kTickMs,
      PendingTable::kTickMs);
}

void Client::Impl::on_tick() {
  const uint64_t now = uv_now(loop_);
  ids_.clear();
  table_.collect_expired(now, ids_);
  for (const wire::RequestId id : std::vector<wire::RequestId>(ids_))
    expire(id);
  if (stopping_) return;
  if (now - swept_ms_ >= 1'000) {
    swept_ms_ = now;
    link_->sweep();
  }
  check_silence(now);
  if (table_.size() == 0 && watches_.empty()) {
    ticking_ = false;
    uv_timer_stop(&tick_);
  }
}

void Client::Impl::expire(wire::RequestId id) {
  const Pending* pending = table_.find(id);
  if (pending == nullptr) return;
  const std::string where = pending->sent ? "no answer from " + link_->server().endpoint
                                          : "no connection to a Berth server";
  finish(id, {.code = ErrorCode::TimedOut, .message = where + " before the deadline"});
}

// A server that has nothing to say and a server that is gone look alike until it is asked.
void Client::Impl::check_silence(uint64_t now) {
  if (!link_->up()) return;
  const uint64_t silence_max = static_cast<uint64_t>(options_.silence_max.count());
  const uint64_t silent = now - std::max(link_->heard_ms(), quiet_since_ms_);
  if (silent >= silence_max) {
    link_->drop("said nothing for " + std::to_string(silent) + " ms");
  } else if (silent >= silence_max / 2 && !probing_) {
    Pending* pending = add(Probe{}, Resend::Never, options_.silence_max);
    if (pending == nullptr) return;
    probing_ = true;
    outgoing().encode(wire::Ping{}, pending->frame);
    submit_added(*pending);
  }
}

// ---- What the link tells ------------------------------------------------------------------------

void Client::Impl::on_up(const ServerInfo&) {
  const bool again = std::exchange(was_up_, true);
  quiet_since_ms_ = uv_now(loop_);
  std::vector<wire::RequestId> all;
  table_.collect_all(all);
  for (const wire::RequestId id : all) {
    Pending* pending = table_.find(id);
    if (pending != nullptr && link_->up()) send(*pending);
  }
  if (again) resubscribe();
}

void Client::Impl::on_reply(wire::RequestId id, const wire::Reply& reply) {
  if (id.value == 0) {
    if (const auto* events = std::get_if<wire::JobEvents>(&reply)) {
      tell_watchers(*events);
    } else if (const auto* refused = std::get_if<wire::Refused>(&reply)) {
      // The watch has ended: more happened at once than the server keeps.
      if (refused->code == wire::Refusal::Stale) on_events_gone(0);
    }
    return;
  }
  Pending* pending = table_.find(id);
  if (pending == nullptr) return;  // timed out before
  Handler handler = std::move(pending->handler);
  table_.remove(*pending);
  answer(std::move(handler), reply);
}

void Client::Impl::on_down(const Error& error) {
  std::vector<wire::RequestId> all;
  table_.collect_all(all);
  for (const wire::RequestId id : all) {
    Pending* pending = table_.find(id);
    if (pending == nullptr) continue;
    const bool lost = std::exchange(pending->sent, false) && pending->resend == Resend::Never;
    if (lost) finish(id, error);
  }
}

void Client::Impl::on_round_failed(const Error& error, bool final) {
  if (!final) return;
  std::vector<wire::RequestId> all;
  table_.collect_all(all);
  for (const wire::RequestId id : all) {
    const Pending* pending = table_.find(id);
    if (pending == nullptr) continue;
    // A server may have done it: to give up now would leave its user in doubt.
    const bool insists = pending->resend == Resend::Insist && pending->was_sent &&
                         error.code == ErrorCode::Unreachable;
    if (!insists) finish(id, error);
  }
}

}  // namespace berth::client
