#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/planted.h"
#include "core/jobs/job_error.h"
#include "core/jobs/ledger_state.h"

namespace berth::core {

using wire::JobState;

namespace {

constexpr Duration kStartedRowWithin = Duration::milliseconds(200);

}  // namespace

void JobLedger::State::tell(Now now, Job& job, wire::ErrorClass error, std::string_view reason) {
  census.count(job);
  wire::JobEvent event = event_of(now, wire::EventKind::Job);
  event.job = job.id;
  event.count = job.count;
  event.state = job.state;
  event.error = error;
  event.reason = reason;
  const Attempt* last = edges::last_attempt(job);
  if (last != nullptr && job.state != JobState::Pending) {
    event.attempt = last->id.attempt;
    event.worker = workers.name(last->worker);
  }
  events.add(event, &outbox.rows());
}

void JobLedger::State::enqueue(Now now, Job& job) {
  if (job.state != JobState::Pending || job.unmet > 0 || job.queued) return;
  enqueue(now, job, classes.read(job.spec.bytes()));
}

void JobLedger::State::enqueue(Now now, Job& job, const wire::JobSpec& spec) {
  if (job.state != JobState::Pending || job.unmet > 0 || job.queued) return;
  if (job.ready_at > now.mono) {
    return deadlines.set(DeadlineKind::Ready, job.id.value, job.ready_at);
  }
  // The worker has not said yet that the last attempt, which was aborted, does not run any more.
  if (job.run && job.run->leased) return;
  job.ready_at = {};
  job.like = classes.class_of(queue, spec);
  queue.add(job.like, turn_of(job), job.count);
  job.queued = true;
  tell_planner(now, job);
}

/// Of one that it can plan, if that is news: it may have found nothing to plan before, or the job
/// has no time to wait for the next plan.
void JobLedger::State::tell_planner(Now now, const Job& job) {
  const bool due = job.deadline_at_ms > now.wall_ms && job.estimated_ms > 0;
  if (!due && !planner.is_quiet(now)) return;
  if (length_to_plan(now, job).ns == 0) return;
  planner.wake();
  const int64_t slack_ms = job.deadline_at_ms - now.wall_ms - job.estimated_ms;
  if (due && slack_ms < 2 * settings.plan.period.ms()) planner.want(wire::PlanCause::Deadline);
}

void JobLedger::State::dequeue(Job& job) {
  if (!std::exchange(job.queued, false)) return;
  BERTH_CHECK(queue.remove(job.like, turn_of(job), job.count));
  end_promise(job.id, kNoWorker);
}

void JobLedger::State::end_lease(Now now, Job& job) {
  Run& run = *job.run;
  if (!std::exchange(run.leased, false)) return;
  workers.at(run.attempts.back().worker).leases.erase(job.id.value);
  if (!promises.empty()) freed_workers.push_back(run.attempts.back().worker);
  deadlines.clear(DeadlineKind::Lease, job.id.value);
  if (run.timeout_at.ns > 0) deadlines.clear(DeadlineKind::Timeout, job.id.value);
  run.timeout_at = {};
  run.gpus.clear();
  if (run.reservation != 0 && !BERTH_PLANTED(CapacityNotReleased)) {
    placement.end_hold({std::exchange(run.reservation, 0)});
  }
  freed = true;
  released = true;
  enqueue(now, job);
}

void JobLedger::State::ask_to_stop(Now now, Job& job, std::string_view reason) {
  Run& run = *job.run;
  const WorkerEntry& worker = workers.at(run.attempts.back().worker);
  run.stopping = true;
  if (run.accepted) {
    const uint32_t grace_ms = classes.read_other(job.spec.bytes()).kill_grace_ms;
    run.lease_ends = now.mono + Duration::milliseconds(grace_ms) + settings.lease;
    deadlines.set(DeadlineKind::Lease, job.id.value, run.lease_ends);
  }
  // If it is not there, it is told when it attaches and names the assignment.
  if (!worker.attached) return;
  const wire::StopTask stop{run.attempts.back().id, outbox.text().keep(reason)};
  outbox.send(
      worker.connection, {0}, wire::StopTasks{outbox.text().keep_all<wire::StopTask>({&stop, 1})});
}

Duration JobLedger::State::back_off(const wire::JobSpec& spec, uint32_t failures) {
  const Duration base = Duration::milliseconds(spec.retry_base_ms);
  const Duration cap = Duration::milliseconds(spec.retry_cap_ms);
  const Duration wanted = cooldown_after(failures, std::min(base, cap), cap);
  return {static_cast<int64_t>(static_cast<double>(wanted.ns) * (0.8 + 0.4 * rng.unit()))};
}

void JobLedger::State::accept(Now now, Job& job) {
  edges::accept(job);
  workers.at(edges::last_attempt(job)->worker).refusals = 0;
  touch_attempt(job);
  job.run->lease_ends = now.mono + lease_of(job);
  deadlines.set(DeadlineKind::Lease, job.id.value, job.run->lease_ends);
}

void JobLedger::State::run(Now now, Job& job) {
  edges::run(job, now);
  // Nothing is lost with it in a crash: its worker says so again. Most short jobs have ended before
  // their row is due, and are written once less.
  started.push_back({now.mono + kStartedRowWithin, edges::last_attempt(job)->id});
  tell(now, job);
  if (job.timeout_ms == 0) return;
  job.run->timeout_at = now.mono + Duration::milliseconds(job.timeout_ms);
  deadlines.set(DeadlineKind::Timeout, job.id.value, job.run->timeout_at);
}

void JobLedger::State::complete(Now now, Job& job, const edges::Ending& ending) {
  edges::complete(job, now, ending);
  learn_from(job, ending);
  touch_attempt(job);
  tell(now, job);
  end_lease(now, job);
  ended(now, job);
}

void JobLedger::State::checkpoint(Now now, Job& job, const edges::Ending& ending) {
  edges::checkpoint(job, now, ending);
  touch_attempt(job);
  tell(now, job, wire::ErrorClass::None, "it was checkpointed");
  end_lease(now, job);  // which puts it back into the queue
}

void JobLedger::State::fail_attempt(Now now, Job& job, edges::Ending ending) {
  Run& run = *job.run;
  if (run.stopping && run.stop_reason != wire::ErrorClass::None) {
    ending.error.kind = run.stop_reason;
  }
  if (ending.error.kind == wire::ErrorClass::None) ending.error.kind = wire::ErrorClass::Exit;
  const wire::JobSpec& spec = classes.read_other(job.spec.bytes());
  const bool again = run.attempt_count < spec.attempts_max;
  if (again) {
    edges::retry_later(job, now, ending, now.mono + back_off(spec, run.attempt_count));
    deadlines.set(DeadlineKind::Ready, job.id.value, job.ready_at);
  } else {
    edges::fail(job, now, ending);
  }
  if (ending.error.kind == wire::ErrorClass::Oom) learn_from(job, ending);
  counters.add_kind(Counter::AttemptsFailed, ending.error.kind);
  touch_attempt(job);
  tell(now, job, ending.error.kind, ending.error.message);
  end_lease(now, job);
  if (!again) ended(now, job);
}

void JobLedger::State::lose(Now now, Job& job, std::string_view why) {
  if (BERTH_PLANTED(LostJobsNotRequeued)) return;
  edges::lose(job, now, why);
  counters.add_kind(Counter::AttemptsFailed, wire::ErrorClass::Lost);
  touch_attempt(job);
  tell(now, job, wire::ErrorClass::Lost, why);
  const wire::JobSpec& spec = classes.read_other(job.spec.bytes());
  const bool again = job.run->attempt_count < spec.attempts_max;
  if (again) {
    edges::retry_lost(job, now.mono + back_off(spec, job.run->attempt_count));
    deadlines.set(DeadlineKind::Ready, job.id.value, job.ready_at);
  } else {
    edges::fail_lost(job, now);
  }
  tell(now, job, wire::ErrorClass::Lost, why);
  end_lease(now, job);
  if (!again) ended(now, job);
}

void JobLedger::State::hand_back(Now now, Job& job, const wire::JobError& why) {
  Run& run = *job.run;
  const WorkerNumber worker = run.attempts.back().worker;
  const bool refused = why.kind == wire::ErrorClass::Refused;
  if (refused) counters.add_kind(Counter::AttemptsFailed, why.kind);
  if (refused && !promises.empty()) planner.want(wire::PlanCause::Refused);
  const bool again =
      std::find(run.refused_by.begin(), run.refused_by.end(), worker) != run.refused_by.end();
  end_lease(now, job);
  edges::hand_back(job, now, why);
  if (refused && !again) run.refused_by.push_back(worker);
  // Everybody who fits has refused it, and one of them twice: not as fast as they can say no.
  if (refused && again) {
    const auto times = static_cast<uint32_t>(run.refused_by.size());
    job.ready_at = now.mono + back_off(classes.read_other(job.spec.bytes()), times);
  }
  touch(job);
  tell(now, job, why.kind, why.message);
  enqueue(now, job);
}

void JobLedger::State::abort(Now now, Job& job, std::string_view reason) {
  free_promises(job);
  dequeue(job);
  if (job.ready_at.ns > 0) deadlines.clear(DeadlineKind::Ready, job.id.value);
  job.ready_at = {};
  if (job.unmet > 0) forget_dependencies(job);
  edges::abort(job, now, reason);
  touch_attempt(job);
  tell(now, job, wire::ErrorClass::Aborted, reason);
  if (job.run->leased) {
    counters.add_kind(Counter::AttemptsFailed, wire::ErrorClass::Aborted);
    job.run->stop_reason = wire::ErrorClass::Aborted;
    if (job.run->timeout_at.ns > 0) deadlines.clear(DeadlineKind::Timeout, job.id.value);
    job.run->timeout_at = {};
    ask_to_stop(now, job, reason);
  }
  ended(now, job);
}

bool JobLedger::State::revive(Now now, Job& job) {
  for (uint64_t on : classes.read(job.spec.bytes()).depends_on) {
    const JobState outcome = outcome_of({on}).value_or(JobState::Completed);
    if (outcome == JobState::Failed || outcome == JobState::Aborted) return false;
  }
  edges::revive(job, now);
  --finished_count;
  touch(job);
  tell(now, job, wire::ErrorClass::None, "somebody asked for it again");
  std::vector<uint64_t> over;
  waits.on_change(job.id, job.count, 1, over);
  if (dependencies.expects(job.array)) (void)dependencies.adjust(job.array, job.count);
  (void)hold_back(now, job, classes.read(job.spec.bytes()));
  enqueue(now, job);
  return true;
}

void JobLedger::State::ended(Now now, Job& job) {
  finished.push_back({now.wall_ms, job.id});
  ++finished_count;
  std::vector<uint64_t> over;
  waits.on_change(job.id, job.count, -1, over);
  for (uint64_t wait : over)
    waits.answer(wait);
  tell_dependants(job);
}

}  // namespace berth::core
