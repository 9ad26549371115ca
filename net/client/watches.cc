#include <memory>
#include <utility>
#include <vector>

#include "net/client/impl.h"

// The watches of `Client::Impl`: one subscription on the wire, whatever the number of watchers.

namespace berth::client {

WatchId Client::Impl::watch(
    std::function<void(const WorkerEvent&)> on_event, Callback<Done> started) {
  const WatchId id = watch_last_.fetch_add(1, std::memory_order_relaxed) + 1;
  auto watcher = std::make_shared<Watcher>(Watcher{std::move(on_event), std::move(started)});
  const bool taken = run([this, id, watcher] {
    if (stopping_) {
      if (watcher->started) watcher->started(stopped_error());
      return;
    }
    watches_.emplace(id, watcher);
    subscribe(id, true);
  });
  if (!taken && watcher->started) watcher->started(stopped_error());
  return id;
}

void Client::Impl::unwatch(WatchId id) {
  (void)run([this, id] {
    if (const auto jobs = job_watches_.find(id); jobs != job_watches_.end()) {
      jobs->second->live = false;
      job_watches_.erase(jobs);
      // With others left the server says more than they want, and they pass it over.
      if (job_watches_.empty() && !stopping_) subscribe_jobs(0);
      return;
    }
    const auto found = watches_.find(id);
    if (found == watches_.end()) return;
    found->second->live = false;
    watches_.erase(found);
    if (watches_.empty() && !stopping_) subscribe(0, false);
  });
}

void Client::Impl::subscribe(WatchId id, bool enable) {
  Handler handler = Ignored{};
  if (enable) handler = Subscribed{id};
  Pending* pending = add(std::move(handler), id == 0 ? Resend::Never : Resend::Harmless, {});
  if (pending == nullptr) return;
  outgoing().encode(wire::Watch{.enable = enable}, pending->frame);
  submit_added(*pending);
}

void Client::Impl::on_subscribed(WatchId id, const Result<Done>& result) {
  if (id == 0) {
    if (!result) {
      link_->drop("did not renew the watch");
      return;
    }
    tell_watchers({.gap = true});
    return;
  }
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  const std::shared_ptr<Watcher> watcher = found->second;
  watcher->live = result.ok();
  if (!result) watches_.erase(found);
  if (watcher->started) watcher->started(result);
}

void Client::Impl::tell_watchers(const WorkerEvent& event) {
  std::vector<std::shared_ptr<Watcher>> all;  // a watcher may end itself or begin another
  for (const auto& [id, watcher] : watches_)
    all.push_back(watcher);
  for (const std::shared_ptr<Watcher>& watcher : all) {
    if (watcher->live) watcher->on_event(event);
  }
}

}  // namespace berth::client
