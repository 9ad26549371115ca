#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <string>
#include <utility>

#include "core/jobs/ledger_state.h"
#include "wire/tokens.h"

namespace berth::core {

namespace {

/// One turn must not hold up the thread: a few milliseconds.
constexpr size_t kPlacedPerTurn = 4'096;
constexpr size_t kFailedPerTurn = 512;
/// Workers that nobody speaks for are tried, for one job, so often.
constexpr int kTriesMax = 8;
constexpr size_t kAwayMax = 32;
constexpr Duration kAwayFor = Duration::seconds(1);

/// A message of assignments fits a frame, whatever the specs are.
constexpr size_t kAssignmentBytesMax = 256 * 1024;

}  // namespace

/// In the order of the queue; once it comes to jobs that are planned, those go in the order of the
/// plan. What no plan knows of yet and stands before them all is tried first.
bool JobLedger::State::dispatch(Now now, Effects& effects) {
  // Not before all have had their turn since the last time: the first few hundred classes, which
  // find no room whatever is freed, would be tried for ever, and nobody behind them.
  if (!dispatching && std::exchange(freed, false) && queue.blocked() > 0) queue.unblock_all();
  const std::vector<DuePromise> due = due_promises(now);
  size_t kept = 0;  // of these: looked at
  size_t placed = 0;
  size_t failed = 0;
  bool more = false;
  while (auto head = queue.next()) {
    more = placed >= kPlacedPerTurn || failed == kFailedPerTurn;
    if (more) break;
    const JobTurn turn = head->second;
    const bool planned = promises.find(turn.id) != nullptr;
    if (planned && kept < due.size() && !outranks(turn, due[kept].turn)) {
      placed += keep_promise(now, due[kept++].job) ? 1 : 0;
      continue;  // the head may have been the one
    }
    Job& job = *jobs.find(turn.id);
    if (find_place(now, job, head->first, effects)) {
      assign(now, job);
      ++placed;
    } else {
      queue.block(head->first);
      ++failed;
    }
  }
  for (; !more && kept < due.size() && placed < kPlacedPerTurn; ++kept)
    placed += keep_promise(now, due[kept].job) ? 1 : 0;
  // Those before them come first, in the next turn.
  for (size_t i = kept; i < due.size(); ++i)
    freed_workers.push_back(due[i].worker);
  send_assignments(effects);
  publish_blocked();
  dispatching = more;
  return more || kept < due.size() || (freed && queue.blocked() > 0);
}

void JobLedger::State::publish_blocked() {
  const size_t blocked = queue.blocked();
  tables.jobs_waiting.store(
      static_cast<uint32_t>(std::min<size_t>(blocked, std::numeric_limits<uint32_t>::max())),
      std::memory_order_relaxed);
}

/// Holds capacity for the first element of `job`; a worker that it has not failed on, if any fits.
bool JobLedger::State::find_place(Now now, Job& job, JobClass like, Effects& effects) {
  const Query& query = classes.query(like, job);
  const uint32_t attempt = edges::last_attempt(job) ? edges::last_attempt(job)->id.attempt : 0;
  const std::string task = wire::assignment_text({job.id, next_epoch + 1, attempt + 1});
  const auto try_once = [&] {
    if (!job.run) return hold_ready(now, job, query, task, effects);
    narrowed = query;
    for (const Attempt& one : job.run->attempts) {
      if (failed_there(one)) narrowed.exclude.emplace_back(workers.name(one.worker));
    }
    for (WorkerNumber worker : job.run->refused_by)
      narrowed.exclude.emplace_back(workers.name(worker));
    if (narrowed.exclude.size() == query.exclude.size()) {
      return hold_ready(now, job, query, task, effects);
    }
    return hold_ready(now, job, narrowed, task, effects) ||
           hold_ready(now, job, query, task, effects);
  };
  if (try_once()) return true;
  if (tables.jobs_waiting.load(std::memory_order_relaxed) > 0) return false;
  // From here on shards tell what they free. Pairs with the fence of `tell_freed`: either it sees
  // that somebody waits, or what it freed is found now.
  tables.jobs_waiting.store(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return try_once();
}

/// Holds a place on a worker that can be handed a job now, and has promised it to nobody before
/// this one.
bool JobLedger::State::hold_ready(
    Now now, const Job& job, const Query& query, std::string_view task, Effects& effects) {
  std::vector<WorkerNumber> promised;
  for (int i = 0; i < kTriesMax; ++i) {
    const Query* asked = &query;
    Query without;
    if (!away.empty() || !promised.empty()) {
      without = query;
      for (WorkerNumber worker : promised)
        without.exclude.emplace_back(workers.name(worker));
      for (const Away& one : away)
        without.exclude.emplace_back(workers.name(one.worker));
      asked = &without;
    }
    if (!placement.hold(task, *asked, held)) return false;
    const WorkerNumber worker = workers.number_of(held.text.id());
    const bool ready = workers.at(worker).ready();
    if (ready &&
        (promises.empty() ||
         keeps_promises(now, worker, query.demand, expected_duration(now, job), turn_of(job)))) {
      return true;
    }
    placement.end_hold(held.reservation);
    if (ready) {
      promised.push_back(worker);
      continue;
    }
    keep_away(now, worker, effects);
    if (away.size() >= kAwayMax) away.erase(away.begin());
    away.push_back({worker, now.mono + kAwayFor});
  }
  return false;
}

/// Nobody speaks for this worker: its owner leaves it alone until it attaches, or for a while.
void JobLedger::State::keep_away(Now now, WorkerNumber worker, Effects& effects) {
  WorkerEntry& entry = workers.at(worker);
  entry.kept_away = true;
  effects.cooldowns.push_back({entry.name, now.mono + settings.offline_after});
}

void JobLedger::State::welcome_back(Now now, WorkerEntry& worker, Effects& effects) {
  freed = true;
  planner.want(wire::PlanCause::Freed);
  const WorkerNumber number = workers.find(worker.name);
  std::erase_if(away, [&](const Away& one) { return one.worker == number; });
  if (!std::exchange(worker.kept_away, false)) return;
  effects.cooldowns.push_back(
      {worker.name, std::max(worker.cooldown_until, now.mono - Duration{1})});
}

void JobLedger::State::assign(Now now, Job& found) {
  const JobClass like = found.like;
  end_promise(found.id, workers.find(held.text.id()));
  dequeue(found);
  Job* job = &found;
  if (found.count > 1) {
    note_rest(found);
    job = &jobs.take_out(found, found.id);
    job->fresh = true;
    touch(*job);
    queue.add(like, turn_of(found), found.count);
    found.queued = true;
  }
  const uint32_t attempt = edges::last_attempt(*job) ? edges::last_attempt(*job)->id.attempt : 0;
  const WorkerNumber worker = workers.find(held.text.id());
  const Instant ends = now.mono + settings.accept_within;
  edges::assign(
      *job, now, {{job->id, ++next_epoch, attempt + 1}, worker, held.reservation.value, ends});
  for (GpuSet left = held.gpus; left != 0; left = static_cast<GpuSet>(left & (left - 1)))
    job->run->gpus.push_back(static_cast<uint16_t>(std::countr_zero(left)));
  counters.add(Counter::Assignments);
  deadlines.set(DeadlineKind::Lease, job->id.value, ends);
  tell(now, *job);
  WorkerEntry& entry = workers.at(worker);
  note_kind(entry, held.worker, held.generation);
  entry.leases.emplace(job->id.value, job);
  if (entry.assignments.empty()) assigned_to.push_back(worker);
  entry.assignment_bytes += job->spec.bytes().size();
  entry.assignments.push_back(
      {edges::last_attempt(*job)->id,
       job->spec.bytes(),
       job->array_index,
       static_cast<uint32_t>(settings.accept_within.ms()),
       job->run->gpus});
}

void JobLedger::State::send_assignments(Effects& effects) {
  for (WorkerNumber number : assigned_to) {
    WorkerEntry& worker = workers.at(number);
    std::span<const wire::Assignment> left =
        effects.text.keep_all<wire::Assignment>(worker.assignments);
    const wire::RequestId request = worker.pulls ? worker.poll : wire::RequestId{0};
    while (!left.empty()) {
      size_t count = worker.pulls ? left.size() : 0;  // what it pulls is one answer
      for (size_t bytes = 0; count < left.size() && (count == 0 || bytes < kAssignmentBytesMax);
           ++count) {
        bytes += left[count].spec.size() + sizeof(wire::Assignment);
      }
      effects.send(worker.connection, request, wire::Assignments{left.first(count)});
      left = left.subspan(count);
    }
    worker.assignments.clear();
    worker.assignment_bytes = 0;
    if (worker.pulls) give_up_waiting_for(number);
  }
  assigned_to.clear();
}

}  // namespace berth::core
