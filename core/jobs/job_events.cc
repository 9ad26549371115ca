#include "core/jobs/job_events.h"

#include <algorithm>
#include <utility>

#include "core/jobs/range_index.h"

namespace berth::core {

namespace {

// A page of events fits a frame, and a watcher that was away does not hold up a turn.
constexpr size_t kEventsPerMessage = 512;
constexpr size_t kMessagesPerTurn = 8;

bool concerns(const std::vector<wire::JobRange>& jobs, wire::JobId first, uint32_t count) {
  if (jobs.empty()) return true;
  const uint64_t last = first.value + count - 1;
  // Sorted and apart: the first that does not end before the event begins.
  auto range = std::lower_bound(
      jobs.begin(), jobs.end(), first, [](const wire::JobRange& one, wire::JobId job) {
        return one.last < job;
      });
  return range != jobs.end() && range->first.value <= last;
}

}  // namespace

void JobEvents::restore(const wire::JobEvent& event) {
  if (events_.empty()) dropped_ = event.sequence - 1;
  keep(event);
}

void JobEvents::add(wire::JobEvent event, StoreBatch& rows) {
  event.sequence = ++last_;
  keep(event);
  event.worker = rows.text.keep(event.worker);
  event.reason = rows.text.keep(event.reason);
  rows.events.push_back(event);
}

void JobEvents::keep(const wire::JobEvent& event) {
  Kept& kept = events_.emplace_back();
  kept.sequence = event.sequence;
  kept.at_ms = event.at_ms;
  kept.job = event.job;
  kept.worker = event.worker;
  if (!event.reason.empty()) kept.reason = std::make_unique<std::string>(event.reason);
  kept.count = event.count;
  kept.attempt = event.attempt;
  kept.state = event.state;
  kept.error = event.error;
  while (events_.size() > kept_) {
    dropped_ = events_.front().sequence;
    events_.pop_front();
  }
}

bool JobEvents::watch(wire::ConnectionId connection, const wire::WatchJobs& watch) {
  unwatch(connection);
  const uint64_t told = watch.after == 0 ? last_ : watch.after;
  if (told < dropped_ || told > last_) return false;
  watchers_.push_back({connection, told, merged(watch.jobs)});
  return true;
}

void JobEvents::unwatch(wire::ConnectionId connection) {
  std::erase_if(watchers_, [&](const Watcher& one) { return one.connection == connection; });
}

size_t JobEvents::after(uint64_t sequence) const {
  auto next = std::upper_bound(
      events_.begin(), events_.end(), sequence, [](uint64_t told, const Kept& kept) {
        return told < kept.sequence;
      });
  return static_cast<size_t>(next - events_.begin());
}

wire::JobEvent JobEvents::copy(const Kept& kept, Arena& text) const {
  return {
      kept.sequence,
      kept.at_ms,
      kept.job,
      kept.count,
      kept.state,
      kept.attempt,
      text.keep(kept.worker),
      kept.error,
      kept.reason != nullptr ? text.keep(*kept.reason) : std::string_view{}};
}

bool JobEvents::tell(Outbox& outbox) {
  bool more = false;
  for (size_t i = 0; i < watchers_.size();) {
    Watcher& watcher = watchers_[i];
    if (watcher.told < dropped_) {
      // More happened in a turn than is kept.
      outbox.send(
          watcher.connection,
          {0},
          wire::Refused{wire::Refusal::Stale, "events were lost: list the jobs and watch again"});
      unwatch(watcher.connection);
      continue;
    }
    more = tell(watcher, outbox) || more;
    ++i;
  }
  return more;
}

bool JobEvents::tell(Watcher& watcher, Outbox& outbox) const {
  if (watcher.told == last_) return false;
  std::vector<wire::JobEvent> page;
  size_t messages = 0;
  auto flush = [&] {
    if (page.empty()) return;
    outbox.send(
        watcher.connection, {0}, wire::JobEvents{outbox.text().keep_all<wire::JobEvent>(page)});
    page.clear();
    ++messages;
  };
  size_t looked_at = 0;
  size_t at = after(watcher.told);
  for (; at < events_.size(); ++at) {
    if (messages == kMessagesPerTurn || looked_at++ == kMessagesPerTurn * kEventsPerMessage) break;
    watcher.told = events_[at].sequence;
    if (!concerns(watcher.jobs, events_[at].job, events_[at].count)) continue;
    page.push_back(copy(events_[at], outbox.text()));
    if (page.size() == kEventsPerMessage) flush();
  }
  flush();
  // The last number may be of no event: a server begins where no server before it has been.
  if (at == events_.size()) watcher.told = last_;
  return watcher.told != last_;
}

}  // namespace berth::core
