#include <algorithm>
#include <string>
#include <utility>

#include "core/jobs/ledger_state.h"

// What happens because time has passed.
namespace berth::core {

namespace {

using wire::JobState;

// What is dropped in one tick: a quarter of what is too much, so that a server which ends more jobs
// a second than this could otherwise drop does not grow; bounded, for the sake of the turn.
constexpr size_t kDroppedMin = 256;
constexpr size_t kDroppedMax = 8'192;

size_t drops_of(size_t count, size_t kept) {
  const size_t excess = count > kept ? count - kept : 0;
  return std::clamp(excess / 4, kDroppedMin, kDroppedMax);
}

}  // namespace

void JobLedger::State::on_due(Now now, const Deadlines::Due& one, Effects& effects) {
  switch (one.kind) {
    case DeadlineKind::Ready: {
      Job* job = jobs.find({one.subject});
      if (job == nullptr || job->id.value != one.subject) return;
      if (job->state == JobState::Retrying) {
        edges::requeue(*job, now);
        touch(*job);
        tell(now, *job);
      }
      return enqueue(now, *job);
    }
    case DeadlineKind::Lease: {
      Job* job = jobs.find({one.subject});
      if (job != nullptr && job->run && job->run->leased) on_lease_over(now, *job);
      return;
    }
    case DeadlineKind::Timeout: {
      Job* job = jobs.find({one.subject});
      if (job != nullptr && job->state == JobState::Running) on_timeout(now, *job);
      return;
    }
    case DeadlineKind::Wait: return waits.answer(one.subject);
    case DeadlineKind::Poll: return answer_poll(static_cast<WorkerNumber>(one.subject), effects);
    case DeadlineKind::Worker: {
      const auto number = static_cast<WorkerNumber>(one.subject);
      const WorkerEntry& worker = workers.at(number);
      // It was heard of since: it came back, or had not gone.
      if (worker.attached && now.mono - worker.heard < offline_after(worker)) return;
      return lose_all(now, number, "its worker went away");
    }
    case DeadlineKind::Log: {
      const LogRequest* found = logs.find(one.subject);
      if (found == nullptr) return;
      const LogRequest asked = *found;
      logs.remove(one.subject);
      // No attempt had started, and so no worker was asked.
      if (asked.worker == kNoWorker) {
        return effects.send(asked.from, asked.request, wire::LogChunk{});
      }
      effects.send(
          asked.from,
          asked.request,
          wire::Refused{wire::Refusal::Busy, "the worker that has it does not answer"});
      return;
    }
  }
}

void JobLedger::State::on_lease_over(Now now, Job& job) {
  if (job.run->lease_ends > now.mono) {
    return deadlines.set(DeadlineKind::Lease, job.id.value, job.run->lease_ends);
  }
  counters.add(Counter::LeasesExpired);
  let_go(
      now,
      job,
      job.run->accepted ? "its worker was not heard of for the length of a lease"
                        : "its worker did not answer in time");
}

void JobLedger::State::on_timeout(Now now, Job& job) {
  if (job.run->stopping) return;
  job.run->stop_reason = wire::ErrorClass::Timeout;
  ask_to_stop(now, job, "it ran longer than " + std::to_string(job.timeout_ms) + " ms");
}

/// The rows of those that are still running: most have ended since.
void JobLedger::State::write_started(Now now) {
  for (; !started.empty() && started.front().due <= now.mono; started.pop_front()) {
    const wire::AssignmentId id = started.front().assignment;
    Job* job = jobs.find(id.job);
    if (job == nullptr || job->id != id.job || job->state != JobState::Running) continue;
    if (edges::last_attempt(*job)->id == id) touch_attempt(*job);
  }
}

/// Drops what ended long ago, and what is more than is to be kept; a little at a time.
void JobLedger::State::retire(Now now) {
  const int64_t since_ms = now.wall_ms - settings.finished_age.ms();
  const size_t most = drops_of(finished_count, settings.finished_max);
  for (size_t dropped = 0; dropped < most && !finished.empty(); ++dropped) {
    const Finished oldest = finished.front();
    Job* job = jobs.find(oldest.job);
    const bool is_it = job != nullptr && job->id == oldest.job && is_terminal(job->state) &&
                       job->run->finished_at_ms == oldest.at_ms;
    if (!is_it) {
      finished.pop_front();  // it lives again
      continue;
    }
    if (finished_count <= settings.finished_max && oldest.at_ms >= since_ms) break;
    // The worker has not said yet that it stopped; and the last id that was given must be found
    // after a restart, or it would be given again.
    const bool is_newest = job->id.value + job->count == next_job;
    finished.pop_front();
    if (job->run->leased || is_newest) {
      finished.push_back(oldest);
      continue;
    }
    --finished_count;
    drop(*job);
  }
  const size_t most_submits = drops_of(submits.size(), settings.submits_kept);
  for (size_t dropped = 0; dropped < most_submits; ++dropped) {
    const std::string request =
        submits.take_old(settings.submits_kept, now.wall_ms - settings.submits_age.ms());
    if (request.empty()) break;
    StoreBatch& rows = outbox.rows();
    rows.dropped_submits.push_back(rows.text.keep(request));
  }
}

}  // namespace berth::core
