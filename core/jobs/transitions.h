#pragma once

#include <cstdint>

#include "core/base/time.h"
#include "core/jobs/job.h"

/// Every edge of the state machine: one function each, and no other code writes `Job::state`.
///
/// They change the job alone. What follows from it (queue, lease, deadlines, rows, events) is the
/// ledger's; which of them are synced before they are acted on stands in ARCHITECTURE.md.
///
/// Errors   an edge from a state that does not have it is a CHECK: callers look first
namespace berth::core::edges {

/// What is held while an assignment lives.
struct Lease {
  wire::AssignmentId id;
  WorkerNumber worker = kNoWorker;
  uint64_t reservation = 0;
  Instant ends;
};

/// How an attempt ended.
struct Ending {
  wire::JobError error;
  wire::TaskUsage usage;
  std::span<const wire::OutputFile> outputs;
};

/// PENDING → ASSIGNED: it goes to a worker, which has not said yes yet.
void assign(Job& job, Now now, const Lease& lease);
/// ASSIGNED → ASSIGNED: its worker took it; the attempt counts from here on.
void accept(Job& job);
/// ASSIGNED → PENDING: its worker would not, or did not answer; as if it had never been assigned.
void hand_back(Job& job, Now now, const wire::JobError& why);
/// ASSIGNED → RUNNING: its worker started it.
void run(Job& job, Now now);
/// RUNNING → COMPLETED: the first valid completion.
void complete(Job& job, Now now, const Ending& ending);
/// RUNNING → RETRYING: the attempt failed, and there are more.
void retry_later(Job& job, Now now, const Ending& ending, Instant ready_at);
/// RUNNING → FAILED: the last attempt failed.
void fail(Job& job, Now now, const Ending& ending);
/// RUNNING → PENDING: it has saved where it was, and is to be run again; no attempt.
void checkpoint(Job& job, Now now, const Ending& ending);
/// ASSIGNED, RUNNING → LOST: its worker went away.
void lose(Job& job, Now now, std::string_view why);
/// LOST → RETRYING: there are attempts left.
void retry_lost(Job& job, Instant ready_at);
/// LOST → FAILED: that was the last one.
void fail_lost(Job& job, Now now);
/// RETRYING → PENDING: its back-off is over.
void requeue(Job& job, Now now);
/// PENDING, ASSIGNED, RUNNING, RETRYING → ABORTED: somebody asked for it, or what it depends on
/// will not complete. Whatever runs of it is told to stop.
void abort(Job& job, Now now, std::string_view reason);
/// FAILED, ABORTED → PENDING: somebody asked for it; with all attempts before it.
void revive(Job& job, Now now);

/// The last attempt of a job that ended before its worker said how: what it says now is kept.
void settle(Job& job, Now now, const Ending& ending);

/// The current attempt, or the last one; null: none yet.
Attempt* last_attempt(Job& job);
const Attempt* last_attempt(const Job& job);

}  // namespace berth::core::edges
