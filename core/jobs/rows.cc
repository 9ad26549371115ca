#include <utility>

#include "core/jobs/job_error.h"
#include "core/jobs/ledger_state.h"

namespace berth::core {

namespace {

int64_t wall_of(Now now, Instant at) {
  return now.wall_ms + (at - now.mono).ms();
}

std::span<const std::byte> keep_spec(std::span<const std::byte> spec, Arena& text) {
  auto* copy = reinterpret_cast<std::byte*>(text.allocate<uint64_t>((spec.size() + 7) / 8));
  if (!spec.empty()) std::memcpy(copy, spec.data(), spec.size());
  return {copy, spec.size()};
}

wire::JobError keep_error(const wire::JobError& error, Arena& text) {
  return {error.kind, error.exit_code, error.signal, text.keep(error.message)};
}

std::span<const wire::OutputFile> keep_outputs(const Attempt& attempt, Arena& text) {
  if (!attempt.details || attempt.details->outputs.empty()) return {};
  std::vector<wire::OutputFile> files;
  for (const Attempt::Output& one : attempt.details->outputs) {
    files.push_back(
        {text.keep(one.name),
         text.keep(one.path),
         one.bytes,
         text.keep(one.sha256),
         one.truncated});
  }
  return text.keep_all<wire::OutputFile>(files);
}

}  // namespace

void JobLedger::State::touch(Job& job) {
  if (std::exchange(job.unsaved, true)) return;
  touched.push_back(&job);
}

void JobLedger::State::touch_attempt(Job& job) {
  if (Attempt* last = edges::last_attempt(job)) last->unsaved = true;
  touch(job);
}

void JobLedger::State::note_rest(Job& rest) {
  if (rest.fresh || !moved_before.emplace(&rest, rest.id.value).second) return;
  rests_moved.emplace(rest.id.value, &rest);
}

JobProgress JobLedger::State::progress_of(Now now, const Job& job, Arena& text) const {
  JobProgress progress;
  // An assignment is stored with its ack. Until then the job is, as far as the store knows,
  // pending: a crash forgets the assignment, and its ack will be refused.
  const bool wish = job.state == wire::JobState::Assigned && !job.run->accepted;
  progress.state = wish ? wire::JobState::Pending : job.state;
  if (job.ready_at.ns > 0) progress.ready_at_ms = wall_of(now, job.ready_at);
  if (!job.run) return progress;
  const Run& run = *job.run;
  progress.attempt_count = run.attempt_count;
  progress.queued_at_ms = run.queued_at_ms;
  progress.finished_at_ms = run.finished_at_ms;
  progress.last_error = keep_error(last_error(job), text);
  const size_t attempts = run.attempts.size() - (wish ? 1 : 0);
  if (attempts == 0) return progress;
  const Attempt& last = run.attempts[attempts - 1];
  progress.worker = text.keep(workers.name(last.worker));
  progress.assignment = last.id;
  progress.assigned_at_ms = last.assigned_at_ms;
  progress.started_at_ms = last.started_at_ms;
  progress.usage = last.usage;
  if (run.leased && !wish) {
    progress.expires_at_ms = wall_of(now, run.lease_ends);
    progress.gpus = text.keep_all<uint16_t>(run.gpus);
  }
  return progress;
}

void JobLedger::State::write_rows(Now now) {
  StoreBatch& rows = outbox.rows();
  for (const auto& [was, rest] : rests_moved)
    rows.arrays.push_back({rest->array, {was}, rest->id, rest->count});
  rests_moved.clear();
  moved_before.clear();
  for (Job* job : touched) {
    job->unsaved = false;
    JobProgress progress = progress_of(now, *job, rows.text);
    if (std::exchange(job->fresh, false)) {
      const bool has_spec = job->array.value == 0 || new_arrays.erase(job->array.value) > 0;
      rows.jobs.push_back(
          {job->id,
           job->count,
           job->array,
           job->array_index,
           job->submitted_at_ms,
           has_spec ? keep_spec(job->spec.bytes(), rows.text) : std::span<const std::byte>{},
           progress});
    } else {
      rows.changes.push_back({job->id, progress});
    }
    if (!job->run) continue;
    // The row of a live job says all there is of its attempt.
    const bool live = job->state == JobState::Assigned || job->state == JobState::Running;
    // Changed ones are the youngest: one that was ended, and the one after it.
    for (size_t i = job->run->attempts.size(); i-- > 0;) {
      Attempt& attempt = job->run->attempts[i];
      const bool last = i + 1 == job->run->attempts.size();
      if (!attempt.unsaved && !last) break;
      if (!attempt.unsaved || (live && last)) continue;
      attempt.unsaved = false;
      rows.attempts.push_back(
          {attempt.id,
           rows.text.keep(workers.name(attempt.worker)),
           attempt.state,
           attempt.assigned_at_ms,
           attempt.started_at_ms,
           attempt.finished_at_ms,
           keep_error(error_of(attempt), rows.text),
           attempt.usage,
           keep_outputs(attempt, rows.text)});
    }
  }
  touched.clear();
  new_arrays.clear();
}

void JobLedger::State::drop(Job& job) {
  if (job.unsaved) std::erase(touched, &job);
  census.forget(job);
  StoreBatch& rows = outbox.rows();
  auto moved = moved_before.find(&job);
  if (moved != moved_before.end()) {
    rows.arrays.push_back({job.array, {moved->second}, job.id, job.count});
    rests_moved.erase(moved->second);
    moved_before.erase(moved);
  }
  if (!job.fresh) rows.dropped_jobs.push_back(job.id);
  jobs.drop(job.id);
}

}  // namespace berth::core
