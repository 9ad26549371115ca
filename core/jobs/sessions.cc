#include <algorithm>
#include <string>
#include <utility>

#include "core/base/planted.h"
#include "core/jobs/ledger_state.h"
#include "core/settings.h"
#include "wire/tokens.h"

// Workers that come, ask and go.
namespace berth::core {

namespace {

using wire::JobState;
using wire::Refusal;
using wire::Verdict;

constexpr uint32_t kPullMax = 1'024;
constexpr Duration kPollMax = Duration::seconds(60);

/// One or two may be about those jobs.
constexpr uint32_t kRefusalsMax = 3;

bool is_live(const Job& job) {
  return job.state == JobState::Assigned || job.state == JobState::Running;
}

}  // namespace

void JobLedger::State::on(const Call& call, const wire::AttachWorker& attach) {
  if (attach.worker.empty() || attach.worker.size() > kIdBytesMax) {
    return refuse(
        call,
        Refusal::BadRequest,
        "worker id must be 1 to " + std::to_string(kIdBytesMax) + " bytes");
  }
  if (workers.find(attach.worker) == kNoWorker &&
      workers.size() >= 4 * size_t{tables.settings.workers_max}) {
    return refuse(
        call,
        Refusal::LimitReached,
        "the ledger remembers as many workers as it may: raise max-workers");
  }
  const WorkerNumber number = workers.number_of(attach.worker);
  WorkerEntry& worker = workers.at(number);
  if (worker.nonce != 0 && worker.nonce != attach.nonce) {
    return refuse(
        call,
        Refusal::Conflict,
        "another worker has this id: it came with another nonce; choose another id");
  }
  if (worker.attached && worker.connection != call.from && attach.life < worker.life) {
    return refuse(
        call,
        Refusal::Conflict,
        "a newer life of this worker is attached: give one of the two agents another id");
  }
  if (std::exchange(worker.nonce, attach.nonce) != attach.nonce) save_worker(number, call.now);
  if (worker.wants > 0) answer_poll(number, call.effects);
  workers.attach(number, call.from);
  worker.pulls = attach.pull;
  worker.life = attach.life;
  worker.offline_after =
      std::min(Duration::milliseconds(attach.offline_after_ms), kOwnOfflineAfterMax);
  worker.heard = call.now.mono;
  deadlines.clear(DeadlineKind::Worker, number);
  reply(
      call,
      wire::Attached{
          static_cast<uint32_t>(settings.lease.ms()), reconcile(call.now, number, attach.running)});
  claim_leases(call.now, number);
  welcome_back(call.now, worker, call.effects);
}

/// What the worker names lives on, if it is known; what it does not name is lost.
std::span<const uint8_t> JobLedger::State::reconcile(
    Now now, WorkerNumber worker, std::span<const wire::AssignmentId> running) {
  auto* verdicts = outbox.text().allocate<uint8_t>(running.size());
  absl::flat_hash_set<uint64_t> named;
  for (size_t i = 0; i < running.size(); ++i) {
    verdicts[i] = static_cast<uint8_t>(Verdict::Stale);
    Job* job = jobs.find(running[i].job);
    const Attempt* last = job == nullptr ? nullptr : edges::last_attempt(*job);
    if (last == nullptr || last->id != running[i] || last->worker != worker || !job->run->leased) {
      continue;
    }
    named.insert(job->id.value);
    if (!is_live(*job)) {
      end_lease(now, *job);  // it was aborted, and is stopped now
    } else {
      verdicts[i] = static_cast<uint8_t>(Verdict::Ok);
      renew(now, *job);
      if (BERTH_PLANTED(AssignedAgainAfterReattach)) let_go(now, *job, "");
    }
  }
  for (Job* job : leases_of(worker)) {
    if (!named.contains(job->id.value)) {
      let_go(now, *job, "its worker came back without it");
    }
  }
  return {verdicts, running.size()};
}

/// A worker that may be silent for longer than a lease keeps its jobs as long.
Duration JobLedger::State::lease_of(const Job& job) const {
  return std::max(settings.lease, workers.at(job.run->attempts.back().worker).offline_after);
}

Duration JobLedger::State::offline_after(const WorkerEntry& worker) const {
  return worker.offline_after.ns > 0 ? worker.offline_after : settings.offline_after;
}

void JobLedger::State::renew(Now now, Job& job) {
  if (job.run->stopping || !job.run->accepted) return;
  job.run->lease_ends = now.mono + lease_of(job);
  deadlines.set(DeadlineKind::Lease, job.id.value, job.run->lease_ends);
}

/// Ends a lease whose worker cannot be asked any more.
void JobLedger::State::let_go(Now now, Job& job, std::string_view why) {
  if (!is_live(job)) return end_lease(now, job);
  if (!job.run->accepted) return hand_back(now, job, {wire::ErrorClass::None, 0, 0, why});
  if (job.run->stopping) {
    return fail_attempt(now, job, {{job.run->stop_reason, 0, 0, why}, {}, {}});
  }
  lose(now, job, why);
}

void JobLedger::State::on(const Call& call, const wire::NextJobs& next) {
  const WorkerNumber number = workers.find(next.worker);
  if (number == kNoWorker || !workers.at(number).attached || !workers.at(number).pulls ||
      workers.at(number).connection != call.from) {
    return refuse(
        call,
        Refusal::NotFound,
        "no such worker pulls on this connection: send AttachWorker with pull first");
  }
  WorkerEntry& worker = workers.at(number);
  if (worker.wants > 0) answer_poll(number, call.effects);
  worker.heard = call.now.mono;
  worker.poll = call.id;
  worker.wants = std::clamp(next.jobs_max, 1u, kPullMax);
  const Duration patience = std::min(Duration::milliseconds(next.wait_ms), kPollMax);
  deadlines.set(DeadlineKind::Poll, number, call.now.mono + patience);
  welcome_back(call.now, worker, call.effects);
}

void JobLedger::State::answer_poll(WorkerNumber worker, Effects& effects) {
  const WorkerEntry& entry = workers.at(worker);
  if (entry.wants == 0) return;
  effects.send(entry.connection, entry.poll, wire::Assignments{});
  give_up_waiting_for(worker);
}

void JobLedger::State::give_up_waiting_for(WorkerNumber worker) {
  workers.at(worker).wants = 0;
  deadlines.clear(DeadlineKind::Poll, worker);
}

std::vector<Job*> JobLedger::State::leases_of(WorkerNumber worker) {
  // By id: the same events have to give the same state.
  std::vector<Job*> found;
  for (const auto& [id, job] : sorted_leases(worker))
    found.push_back(job);
  return found;
}

void JobLedger::State::lose_all(Now now, WorkerNumber worker, std::string_view why) {
  for (Job* job : leases_of(worker))
    let_go(now, *job, why);
}

void JobLedger::State::worker_changed(Now now, const WorkerChanged& changed, Effects& effects) {
  using Change = wire::WorkerChange;
  if (changed.change == Change::Registered || changed.change == Change::Replaced) {
    classes.workers_changed(false);
  }
  if (changed.change == Change::Forgotten || changed.change == Change::Replaced) {
    classes.workers_changed(true);
  }
  // It registers before it attaches; its row is not told again.
  const bool is_new = changed.change == Change::Registered &&
                      workers.size() < 4 * size_t{tables.settings.workers_max};
  const WorkerNumber number =
      is_new ? workers.number_of(changed.worker) : workers.find(changed.worker);
  if (number == kNoWorker) return;
  WorkerEntry& worker = workers.at(number);
  worker.row_known = changed.change != Change::Forgotten;
  worker.row = changed.row;
  worker.generation = changed.generation;
  switch (changed.change) {
    case Change::Registered:
      if (worker.cooldown_until > now.mono) {
        effects.cooldowns.push_back({worker.name, worker.cooldown_until});
      }
      claim_leases(now, number);
      freed = true;
      break;
    case Change::Online:
    case Change::Undrained:
      freed = true;
      planner.want(wire::PlanCause::Freed);
      break;
    case Change::Forgotten:
      drop_promises_on(number, wire::PlanCause::WorkerLost);
      lose_all(now, number, "its worker was forgotten");
      break;
    case Change::Cordoned:
    case Change::Draining: drop_promises_on(number, wire::PlanCause::WorkerLost); break;
    // A new life finds the tasks of the one before again, or says that it did not; one that left
    // may be on its way back.
    case Change::Replaced:
      drop_promises_on(number, wire::PlanCause::WorkerLost);
      deadlines.set(DeadlineKind::Worker, number, now.mono + offline_after(worker));
      break;
    case Change::Offline:
      drop_promises_on(number, wire::PlanCause::WorkerLost);
      deadlines.set(
          DeadlineKind::Worker, number, std::max(now.mono, worker.heard + offline_after(worker)));
      break;
    default: break;
  }
}

/// Leases that hold nothing, as those that were read back, hold what they need again.
void JobLedger::State::claim_leases(Now, WorkerNumber number) {
  WorkerEntry& worker = workers.at(number);
  if (!worker.row_known) return;
  note_kind(worker, worker.row, worker.generation);
  for (Job* job : leases_of(number)) {
    Run& run = *job->run;
    if (run.reservation != 0 || !run.accepted) continue;
    Query query = classes.query_of(classes.read_other(job->spec.bytes()));
    GpuSet gpus = 0;
    for (uint16_t gpu : run.gpus)
      gpus = static_cast<GpuSet>(gpus | (1u << gpu));
    const std::string task = wire::assignment_text(run.attempts.back().id);
    if (placement.hold_on(task, query, worker.row, worker.generation, gpus, held)) {
      run.reservation = held.reservation.value;
    } else {
      counters.add(Counter::LeasesUnclaimed);
    }
  }
}

void JobLedger::State::connection_closed(Now, wire::ConnectionId connection, Effects& effects) {
  for (WorkerNumber worker : workers.detach_all(connection)) {
    deadlines.clear(DeadlineKind::Poll, worker);
    drop_promises_on(worker, wire::PlanCause::WorkerLost);
    // Its row stays as it is until a job finds nobody there: clients may still be placed on it.
    refuse_logs_of(worker, effects);
  }
  for (uint64_t wait : waits.of(connection)) {
    deadlines.clear(DeadlineKind::Wait, wait);
    waits.remove(wait);
  }
  events.unwatch(connection);
  events.unwatch_workers(connection);
  for (const auto& [ticket, asked] :
       logs.remove_if([&](const LogRequest& one) { return one.from == connection; })) {
    deadlines.clear(DeadlineKind::Log, ticket);
  }
}

void JobLedger::State::save_worker(WorkerNumber number, Now now) {
  const WorkerEntry& worker = workers.at(number);
  StoreBatch& rows = outbox.rows();
  wire::Text name = rows.text.keep(worker.name);
  int64_t until = 0;
  if (worker.cooldown_until > now.mono) {
    until = now.wall_ms + (worker.cooldown_until - now.mono).ms();
  }
  rows.workers.push_back({name, worker.nonce, worker.failures, until});
}

/// A worker that fails one job after the other is given fewer of them. What fails together, while
/// it cools down already, counts once; what somebody asked for, or ran too long, is not its fault.
void JobLedger::State::count_failure(
    Now now, const Job& job, wire::ErrorClass kind, Effects& effects) {
  using wire::ErrorClass;
  if (kind == ErrorClass::Aborted || kind == ErrorClass::Timeout || kind == ErrorClass::Lost)
    return;
  const WorkerNumber number = job.run->attempts.back().worker;
  const Blame::On on = blame.of_failure(job.spec.bytes(), number);
  WorkerEntry& worker = workers.at(number);
  if (on == Blame::On::Job || worker.cooldown_until > now.mono) return;
  // The same failure once more tells nothing new about the worker.
  const uint32_t degree = on == Blame::On::WorkerAgain ? 1 : ++worker.failures;
  const Duration length = cooldown_after(degree, settings.cooldown_base, settings.cooldown_cap);
  worker.cooldown_until = now.mono + length;
  if (length.ns > 0) effects.cooldowns.push_back({worker.name, worker.cooldown_until});
  save_worker(number, now);
}

/// A worker that refuses whatever it is given is given nothing for a while, and what was planned on
/// it is planned elsewhere: each of those jobs would have to be refused, too.
void JobLedger::State::count_refusal(Now now, const Job& job, Effects& effects) {
  const Run& run = *job.run;
  const WorkerNumber number = run.attempts.back().worker;
  WorkerEntry& worker = workers.at(number);
  const bool again =
      std::find(run.refused_by.begin(), run.refused_by.end(), number) != run.refused_by.end();
  if (again || worker.cooldown_until > now.mono || ++worker.refusals < kRefusalsMax) return;
  const uint32_t degree = worker.refusals - kRefusalsMax + 1;
  const Duration length = cooldown_after(degree, settings.cooldown_base, settings.cooldown_cap);
  if (length.ns == 0) return;
  worker.cooldown_until = now.mono + length;
  effects.cooldowns.push_back({worker.name, worker.cooldown_until});
  save_worker(number, now);
  drop_promises_on(number, wire::PlanCause::Refused);
}

}  // namespace berth::core
