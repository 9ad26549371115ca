#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "core/jobs/ledger_state.h"

// Abort and retry, of one job or a million: worked off a part each turn.
namespace berth::core {

namespace {

using wire::JobAction;
using wire::JobState;
using wire::Refusal;

constexpr size_t kRangesMax = 4'096;
constexpr size_t kSweepsMax = 10'000;
constexpr size_t kReasonMax = 1'024;
/// No job will ever have a later id; there is always one after it.
constexpr wire::JobId kLastJob{std::numeric_limits<uint64_t>::max() - 1};

bool applies(JobAction action, JobState state) {
  return action == JobAction::Abort ? !is_terminal(state)
                                    : state == JobState::Failed || state == JobState::Aborted;
}

bool contains(const std::vector<wire::JobRange>& ranges, wire::JobId job) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const wire::JobRange& range) {
    return range.first <= job && job <= range.last;
  });
}

uint32_t saturated(uint64_t count) {
  return static_cast<uint32_t>(std::min<uint64_t>(count, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

void JobLedger::State::on(const Call& call, const wire::ChangeJobs& change) {
  if (change.jobs.size() > kRangesMax) {
    return refuse(
        call,
        Refusal::BadRequest,
        "jobs has " + std::to_string(change.jobs.size()) + " ranges, at most " +
            std::to_string(kRangesMax) + " are allowed: ask in parts");
  }
  if (change.reason.size() > kReasonMax) {
    return refuse(
        call,
        Refusal::BadRequest,
        "reason has " + std::to_string(change.reason.size()) + " bytes, at most " +
            std::to_string(kReasonMax) + " are allowed");
  }
  if (sweeps.size() >= kSweepsMax) {
    return refuse(call, Refusal::Busy, "too many jobs are being changed already: ask again later");
  }
  Sweep sweep;
  sweep.from = call.from;
  sweep.id = call.id;
  sweep.action = change.action;
  std::vector<wire::JobRange> asked(change.jobs.begin(), change.jobs.end());
  for (wire::JobRange& range : asked)
    range.last = std::min(range.last, kLastJob);
  sweep.ranges = merged(asked);
  sweep.reason = change.reason;
  if (!change.worker.empty()) {
    const WorkerNumber worker = workers.find(change.worker);
    std::vector<wire::JobRange> on_it;
    if (worker != kNoWorker && change.action == JobAction::Abort) {
      for (const Job* job : leases_of(worker)) {
        if (!change.jobs.empty() && !contains(sweep.ranges, job->id)) continue;
        if (!is_terminal(job->state)) on_it.push_back({job->id, job->id});
      }
    }
    sweep.ranges = std::move(on_it);
  }
  if (sweep.reason.empty() && change.action == JobAction::Abort) {
    sweep.reason = "somebody asked for it";
  }
  std::reverse(sweep.ranges.begin(), sweep.ranges.end());
  sweeps.push_back(std::move(sweep));
}

bool JobLedger::State::sweep(Now now, size_t limit) {
  while (!sweeps.empty()) {
    Sweep& one = sweeps.front();
    for (; !one.ranges.empty(); --limit) {
      if (limit == 0) return true;
      wire::JobRange& range = one.ranges.back();  // the lowest
      sweep_range(now, one, range);
      if (range.first > range.last) one.ranges.pop_back();
    }
    one.result.unknown = saturated(one.unknown);
    outbox.send(one.from, one.id, one.result);
    sweeps.pop_front();
  }
  return false;
}

/// The first job in it; `range` becomes what is left.
void JobLedger::State::sweep_range(Now now, Sweep& sweep, wire::JobRange& range) {
  const auto skip_to = [&](uint64_t id) {
    sweep.unknown += id - range.first.value;
    range.first.value = id;
  };
  Job* job = jobs.at_or_after(range.first);
  if (job == nullptr || job->id > range.last) return skip_to(range.last.value + 1);
  if (job->id > range.first) skip_to(job->id.value);
  if (applies(sweep.action, job->state)) job = &cut(now, *job, range);
  const uint64_t from = std::max(range.first.value, job->id.value);
  const uint64_t to = std::min(range.last.value, job->id.value + job->count - 1);
  const bool done = applies(sweep.action, job->state) && change(now, *job, sweep);
  (done ? sweep.result.changed : sweep.result.unchanged) += static_cast<uint32_t>(to - from + 1);
  range.first.value = to + 1;
}

bool JobLedger::State::change(Now now, Job& job, const Sweep& sweep) {
  if (sweep.action == JobAction::Abort) {
    abort(now, job, sweep.reason);
    return true;
  }
  return revive(now, job);
}

/// The part of `job` that is inside `range`, on its own.
Job& JobLedger::State::cut(Now now, Job& job, wire::JobRange range) {
  Job* part = &job;
  if (range.first > part->id) part = &split(now, *part, range.first);
  if (part->id.value + part->count - 1 > range.last.value) {
    (void)split(now, *part, {range.last.value + 1});  // what lies behind goes on as before
  }
  return *part;
}

Job& JobLedger::State::split(Now now, Job& rest, wire::JobId at) {
  note_rest(rest);
  Job& tail = jobs.split(rest, at);
  if (rest.queued) queue.lessen(rest.like, tail.count);
  tail.fresh = true;
  touch(tail);
  if (rest.run) {
    tail.run = std::make_unique<Run>();
    tail.run->queued_at_ms = rest.run->queued_at_ms;
    tail.run->finished_at_ms = rest.run->finished_at_ms;
    if (rest.run->verdict) {
      tail.run->verdict = std::make_unique<Run::Verdict>(*rest.run->verdict);
    }
  }
  if (is_terminal(tail.state)) {
    finished.push_back({tail.run->finished_at_ms, tail.id});
    ++finished_count;
  } else if (tail.state == JobState::Pending) {
    const wire::JobSpec& spec = classes.read(tail.spec.bytes());
    if (!spec.depends_on.empty()) (void)hold_back(now, tail, spec);
    enqueue(now, tail, spec);
  }
  return tail;
}

}  // namespace berth::core
