#include "core/base/planted.h"
#include "core/jobs/ledger_state.h"

// What workers say of their assignments.
namespace berth::core {

namespace {

using wire::JobState;
using wire::ReportItem;
using wire::ReportKind;
using wire::Verdict;

/// What is lost in a crash without harm is answered without waiting.
bool can_be_answered_at_once(ReportKind kind) {
  return kind == ReportKind::Started || kind == ReportKind::Alive;
}

edges::Ending ending_of(const ReportItem& item) {
  return {item.error, item.usage, item.outputs};
}

bool ends(ReportKind kind) {
  return kind == ReportKind::Completed || kind == ReportKind::Failed ||
         kind == ReportKind::Checkpointed;
}

/// Whether the attempt ended as this report says.
bool ended_so(const Attempt& attempt, ReportKind kind) {
  if (attempt.finished_at_ms == 0) return false;
  if (kind == ReportKind::Failed) {
    return attempt.state == JobState::Failed || attempt.state == JobState::Aborted;
  }
  return (kind == ReportKind::Completed || kind == ReportKind::Checkpointed) &&
         attempt.state == JobState::Completed;
}

}  // namespace

void JobLedger::State::on(const Call& call, const wire::Report& report) {
  bool at_once = true;
  for (const ReportItem& item : report.items)
    at_once = at_once && can_be_answered_at_once(item.kind);
  Arena& text = at_once ? call.effects.text : outbox.text();
  auto* verdicts = text.allocate<uint8_t>(report.items.size());
  const WorkerNumber by = workers.find(report.worker);
  for (size_t i = 0; i < report.items.size(); ++i)
    verdicts[i] = static_cast<uint8_t>(take(call, by, report.items[i]));
  const wire::Reported reported{{verdicts, report.items.size()}};
  if (at_once) {
    call.effects.send(call.from, call.id, reported);
  } else {
    reply(call, reported);
  }
}

/// The assignment is the fencing token. On which connection it comes is not asked; that it is of
/// the worker that speaks is, so that no worker ends what another one runs.
Verdict JobLedger::State::take(const Call& call, WorkerNumber by, const ReportItem& item) {
  Job* job = jobs.find(item.assignment.job);
  if (job == nullptr || job->count > 1 || edges::last_attempt(*job) == nullptr) {
    return Verdict::Stale;
  }
  const Attempt& last = *edges::last_attempt(*job);
  if (!BERTH_PLANTED(EpochNotCompared)) {
    if (last.id != item.assignment) return take_late(call, *job, item);
    if (last.worker != by) return Verdict::Stale;
  }
  workers.at(last.worker).heard = call.now.mono;
  const bool live = job->state == JobState::Assigned || job->state == JobState::Running;
  return live ? take_current(call, *job, item) : take_late(call, *job, item);
}

Verdict JobLedger::State::take_current(const Call& call, Job& job, const ReportItem& item) {
  const Now now = call.now;
  const WorkerNumber worker = job.run->attempts.back().worker;
  if (item.kind == ReportKind::Refused && !job.run->accepted) {
    count_refusal(now, job, call.effects);
    hand_back(now, job, {wire::ErrorClass::Refused, 0, 0, item.error.message});
    return Verdict::Ok;
  }
  const bool was_accepted = job.run->accepted;
  if (!was_accepted) accept(now, job);
  renew(now, job);
  if (item.kind == ReportKind::Accepted) return was_accepted ? Verdict::Repeated : Verdict::Ok;
  // What was said before may have been lost on its way.
  const bool was_running = job.state == JobState::Running;
  if (!was_running) run(now, job);
  switch (item.kind) {
    case ReportKind::Started: return was_running ? Verdict::Repeated : Verdict::Ok;
    case ReportKind::Completed:
      complete(now, job, ending_of(item));
      workers.at(worker).failures = 0;
      blame.on_completion(job.spec.bytes());
      break;
    case ReportKind::Checkpointed: checkpoint(now, job, ending_of(item)); break;
    case ReportKind::Refused:
    case ReportKind::Failed: {
      edges::Ending ending = ending_of(item);
      if (item.kind == ReportKind::Refused) ending.error.kind = wire::ErrorClass::Refused;
      const bool stopped = job.run->stopping;
      fail_attempt(now, job, ending);
      if (!stopped) count_failure(now, job, ending.error.kind, call.effects);
      break;
    }
    default: break;
  }
  return Verdict::Ok;
}

/// Of an attempt that is over, for the ledger at least.
Verdict JobLedger::State::take_late(const Call& call, Job& job, const ReportItem& item) {
  Attempt& last = *edges::last_attempt(job);
  if (last.id == item.assignment && job.run->leased) {
    // It was aborted; its worker may just have stopped it, or not even begun.
    if (item.kind == ReportKind::Started || item.kind == ReportKind::Alive) return Verdict::Ok;
    if (ends(item.kind)) {
      edges::settle(job, call.now, ending_of(item));
      touch_attempt(job);
    }
    end_lease(call.now, job);
    return item.kind == ReportKind::Accepted ? Verdict::Stale : Verdict::Ok;
  }
  if (BERTH_PLANTED(StaleCompletionAccepted) && item.kind == ReportKind::Completed) {
    return Verdict::Ok;
  }
  for (size_t i = job.run->attempts.size(); i-- > 0;) {
    const Attempt& attempt = job.run->attempts[i];
    if (attempt.id != item.assignment) continue;
    return ended_so(attempt, item.kind) ? Verdict::Repeated : Verdict::Stale;
  }
  return Verdict::Stale;
}

}  // namespace berth::core
