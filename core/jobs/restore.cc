#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/planted.h"
#include "core/jobs/ledger_state.h"

// What a store gives back at the start of a server.
namespace berth::core {

namespace {

using wire::JobState;

/// Until `start` says what time it is, `ready_at` holds wall time.
Instant wall_instant(int64_t wall_ms) {
  return Instant{} + Duration::milliseconds(wall_ms);
}

Instant mono_of(Now now, int64_t wall_ms) {
  return now.mono + Duration::milliseconds(wall_ms - now.wall_ms);
}

}  // namespace

void JobLedger::on_start(uint64_t floor) {
  if (!BERTH_PLANTED(NoFenceAfterRestart)) state_->next_epoch = floor;
  state_->events.on_start(floor);
}

void JobLedger::on_job(const JobRecord& job) {
  state_->restore(job);
}

void JobLedger::on_attempt(const AttemptRecord& attempt) {
  state_->restore(attempt);
}

void JobLedger::on_submit(const SubmitRecord& submit) {
  if (BERTH_PLANTED(RequestIdForgottenAtRestart)) return;
  state_->submits.add(
      submit.request,
      submit.at_ms,
      {SubmitBook::Jobs(submit.jobs.begin(), submit.jobs.end()), submit.digest});
  for (const wire::JobRange& range : submit.jobs)
    state_->next_job = std::max(state_->next_job, range.last.value + 1);
}

void JobLedger::on_worker(const WorkerRecord& record) {
  State& self = *state_;
  WorkerEntry& worker = self.workers.at(self.workers.number_of(record.worker));
  worker.nonce = record.nonce;
  worker.failures = record.failures;
  worker.cooldown_until = wall_instant(record.cooldown_until_ms);
}

void JobLedger::on_event(const wire::JobEvent& event) {
  WorkerBook& workers = state_->workers;
  wire::JobEvent kept = event;
  if (!event.worker.empty()) kept.worker = workers.name(workers.number_of(event.worker));
  state_->events.restore(kept);
}

void JobLedger::on_experience(const ExperienceRecord& record) {
  state_->experience.restore(record);
}

void JobLedger::start(Now now) {
  state_->resume(now);
  wire::JobEvent event = State::event_of(now, wire::EventKind::Server);
  event.server_change = wire::ServerChange::Started;
  state_->events.add(event);
}

void JobLedger::State::restore(const JobRecord& record) {
  const JobProgress& progress = record.progress;
  Job& job = jobs.add(record.id, record.count);
  next_job = std::max(next_job, record.id.value + record.count);
  job.array = record.array;
  job.array_index = record.array_index;
  job.submitted_at_ms = record.submitted_at_ms;
  if (record.array.value == 0) {
    job.spec = SpecRef(record.spec);
  } else {
    SpecRef& shared = array_specs[record.array.value];
    if (shared.bytes().empty()) shared = SpecRef(record.spec);
    job.spec = shared;
  }
  job.state = progress.state;
  job.ready_at = wall_instant(progress.ready_at_ms);
  const wire::ErrorClass error = progress.last_error.kind;
  if (progress.assignment.epoch == 0 && progress.finished_at_ms == 0 &&
      error == wire::ErrorClass::None && progress.queued_at_ms == 0) {
    return;  // never assigned: no more to tell
  }
  job.run = std::make_unique<Run>();
  Run& run = *job.run;
  run.queued_at_ms = progress.queued_at_ms;
  run.finished_at_ms = progress.finished_at_ms;
  run.attempt_count = progress.attempt_count;
  if (job.state == JobState::Assigned || job.state == JobState::Running) {
    Attempt& attempt = run.attempts.emplace_back();
    attempt.id = progress.assignment;
    attempt.worker = workers.number_of(progress.worker);
    attempt.state = job.state;
    attempt.assigned_at_ms = progress.assigned_at_ms;
    attempt.started_at_ms = progress.started_at_ms;
    attempt.unsaved = true;
    // Of an aborted one that its worker still ran nothing is held any more.
    run.gpus.assign(progress.gpus.begin(), progress.gpus.end());
  }
  if (error == wire::ErrorClass::Aborted || error == wire::ErrorClass::Refused) {
    run.verdict = std::make_unique<Run::Verdict>(
        Run::Verdict{error, std::string(progress.last_error.message)});
  }
}

void JobLedger::State::restore(const AttemptRecord& record) {
  Job* job = jobs.find(record.id.job);
  if (job == nullptr || job->count > 1) return;
  if (!job->run) job->run = std::make_unique<Run>();
  // The one under way, which the job's own row has told of, is the last.
  std::vector<Attempt>& attempts = job->run->attempts;
  const bool before_live = !attempts.empty() && attempts.back().unsaved;
  Attempt& attempt = before_live ? *attempts.emplace(attempts.end() - 1) : attempts.emplace_back();
  attempt.id = record.id;
  attempt.worker = workers.number_of(record.worker);
  attempt.state = record.state;
  attempt.assigned_at_ms = record.assigned_at_ms;
  attempt.started_at_ms = record.started_at_ms;
  attempt.finished_at_ms = record.finished_at_ms;
  attempt.error = record.error.kind;
  attempt.exit_code = record.error.exit_code;
  attempt.signal = record.error.signal;
  attempt.usage = record.usage;
  if (record.error.message.empty() && record.outputs.empty()) return;
  attempt.details = std::make_unique<Attempt::Details>();
  attempt.details->message = record.error.message;
  for (const wire::OutputFile& file : record.outputs) {
    attempt.details->outputs.push_back(
        {std::string(file.name),
         std::string(file.path),
         std::string(file.sha256),
         file.bytes,
         file.truncated});
  }
}

/// Everything lives on where it was. Who holds a lease has time to come back; nothing is sent to
/// anybody, and nobody is asked.
void JobLedger::State::resume(Now now) {
  array_specs.clear();
  for (WorkerNumber worker = 0; worker < workers.size(); ++worker) {
    Instant& until = workers.at(worker).cooldown_until;
    if (until.ns > 0) until = mono_of(now, until.ns / 1'000'000);
  }
  for (Job* job = jobs.at_or_after({1}); job != nullptr;
       job = jobs.at_or_after({job->id.value + job->count})) {
    census.count_restored(*job);
    resume(now, *job);
  }
  std::sort(finished.begin(), finished.end(), [](const Finished& a, const Finished& b) {
    return a.at_ms != b.at_ms ? a.at_ms < b.at_ms : a.job < b.job;
  });
}

void JobLedger::State::resume(Now now, Job& job) {
  const wire::JobSpec& spec = classes.read(job.spec.bytes());
  job.priority = spec.priority;
  job.deadline_at_ms = spec.deadline_at_ms;
  job.timeout_ms = spec.timeout_ms;
  job.estimated_ms = spec.estimated_ms;
  job.likeness = experience.likeness_of(spec);
  if (job.ready_at.ns > 0) job.ready_at = mono_of(now, job.ready_at.ns / 1'000'000);
  switch (job.state) {
    case JobState::Pending:
      if (!spec.depends_on.empty()) (void)hold_back(now, job, spec);
      return enqueue(now, job, spec);
    case JobState::Retrying:
      if (BERTH_PLANTED(TimerLostAtRestart)) return;
      return deadlines.set(DeadlineKind::Ready, job.id.value, job.ready_at);
    case JobState::Assigned:
    case JobState::Running: return resume_lease(now, job);
    case JobState::Completed:
    case JobState::Failed:
    case JobState::Aborted:
      finished.push_back({job.run ? job.run->finished_at_ms : 0, job.id});
      ++finished_count;
      return;
    case JobState::Lost: break;
  }
  BERTH_CHECK(false);  // LOST is left in the turn in which it is entered
}

void JobLedger::State::resume_lease(Now now, Job& job) {
  BERTH_CHECK(edges::last_attempt(job) != nullptr);
  Run& run = *job.run;
  const Attempt& last = run.attempts.back();
  run.leased = true;
  run.accepted = true;
  run.lease_ends = now.mono + settings.grace_after_start;
  deadlines.set(DeadlineKind::Lease, job.id.value, run.lease_ends);
  workers.at(last.worker).leases.emplace(job.id.value, &job);
  if (job.state == JobState::Running && job.timeout_ms > 0) {
    run.timeout_at = mono_of(now, last.started_at_ms + job.timeout_ms);
    deadlines.set(DeadlineKind::Timeout, job.id.value, run.timeout_at);
  }
}

}  // namespace berth::core
