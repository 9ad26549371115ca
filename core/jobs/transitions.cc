#include "core/jobs/transitions.h"

#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/planted.h"

namespace berth::core::edges {

namespace {

using wire::JobState;

/// A job that is checkpointed every minute for a month would keep 43,000.
constexpr size_t kAttemptsKept = 256;

Run& run_of(Job& job) {
  if (!job.run) job.run = std::make_unique<Run>();
  return *job.run;
}

void write_ending(Attempt& attempt, const Ending& ending) {
  attempt.error = ending.error.kind;
  attempt.exit_code = ending.error.exit_code;
  attempt.signal = ending.error.signal;
  attempt.usage = ending.usage;
  if (ending.error.message.empty() && ending.outputs.empty()) return;
  attempt.details = std::make_unique<Attempt::Details>();
  attempt.details->message = ending.error.message;
  for (const wire::OutputFile& file : ending.outputs) {
    attempt.details->outputs.push_back(
        {std::string(file.name),
         std::string(file.path),
         std::string(file.sha256),
         file.bytes,
         file.truncated});
  }
}

/// Ends the attempt, not the job.
Attempt& end_attempt(Job& job, Now now, JobState how) {
  Attempt& attempt = *last_attempt(job);
  attempt.state = how;
  attempt.finished_at_ms = now.wall_ms;
  return attempt;
}

void finish(Job& job, Now now, JobState how) {
  job.state = how;
  run_of(job).finished_at_ms = now.wall_ms;
}

wire::JobError because(wire::ErrorClass kind, std::string_view why) {
  return {kind, 0, 0, why};
}

}  // namespace

Attempt* last_attempt(Job& job) {
  return job.run && !job.run->attempts.empty() ? &job.run->attempts.back() : nullptr;
}

const Attempt* last_attempt(const Job& job) {
  return job.run && !job.run->attempts.empty() ? &job.run->attempts.back() : nullptr;
}

void assign(Job& job, Now now, const Lease& lease) {
  BERTH_CHECK(job.state == JobState::Pending && job.count == 1);
  Run& run = run_of(job);
  BERTH_CHECK(!run.leased);
  job.state = JobState::Assigned;
  Attempt& attempt = run.attempts.emplace_back();
  attempt.id = lease.id;
  attempt.worker = lease.worker;
  attempt.assigned_at_ms = now.wall_ms;
  if (run.queued_at_ms == 0) run.queued_at_ms = job.submitted_at_ms;
  run.reservation = lease.reservation;
  run.lease_ends = lease.ends;
  run.leased = true;
  run.accepted = false;
  run.stopping = false;
  run.stop_reason = wire::ErrorClass::None;
  run.timeout_at = {};
}

void accept(Job& job) {
  BERTH_CHECK(job.state == JobState::Assigned && !job.run->accepted);
  job.run->accepted = true;
  job.run->refused_by.clear();
  job.run->verdict.reset();
  if (!BERTH_PLANTED(RetryNotCounted)) ++job.run->attempt_count;
  std::vector<Attempt>& attempts = job.run->attempts;
  if (attempts.size() > kAttemptsKept) attempts.erase(attempts.begin());
}

void hand_back(Job& job, Now now, const wire::JobError& why) {
  BERTH_CHECK(job.state == JobState::Assigned && !job.run->accepted);
  job.state = JobState::Pending;
  job.run->queued_at_ms = now.wall_ms;
  job.run->attempts.pop_back();
  if (why.kind != wire::ErrorClass::None) {
    job.run->verdict =
        std::make_unique<Run::Verdict>(Run::Verdict{why.kind, std::string(why.message)});
  }
}

void run(Job& job, Now now) {
  BERTH_CHECK(job.state == JobState::Assigned && job.run->accepted);
  job.state = JobState::Running;
  last_attempt(job)->state = JobState::Running;
  last_attempt(job)->started_at_ms = now.wall_ms;
}

void complete(Job& job, Now now, const Ending& ending) {
  BERTH_CHECK(job.state == JobState::Running);
  write_ending(end_attempt(job, now, JobState::Completed), ending);
  finish(job, now, JobState::Completed);
}

void retry_later(Job& job, Now now, const Ending& ending, Instant ready_at) {
  BERTH_CHECK(job.state == JobState::Running);
  write_ending(end_attempt(job, now, JobState::Failed), ending);
  job.state = JobState::Retrying;
  job.ready_at = ready_at;
}

void fail(Job& job, Now now, const Ending& ending) {
  BERTH_CHECK(job.state == JobState::Running);
  write_ending(end_attempt(job, now, JobState::Failed), ending);
  finish(job, now, JobState::Failed);
}

void checkpoint(Job& job, Now now, const Ending& ending) {
  BERTH_CHECK(job.state == JobState::Running);
  // It ended well, as far as it went: COMPLETED is the state of the attempt, not of the job.
  write_ending(end_attempt(job, now, JobState::Completed), ending);
  job.state = JobState::Pending;
  job.ready_at = {};
  job.run->queued_at_ms = now.wall_ms;
  --job.run->attempt_count;
}

void lose(Job& job, Now now, std::string_view why) {
  BERTH_CHECK(job.state == JobState::Assigned || job.state == JobState::Running);
  BERTH_CHECK(job.run->accepted);
  Attempt& attempt = end_attempt(job, now, JobState::Lost);
  write_ending(attempt, {because(wire::ErrorClass::Lost, why), {}, {}});
  job.state = JobState::Lost;
}

void retry_lost(Job& job, Instant ready_at) {
  BERTH_CHECK(job.state == JobState::Lost);
  job.state = JobState::Retrying;
  job.ready_at = ready_at;
}

void fail_lost(Job& job, Now now) {
  BERTH_CHECK(job.state == JobState::Lost);
  finish(job, now, JobState::Failed);
}

void requeue(Job& job, Now now) {
  BERTH_CHECK(job.state == JobState::Retrying);
  job.state = JobState::Pending;
  job.ready_at = {};
  job.run->queued_at_ms = now.wall_ms;
}

void abort(Job& job, Now now, std::string_view reason) {
  BERTH_CHECK(!is_terminal(job.state) && job.state != JobState::Lost);
  if (job.state == JobState::Assigned || job.state == JobState::Running) {
    end_attempt(job, now, JobState::Aborted).error = wire::ErrorClass::Aborted;
  }
  run_of(job).verdict =
      std::make_unique<Run::Verdict>(Run::Verdict{wire::ErrorClass::Aborted, std::string(reason)});
  finish(job, now, JobState::Aborted);
}

void revive(Job& job, Now now) {
  BERTH_CHECK(job.state == JobState::Failed || job.state == JobState::Aborted);
  job.state = JobState::Pending;
  job.ready_at = {};
  Run& run = run_of(job);
  run.queued_at_ms = now.wall_ms;
  run.finished_at_ms = 0;
  run.attempt_count = 0;
  run.verdict.reset();
  run.refused_by.clear();
}

void settle(Job& job, Now, const Ending& ending) {
  BERTH_CHECK(last_attempt(job) != nullptr && last_attempt(job)->finished_at_ms != 0);
  const wire::ErrorClass kind = last_attempt(job)->error;
  write_ending(*last_attempt(job), ending);
  last_attempt(job)->error = kind;
}

}  // namespace berth::core::edges
