#include "core/jobs/job_waits.h"

#include <algorithm>

#include "core/jobs/job.h"

namespace berth::core {

namespace {

/// A pass lets others go on after so many looks: a small one must not wait for a huge one.
constexpr size_t kLooksPerPart = 1'024;

std::vector<uint64_t> in_order(std::vector<uint64_t> ids) {
  std::sort(ids.begin(), ids.end());  // the same events have to give the same state
  return ids;
}

uint64_t elements_of(const wire::JobRange& range, wire::JobId first, wire::JobId last) {
  const uint64_t from = std::max(range.first.value, first.value);
  const uint64_t to = std::min(range.last.value, last.value);
  return from <= to ? to - from + 1 : 0;
}

/// One job or rest of an array, or the gap before it; false: `range` has no more.
bool count_next(JobTable& table, const wire::JobRange& range, JobWaits::Wait& wait) {
  wire::JobCounts& counts = wait.counts;
  const Job* job = table.at_or_after({wait.next});
  if (job == nullptr || job->id > range.last) {
    counts.unknown += range.last.value - wait.next + 1;
    return false;
  }
  const uint64_t from = std::max(wait.next, job->id.value);
  const uint64_t to = std::min(range.last.value, job->id.value + job->count - 1);
  counts.unknown += from - wait.next;
  counts.by_state[static_cast<size_t>(job->state)] += to - from + 1;
  if (!is_terminal(job->state)) wait.left += to - from + 1;
  const bool bad = job->state == wire::JobState::Failed || job->state == wire::JobState::Aborted;
  if (bad && counts.first_failed.value == 0) counts.first_failed = {from};
  wait.next = to + 1;
  return to < range.last.value;
}

void begin_pass(JobWaits::Wait& wait) {
  wait.counts = {};
  wait.range = 0;
  wait.next = wait.jobs.empty() ? 0 : wait.jobs.front().first.value;
  wait.left = 0;
  wait.changed = false;
}

}  // namespace

uint64_t JobWaits::add(Wait wait) {
  const uint64_t id = ++last_;
  begin_pass(wait);
  by_connection_[wait.from].insert(id);
  waits_.emplace(id, std::move(wait));
  passes_.push_back(id);
  return id;
}

JobWaits::Wait* JobWaits::find(uint64_t id) {
  auto found = waits_.find(id);
  return found == waits_.end() ? nullptr : &found->second;
}

void JobWaits::remove(uint64_t id) {
  auto found = waits_.find(id);
  if (found == waits_.end()) return;
  drop_from_index(id, found->second);
  auto of_connection = by_connection_.find(found->second.from);
  of_connection->second.erase(id);
  if (of_connection->second.empty()) by_connection_.erase(of_connection);
  waits_.erase(found);
}

void JobWaits::answer(uint64_t id) {
  Wait* found = find(id);
  if (found == nullptr) return;
  Wait& wait = *found;
  drop_from_index(id, wait);
  if (wait.counted()) passes_.push_back(id);
  wait.answering = true;
  begin_pass(wait);
}

std::optional<uint64_t> JobWaits::count(JobTable& table, size_t& limit) {
  while (limit > 0 && !passes_.empty()) {
    const uint64_t id = passes_.front();
    passes_.pop_front();
    Wait* wait = find(id);
    if (wait == nullptr) continue;
    size_t looks = std::min(limit, kLooksPerPart);
    limit -= looks;
    for (; looks > 0 && !wait->counted(); --looks) {
      if (count_next(table, wait->jobs[wait->range], *wait)) continue;
      if (++wait->range < wait->jobs.size()) wait->next = wait->jobs[wait->range].first.value;
    }
    limit += looks;
    if (wait->counted()) return id;
    if (!wait->answering) listen(id);
    passes_.push_back(id);
  }
  return std::nullopt;
}

void JobWaits::listen(uint64_t id) {
  Wait& wait = waits_.at(id);
  if (std::exchange(wait.indexed, true)) return;
  for (const wire::JobRange& range : wait.jobs)
    index_.add(range, id);
}

void JobWaits::drop_from_index(uint64_t id, Wait& wait) {
  if (!std::exchange(wait.indexed, false)) return;
  for (const wire::JobRange& range : wait.jobs)
    index_.remove(range, id);
}

std::vector<uint64_t> JobWaits::of(wire::ConnectionId connection) const {
  auto found = by_connection_.find(connection);
  if (found == by_connection_.end()) return {};
  return in_order({found->second.begin(), found->second.end()});
}

size_t JobWaits::count_of(wire::ConnectionId connection) const {
  auto found = by_connection_.find(connection);
  return found == by_connection_.end() ? 0 : found->second.size();
}

std::vector<uint64_t> JobWaits::all() const {
  std::vector<uint64_t> ids;
  for (const auto& [id, wait] : waits_)
    ids.push_back(id);
  return in_order(std::move(ids));
}

void JobWaits::on_change(wire::JobId first, uint32_t count, int by, std::vector<uint64_t>& over) {
  if (waits_.empty()) return;
  found_.clear();
  if (count == 1) {
    index_.find(first, found_);
  } else {
    // The rest of an array, as a whole: rare enough to look at every wait, in the order of their
    // ids.
    found_ = all();
  }
  for (uint64_t id : found_)
    change(id, first, {first.value + count - 1}, by, over);
}

void JobWaits::change(
    uint64_t id, wire::JobId first, wire::JobId last, int by, std::vector<uint64_t>& over) {
  Wait& wait = waits_.at(id);
  if (!wait.indexed) return;
  if (!wait.counted()) {
    if (first.value >= wait.next) return;
    last = std::min(last, wire::JobId{wait.next - 1});
  }
  uint64_t elements = 1;
  if (first != last) {
    elements = 0;
    for (const wire::JobRange& range : wait.jobs)
      elements += elements_of(range, first, last);
  }
  if (elements == 0) return;
  wait.changed = true;
  // What was submitted after it was counted may end, too.
  wait.left = by > 0 ? wait.left + elements : wait.left - std::min(wait.left, elements);
  if (wait.left == 0 && wait.counted()) over.push_back(id);
}

}  // namespace berth::core
