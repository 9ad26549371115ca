#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "net/client/answers.h"
#include "net/client/impl.h"

// The watches of jobs of `Client::Impl`: one watch on the wire for all of them, which goes on where
// the slowest of them was.

namespace berth::client {
namespace {

bool wants(const std::vector<JobRange>& jobs, const JobEvent& event) {
  if (jobs.empty()) return true;
  const JobId last = event.job + (event.count > 0 ? event.count - 1 : 0);
  return std::any_of(jobs.begin(), jobs.end(), [&](const JobRange& each) {
    return event.job <= each.last && last >= each.first;
  });
}

}  // namespace

WatchId Client::Impl::watch_jobs(
    JobWatchRequest request,
    std::function<void(const JobEvent&)> on_event,
    Callback<Done> started) {
  const WatchId id = watch_last_.fetch_add(1, std::memory_order_relaxed) + 1;
  auto watcher = std::make_shared<JobWatcher>();
  watcher->jobs = std::move(request.jobs);
  watcher->on_event = std::move(on_event);
  watcher->started = std::move(started);
  watcher->last = request.after;
  const bool taken = run([this, id, watcher] {
    if (stopping_) {
      if (watcher->started) watcher->started(stopped_error());
      return;
    }
    // "From now on" is from what the others have seen: what they still miss comes for all.
    if (watcher->last == 0) watcher->last = newest_job_event();
    job_watches_.emplace(id, watcher);
    subscribe_jobs(id);
  });
  if (!taken && watcher->started) watcher->started(stopped_error());
  return id;
}

uint64_t Client::Impl::newest_job_event() const {
  uint64_t newest = 0;
  for (const auto& [id, watcher] : job_watches_)
    newest = std::max(newest, watcher->last);
  return newest;
}

void Client::Impl::subscribe_jobs(WatchId id) {
  std::vector<wire::JobRange> ranges;
  bool all = false;
  uint64_t after = 0;
  for (const auto& [each, watcher] : job_watches_) {
    all = all || watcher->jobs.empty();
    for (const JobRange& range : watcher->jobs)
      ranges.push_back({{range.first}, {range.last}});
    if (watcher->last != 0 && (after == 0 || watcher->last < after)) after = watcher->last;
  }
  if (all) ranges.clear();
  const bool enable = !job_watches_.empty();
  Handler handler = Ignored{};
  if (enable) handler = JobsSubscribed{id};
  Pending* pending = add(std::move(handler), id == 0 ? Resend::Never : Resend::Harmless, {});
  if (pending == nullptr) return;
  outgoing().encode(
      wire::WatchJobs{.enable = enable, .after = after, .jobs = ranges}, pending->frame);
  submit_added(*pending);
}

void Client::Impl::resubscribe_jobs() {
  bool live = false;
  for (const auto& [id, watcher] : job_watches_) {
    live = live || watcher->live;
    // Where it was is not known: whatever came while nobody was connected is lost.
    if (watcher->live && watcher->last == 0) watcher->gap_due = true;
  }
  if (live) subscribe_jobs(0);
}

void Client::Impl::on_jobs_subscribed(WatchId id, const Result<Done>& result) {
  if (!result) {
    const bool gone =
        result.error().code == ErrorCode::Refused && result.error().refusal == Refusal::Stale;
    if (gone && newest_job_event() != 0) {
      on_job_events_gone(id);
    } else {
      refuse_job_watch(id, result.error());
    }
    return;
  }
  if (const auto found = job_watches_.find(id); found != job_watches_.end()) {
    const std::shared_ptr<JobWatcher> watcher = found->second;
    watcher->live = true;
    if (watcher->started) watcher->started(Done{});
  }
  tell_job_gaps();
}

// The server has no longer, or never had, what came after where somebody was: everybody begins
// anew and is told so.
void Client::Impl::on_job_events_gone(WatchId id) {
  for (const auto& [each, watcher] : job_watches_) {
    watcher->last = 0;
    watcher->gap_due = true;
  }
  subscribe_jobs(id);
}

void Client::Impl::refuse_job_watch(WatchId id, const Error& error) {
  const auto found = job_watches_.find(id);
  if (found == job_watches_.end()) {
    if (!job_watches_.empty()) link_->drop("did not renew the watch of jobs");
    return;
  }
  const std::shared_ptr<JobWatcher> watcher = found->second;
  job_watches_.erase(found);
  // The refused watch has ended the one before it on this connection.
  if (!job_watches_.empty() && link_->up()) subscribe_jobs(0);
  if (watcher->started) watcher->started(error);
}

void Client::Impl::tell_job_gaps() {
  std::vector<std::shared_ptr<JobWatcher>> all;  // a watcher may end itself or begin another
  for (const auto& [id, watcher] : job_watches_)
    all.push_back(watcher);
  for (const std::shared_ptr<JobWatcher>& watcher : all) {
    if (watcher->live && std::exchange(watcher->gap_due, false)) watcher->on_event({.gap = true});
  }
}

void Client::Impl::tell_job_watchers(const wire::JobEvents& events) {
  for (const wire::JobEvent& each : events.events) {
    const JobEvent event = event_from(each);
    std::vector<std::shared_ptr<JobWatcher>> all;
    for (const auto& [id, watcher] : job_watches_)
      all.push_back(watcher);
    for (const std::shared_ptr<JobWatcher>& watcher : all) {
      if (!watcher->live || event.sequence <= watcher->last) continue;
      watcher->last = event.sequence;
      if (wants(watcher->jobs, event)) watcher->on_event(event);
    }
  }
}

}  // namespace berth::client
