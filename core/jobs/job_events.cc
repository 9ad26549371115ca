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

uint8_t change_of(const wire::JobEvent& event) {
  switch (event.kind) {
    case wire::EventKind::Job: return static_cast<uint8_t>(event.state);
    case wire::EventKind::Worker: return static_cast<uint8_t>(event.worker_change);
    case wire::EventKind::Server: return static_cast<uint8_t>(event.server_change);
    case wire::EventKind::Plan: return static_cast<uint8_t>(event.plan_outcome);
  }
  return 0;
}

}  // namespace

void JobEvents::restore(const wire::JobEvent& event) {
  if (events_.empty()) dropped_ = event.sequence - 1;
  keep(event);
}

void JobEvents::add(wire::JobEvent event, StoreBatch* rows) {
  event.sequence = ++last_;
  keep(event);
  if (rows == nullptr) return;
  event.worker = rows->text.keep(event.worker);
  event.reason = rows->text.keep(event.reason);
  rows->events.push_back(event);
}

void JobEvents::keep(const wire::JobEvent& event) {
  Kept& kept = events_.emplace_back();
  kept.sequence = event.sequence;
  kept.at_ms = event.at_ms;
  kept.subject = event.kind == wire::EventKind::Plan ? event.plan : event.job.value;
  kept.worker = event.worker;
  kept.count = event.count;
  kept.attempt = event.kind == wire::EventKind::Plan ? event.moved : event.attempt;
  kept.kind = event.kind;
  kept.change = change_of(event);
  kept.error = event.error;
  kept.plan_of = event.plan_of;
  kept.plan_cause = event.plan_cause;
  const bool named = event.kind == wire::EventKind::Worker;
  if (named || !event.reason.empty()) {
    kept.texts = std::make_unique<Texts>();
    kept.texts->reason = event.reason;
  }
  if (named) kept.worker = kept.texts->worker = event.worker;
  while (events_.size() > kept_) {
    dropped_ = events_.front().sequence;
    events_.pop_front();
  }
}

bool JobEvents::watch(wire::ConnectionId connection, const wire::WatchJobs& watch) {
  unwatch(connection);
  const uint64_t told = watch.after == 0 ? last_ : watch.after;
  if (told < dropped_ || told > last_) return false;
  const uint32_t kinds = watch.kinds == 0 ? wire::bit_of(wire::EventKind::Job) : watch.kinds;
  watchers_.push_back({connection, told, kinds, merged(watch.jobs), std::string(watch.worker)});
  return true;
}

void JobEvents::watch_workers(wire::ConnectionId connection) {
  unwatch_workers(connection);
  Watcher& watcher = watchers_.emplace_back();
  watcher.connection = connection;
  watcher.told = last_;
  watcher.kinds = wire::bit_of(wire::EventKind::Worker);
  watcher.plain = true;
}

void JobEvents::unwatch(wire::ConnectionId connection) {
  unwatch(connection, false);
}

void JobEvents::unwatch_workers(wire::ConnectionId connection) {
  unwatch(connection, true);
}

void JobEvents::unwatch(wire::ConnectionId connection, bool plain) {
  std::erase_if(watchers_, [&](const Watcher& one) {
    return one.connection == connection && one.plain == plain;
  });
}

size_t JobEvents::after(uint64_t sequence) const {
  auto next = std::upper_bound(
      events_.begin(), events_.end(), sequence, [](uint64_t told, const Kept& kept) {
        return told < kept.sequence;
      });
  return static_cast<size_t>(next - events_.begin());
}

wire::JobEvent JobEvents::copy(const Kept& kept, Arena& text) const {
  wire::JobEvent event;
  event.sequence = kept.sequence;
  event.at_ms = kept.at_ms;
  event.kind = kept.kind;
  event.count = kept.count;
  event.worker = text.keep(kept.worker);
  if (kept.texts != nullptr) event.reason = text.keep(kept.texts->reason);
  switch (kept.kind) {
    case wire::EventKind::Job:
      event.job = {kept.subject};
      event.state = static_cast<wire::JobState>(kept.change);
      event.attempt = kept.attempt;
      event.error = kept.error;
      break;
    case wire::EventKind::Worker:
      event.worker_change = static_cast<wire::WorkerChange>(kept.change);
      break;
    case wire::EventKind::Plan:
      event.plan = kept.subject;
      event.plan_of = kept.plan_of;
      event.plan_cause = kept.plan_cause;
      event.plan_outcome = static_cast<wire::PlanOutcome>(kept.change);
      event.moved = kept.attempt;
      break;
    case wire::EventKind::Server:
      event.server_change = static_cast<wire::ServerChange>(kept.change);
      break;
  }
  return event;
}

bool JobEvents::wants(const Watcher& watcher, const Kept& kept) {
  if ((watcher.kinds & wire::bit_of(kept.kind)) == 0) return false;
  if (!watcher.worker.empty() && watcher.worker != kept.worker) return false;
  if (watcher.jobs.empty()) return true;
  return kept.kind == wire::EventKind::Job && concerns(watcher.jobs, {kept.subject}, kept.count);
}

bool JobEvents::tell(Outbox& outbox) {
  bool more = false;
  for (size_t i = 0; i < watchers_.size();) {
    Watcher& watcher = watchers_[i];
    if (watcher.told >= dropped_) {
      more = tell(watcher, outbox) || more;
      ++i;
      continue;
    }
    // More happened in a turn than is kept.
    if (watcher.plain) {
      watcher.told = dropped_;  // the gap shows in its sequence
      continue;
    }
    outbox.send(
        watcher.connection,
        {0},
        wire::Refused{wire::Refusal::Stale, "events were lost: list again, and watch from now on"});
    unwatch(watcher.connection);
  }
  return more;
}

bool JobEvents::tell(Watcher& watcher, Outbox& outbox) const {
  if (watcher.told == last_) return false;
  std::vector<wire::JobEvent> page;
  size_t messages = 0;
  size_t looked_at = 0;
  size_t at = after(watcher.told);
  for (; at < events_.size(); ++at) {
    if (messages == kMessagesPerTurn || looked_at++ == kMessagesPerTurn * kEventsPerMessage) break;
    watcher.told = events_[at].sequence;
    if (!wants(watcher, events_[at])) continue;
    page.push_back(copy(events_[at], outbox.text()));
    if (page.size() < kEventsPerMessage) continue;
    send(watcher, page, outbox);
    page.clear();
    ++messages;
  }
  send(watcher, page, outbox);
  // The last number may be of no event: a server begins where no server before it has been.
  if (at == events_.size()) watcher.told = last_;
  return watcher.told != last_;
}

void JobEvents::send(
    const Watcher& watcher, std::span<const wire::JobEvent> page, Outbox& outbox) const {
  if (page.empty()) return;
  if (!watcher.plain) {
    outbox.send(
        watcher.connection, {0}, wire::JobEvents{outbox.text().keep_all<wire::JobEvent>(page)});
    return;
  }
  for (const wire::JobEvent& event : page) {
    outbox.send(
        watcher.connection,
        {0},
        wire::WorkerEvent{
            event.sequence, event.worker, event.worker_change, event.reason, event.at_ms});
  }
}

}  // namespace berth::core
