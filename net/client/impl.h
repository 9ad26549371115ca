#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <uv.h>

#include "net/client/client.h"
#include "net/client/link.h"
#include "net/client/outgoing.h"
#include "net/client/pending.h"

namespace berth::client {

class Reask;

/// Everything behind `Client`: the loop, the queue into it, what is pending and the link.
///
/// Shape    a request is encoded on the thread that makes it, numbered and sent on the loop's
/// Threads  public members: any. Private ones: the loop's, but for what `mutex_` guards
/// Memory   `commands_` and the table are bounded together by `Options::pending_max`
class Client::Impl final : public LinkOwner, public std::enable_shared_from_this<Client::Impl> {
 public:
  Impl(Options options, std::vector<net::HostPort> endpoints);
  ~Impl() override = default;

  /// Starts on `loop`, or when it is null on a loop and thread of its own.
  Result<Done> start(uv_loop_t* loop);
  /// From `~Client`.
  void shut_down();

  const Options& options() const { return options_; }
  uv_loop_t* loop() const { return loop_; }
  bool on_loop_thread() const { return loop_thread_ == std::this_thread::get_id(); }

  /// Encodes by `encode(Outgoing&, frame)` and sends; `handler` gets the one answer.
  template <typename Encode>
  void submit(Handler handler, Resend resend, Milliseconds timeout, const Encode& encode);

  void release_later(ReservationId reservation);
  WatchId watch(std::function<void(const WorkerEvent&)> on_event, Callback<Done> started);
  WatchId watch_events(
      EventWatchRequest request,
      std::function<void(const Event&)> on_event,
      Callback<Done> started);
  void unwatch(WatchId id);

  void start_reask(
      PlaceRequest request, TryStart try_start, Callback<Placement> done, Milliseconds timeout);
  void end_reask(const std::shared_ptr<Reask>& reask);

  /// Runs `task` on the loop's thread: at once when this is it. False when the client has stopped.
  bool run(std::function<void()> task);

 private:
  struct Command {
    std::function<void()> task;  // or, without one, a release or a request
    ReservationId release = 0;
    Handler handler;
    Resend resend = Resend::Never;
    Milliseconds timeout{0};
    std::vector<std::byte> frame;
  };
  struct Watcher {
    EventWatchRequest wanted;
    std::function<void(const Event&)> on_event;
    Callback<Done> started;
    uint64_t last = 0;  // sequence of the last event seen; 0: none
    bool live = false;  // the server has agreed, and `unwatch` was not called
    bool gap_due = false;
  };

  static Error stopped_error();
  bool admit(Handler& handler);
  /// False, and `command` untouched, when the client has stopped.
  bool post(Command&& command);
  Pending* add(Handler handler, Resend resend, Milliseconds timeout);
  void submit_added(Pending& pending);
  void send(Pending& pending);
  void finish(wire::RequestId id, const Error& error);
  void answer(Handler handler, const wire::Reply& reply);
  void fail(Handler handler, const Error& error);
  void subscribe(WatchId id);
  void resubscribe();
  void on_subscribed(WatchId id, const Result<Done>& result);
  void on_events_gone(WatchId id);
  void refuse_watch(WatchId id, const Error& error);
  void tell_gaps();
  void tell_watchers(const wire::JobEvents& events);
  std::vector<std::shared_ptr<Watcher>> watchers() const;
  uint64_t newest_event() const;
  void fail_all(const Error& error);

  void on_commands();
  void take(Command& command);
  void on_turn_end();
  void on_tick();
  void expire(wire::RequestId id);
  void check_silence(uint64_t now);
  void keep_ticking();
  void send_releases();
  void stop();

  void on_up(const ServerInfo& server) override;
  void on_reply(wire::RequestId id, const wire::Reply& reply) override;
  void on_down(const Error& error) override;
  void on_round_failed(const Error& error, bool final) override;
  void on_stopped() override;

  const Options options_;
  std::thread::id loop_thread_;
  std::thread thread_;                   // own loop only
  std::unique_ptr<uv_loop_t> own_loop_;  // own loop only
  uv_loop_t* loop_ = nullptr;
  std::vector<net::HostPort> endpoints_;  // until `start`
  std::shared_ptr<Impl> keep_;            // this, while the loop knows our handles

  std::mutex mutex_;
  std::vector<Command> commands_;  // guarded by mutex_
  std::vector<Command> taken_;     // the batch being worked on
  size_t taken_next_ = 0;          // of them
  std::atomic<bool> stopping_{false};
  std::atomic<uint32_t> under_way_{0};  // admitted and not yet answered
  std::atomic<WatchId> watch_last_{0};

  std::unique_ptr<Link> link_;
  PendingTable table_;
  std::vector<ReservationId> releases_;  // of this turn
  std::map<WatchId, std::shared_ptr<Watcher>> watches_;
  std::vector<std::shared_ptr<Reask>> reasks_;
  std::vector<wire::RequestId> ids_;  // scratch
  bool was_up_ = false;
  bool ticking_ = false;
  bool probing_ = false;
  uint64_t quiet_since_ms_ = 0;  // when waiting for the server began
  uint64_t swept_ms_ = 0;
  int handles_open_ = 0;
  uv_async_t async_;
  uv_prepare_t prepare_;
  uv_timer_t tick_;
};

template <typename Encode>
void Client::Impl::submit(
    Handler handler, Resend resend, Milliseconds timeout, const Encode& encode) {
  if (!admit(handler)) return;
  if (on_loop_thread()) {
    Pending* pending = add(std::move(handler), resend, timeout);
    if (pending == nullptr) return;
    encode(outgoing(), pending->frame);
    submit_added(*pending);
    return;
  }
  Command command{.handler = std::move(handler), .resend = resend, .timeout = timeout};
  encode(outgoing(), command.frame);
  if (!post(std::move(command))) fail(std::move(command.handler), stopped_error());
}

}  // namespace berth::client
