#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "net/client/answers.h"
#include "net/client/impl.h"

// The watches of `Client::Impl`: one watch on the wire for all of them, which goes on where the
// slowest of them was.

namespace berth::client {
namespace {

uint32_t kinds_of(const EventWatchRequest& wanted) {
  uint32_t kinds = 0;
  for (const EventKind kind : wanted.kinds)
    kinds |= 1u << static_cast<uint32_t>(kind);
  return kinds;
}

bool wants(const EventWatchRequest& wanted, const Event& event) {
  if ((kinds_of(wanted) & (1u << static_cast<uint32_t>(event.kind))) == 0) return false;
  if (!wanted.worker.empty() && wanted.worker != event.worker) return false;
  if (wanted.jobs.empty()) return true;
  if (event.kind != EventKind::Job) return false;
  const JobId last = event.job + (event.count > 0 ? event.count - 1 : 0);
  return std::any_of(wanted.jobs.begin(), wanted.jobs.end(), [&](const JobRange& each) {
    return event.job <= each.last && last >= each.first;
  });
}

}  // namespace

WatchId Client::Impl::watch_events(
    EventWatchRequest request, std::function<void(const Event&)> on_event, Callback<Done> started) {
  const WatchId id = watch_last_.fetch_add(1, std::memory_order_relaxed) + 1;
  auto watcher = std::make_shared<Watcher>();
  watcher->last = request.after;
  watcher->wanted = std::move(request);
  watcher->on_event = std::move(on_event);
  watcher->started = std::move(started);
  const bool taken = run([this, id, watcher] {
    if (stopping_) {
      if (watcher->started) watcher->started(stopped_error());
      return;
    }
    // "From now on" is from what the others have seen: what they still miss comes for all.
    if (watcher->last == 0) watcher->last = newest_event();
    watches_.emplace(id, watcher);
    subscribe(id);
  });
  if (!taken && watcher->started) watcher->started(stopped_error());
  return id;
}

// Workers have no history to go on from beyond a server's life: its start is a gap.
WatchId Client::Impl::watch(
    std::function<void(const WorkerEvent&)> on_event, Callback<Done> started) {
  return watch_events(
      {.kinds = {EventKind::Worker, EventKind::Server}},
      [on_event = std::move(on_event)](const Event& event) {
        if (event.kind == EventKind::Server && !event.gap) {
          if (event.server_change == ServerChange::Started) on_event({.gap = true});
          return;
        }
        on_event(
            {.gap = event.gap,
             .sequence = event.sequence,
             .worker = event.worker,
             .change = event.worker_change,
             .reason = event.reason,
             .server_time_ms = event.at_ms});
      },
      std::move(started));
}

void Client::Impl::unwatch(WatchId id) {
  (void)run([this, id] {
    const auto found = watches_.find(id);
    if (found == watches_.end()) return;
    found->second->live = false;
    watches_.erase(found);
    // With others left the server says more than they want, and they pass it over.
    if (watches_.empty() && !stopping_) subscribe(0);
  });
}

uint64_t Client::Impl::newest_event() const {
  uint64_t newest = 0;
  for (const auto& [id, watcher] : watches_)
    newest = std::max(newest, watcher->last);
  return newest;
}

void Client::Impl::subscribe(WatchId id) {
  wire::WatchJobs watch;
  watch.enable = !watches_.empty();
  std::vector<wire::JobRange> ranges;
  bool all_jobs = false;
  bool all_workers = false;
  for (const auto& [each, watcher] : watches_) {
    const EventWatchRequest& wanted = watcher->wanted;
    watch.kinds |= kinds_of(wanted);
    all_jobs = all_jobs || wanted.jobs.empty();
    for (const JobRange& range : wanted.jobs)
      ranges.push_back({{range.first}, {range.last}});
    all_workers = all_workers || (!watch.worker.empty() && watch.worker != wanted.worker) ||
                  wanted.worker.empty();
    watch.worker = wanted.worker;
    if (watcher->last != 0 && (watch.after == 0 || watcher->last < watch.after)) {
      watch.after = watcher->last;
    }
  }
  if (all_workers) watch.worker = {};
  if (!all_jobs) watch.jobs = ranges;
  Handler handler = Ignored{};
  if (watch.enable) handler = Subscribed{id};
  Pending* pending = add(std::move(handler), id == 0 ? Resend::Never : Resend::Harmless, {});
  if (pending == nullptr) return;
  outgoing().encode(watch, pending->frame);
  submit_added(*pending);
}

void Client::Impl::resubscribe() {
  bool live = false;
  for (const auto& [id, watcher] : watches_) {
    live = live || watcher->live;
    // Where it was is not known: whatever came while nobody was connected is lost.
    if (watcher->live && watcher->last == 0) watcher->gap_due = true;
  }
  if (live) subscribe(0);
}

void Client::Impl::on_subscribed(WatchId id, const Result<Done>& result) {
  if (!result) {
    const bool gone =
        result.error().code == ErrorCode::Refused && result.error().refusal == Refusal::Stale;
    if (gone && newest_event() != 0) {
      on_events_gone(id);
    } else {
      refuse_watch(id, result.error());
    }
    return;
  }
  if (const auto found = watches_.find(id); found != watches_.end()) {
    const std::shared_ptr<Watcher> watcher = found->second;
    watcher->live = true;
    if (watcher->started) watcher->started(Done{});
  }
  tell_gaps();
}

// The server has no longer, or never had, what came after where somebody was: everybody begins
// anew and is told so.
void Client::Impl::on_events_gone(WatchId id) {
  for (const auto& [each, watcher] : watches_) {
    watcher->last = 0;
    watcher->gap_due = true;
  }
  subscribe(id);
}

void Client::Impl::refuse_watch(WatchId id, const Error& error) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) {
    if (!watches_.empty()) link_->drop("did not renew the watch");
    return;
  }
  const std::shared_ptr<Watcher> watcher = found->second;
  watches_.erase(found);
  // The refused watch has ended the one before it on this connection.
  if (!watches_.empty() && link_->up()) subscribe(0);
  if (watcher->started) watcher->started(error);
}

// A copy: a watcher may end itself or begin another.
std::vector<std::shared_ptr<Client::Impl::Watcher>> Client::Impl::watchers() const {
  std::vector<std::shared_ptr<Watcher>> all;
  for (const auto& [id, watcher] : watches_)
    all.push_back(watcher);
  return all;
}

void Client::Impl::tell_gaps() {
  for (const std::shared_ptr<Watcher>& watcher : watchers()) {
    if (watcher->live && std::exchange(watcher->gap_due, false)) watcher->on_event({.gap = true});
  }
}

void Client::Impl::tell_watchers(const wire::JobEvents& events) {
  for (const wire::JobEvent& each : events.events) {
    const Event event = event_from(each);
    for (const std::shared_ptr<Watcher>& watcher : watchers()) {
      if (!watcher->live || event.sequence <= watcher->last) continue;
      watcher->last = event.sequence;
      if (wants(watcher->wanted, event)) watcher->on_event(event);
    }
  }
}

}  // namespace berth::client
