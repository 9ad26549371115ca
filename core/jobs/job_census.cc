#include "core/jobs/job_census.h"

#include <algorithm>

namespace berth::core {

namespace {

using wire::JobState;

/// Half a millisecond of a tick. Where more jobs end between two ticks it lags behind for a while.
constexpr int kLooksPerTick = 8'192;

bool is_late(const Job& job) {
  return job.deadline_at_ms > 0 && job.run && job.run->finished_at_ms > job.deadline_at_ms;
}

constexpr size_t kPending = static_cast<size_t>(JobState::Pending);

}  // namespace

bool JobCensus::move(Job& job) {
  const auto state = static_cast<uint8_t>(job.state);
  if (job.counted_as == state) return false;
  forget(job);
  by_state_[state] += job.count;
  job.counted_as = state;
  if (state == kPending) oldest_ = std::min(oldest_, job.id.value);
  return true;
}

void JobCensus::count(Job& job) {
  const uint8_t before = job.counted_as;
  if (!move(job)) return;
  if (before == kNotCounted) {
    counters_.add(Counter::JobsSubmitted, job.count);
  } else {
    const auto from = static_cast<JobState>(before);
    counters_.add_kind(Counter::JobTransitions, edge_of(from, job.state), job.count);
  }
  if (is_terminal(job.state) && is_late(job)) counters_.add(Counter::DeadlineMisses, job.count);
  if (job.state == JobState::Completed) counters_.add(Counter::JobsCompleted, job.count);
  if (job.state == JobState::Failed) counters_.add(Counter::JobsFailed, job.count);
  if (job.state == JobState::Aborted) counters_.add(Counter::JobsAborted, job.count);
}

void JobCensus::count_restored(Job& job) {
  (void)move(job);
}

void JobCensus::forget(const Job& job) {
  if (job.counted_as != kNotCounted) by_state_[job.counted_as] -= job.count;
}

void JobCensus::publish() const {
  for (size_t state = 0; state < by_state_.size(); ++state)
    shown_.jobs[state].store(by_state_[state], std::memory_order_relaxed);
}

void JobCensus::publish_oldest(JobTable& jobs) {
  if (by_state_[kPending] == 0) return shown_.oldest_pending_ms.store(0, std::memory_order_relaxed);
  for (int looks = 0; looks < kLooksPerTick; ++looks) {
    const Job* job = jobs.at_or_after({oldest_});
    if (job == nullptr) return;  // the turn in which it was submitted is not over
    if (job->state == JobState::Pending) {
      return shown_.oldest_pending_ms.store(job->submitted_at_ms, std::memory_order_relaxed);
    }
    oldest_ = job->id.value + job->count;
  }
}

}  // namespace berth::core
