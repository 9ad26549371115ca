#include <algorithm>
#include <string>
#include <utility>

#include "core/jobs/ledger_state.h"

// Answers that take their time: the end of jobs, and output that lies with a worker.
namespace berth::core {

namespace {

using wire::JobState;
using wire::Refusal;

constexpr size_t kWaitRangesMax = 1'024;
constexpr size_t kWaitsMax = 100'000;
constexpr size_t kWaitsOfOneMax = 10'000;
/// A server that stops does not count for minutes, whatever it was asked.
constexpr size_t kLooksWhenStopping = 1'000'000;
constexpr uint32_t kWaitMsMax = 3'600'000;
constexpr size_t kLogsMax = 10'000;
constexpr size_t kLogsOfOneMax = 1'000;
constexpr uint32_t kLogBytesMax = 256 * 1024;
constexpr uint32_t kLogWaitMsMax = 60'000;

// While no attempt has started its reader asks again so often; nobody wakes it. One that is given
// out starts soon, and its worker may not have heard of it yet.
constexpr uint32_t kNoAttemptMsMax = 500;
constexpr uint32_t kAssignedMsMax = 50;
/// Beyond what the client asked to wait: for the way to the worker and back.
constexpr Duration kLogPatience = Duration::seconds(10);

}  // namespace

void JobLedger::on_drain(Now now, Effects& effects) {
  State& self = *state_;
  wire::JobEvent event = State::event_of(now, wire::EventKind::Server);
  event.server_change = wire::ServerChange::Draining;
  self.events.add(event);
  const wire::Refused stopping{Refusal::ShuttingDown, "the server is stopping"};
  for (uint64_t wait : self.waits.all())
    self.waits.answer(wait);
  size_t looks = kLooksWhenStopping;
  while (auto counted = self.waits.count(self.jobs, looks))
    self.end_wait(*counted, self.waits.find(*counted)->counts);
  for (uint64_t wait : self.waits.all())
    self.end_wait(wait, stopping);
  for (WorkerNumber worker = 0; worker < self.workers.size(); ++worker)
    self.answer_poll(worker, effects);
  for (const auto& [ticket, asked] : self.logs.by_ticket()) {
    self.deadlines.clear(DeadlineKind::Log, ticket);
    effects.send(asked.from, asked.request, stopping);
  }
  self.logs.clear();
}

void JobLedger::State::on(const Call& call, const wire::WaitJobs& wait) {
  if (wait.jobs.empty() || wait.jobs.size() > kWaitRangesMax) {
    return refuse(
        call,
        Refusal::BadRequest,
        "jobs has " + std::to_string(wait.jobs.size()) + " ranges, 1 to " +
            std::to_string(kWaitRangesMax) + " are allowed");
  }
  if (waits.count_of(call.from) >= kWaitsOfOneMax) {
    return refuse(
        call,
        Refusal::LimitReached,
        "this connection has " + std::to_string(kWaitsOfOneMax) +
            " requests that wait for jobs: name more jobs in each");
  }
  if (waits.size() >= kWaitsMax) {
    return refuse(call, Refusal::Busy, "too many clients wait for jobs already: ask again later");
  }
  const Duration patience = Duration::milliseconds(std::min(wait.wait_ms, kWaitMsMax));
  waits.add({call.from, call.id, merged(wait.jobs), call.now.mono + patience});
}

bool JobLedger::State::count_waits(Now now, size_t limit) {
  while (auto counted = waits.count(jobs, limit))
    on_counted(now, *counted);
  return waits.counting();
}

void JobLedger::State::on_counted(Now now, uint64_t id) {
  JobWaits::Wait& wait = *waits.find(id);
  const bool over = wait.left == 0 || wait.until <= now.mono;
  if (over && wait.changed && !wait.answering) return waits.answer(id);  // counted is what was
  wait.counts.done = wait.left == 0;
  if (over || wait.answering) return end_wait(id, wait.counts);
  waits.listen(id);
  deadlines.set(DeadlineKind::Wait, id, wait.until);
}

void JobLedger::State::end_wait(uint64_t id, const wire::Reply& answer) {
  const JobWaits::Wait& wait = *waits.find(id);
  outbox.send(wait.from, wait.request, answer);
  deadlines.clear(DeadlineKind::Wait, id);
  waits.remove(id);
}

void JobLedger::State::on(const Call& call, const wire::ReadLog& read) {
  const Job* job = jobs.find(read.job);
  if (job == nullptr) {
    return refuse(
        call,
        Refusal::NotFound,
        "no job " + std::to_string(read.job.value) + ": it was never given, or ended too long ago");
  }
  const Attempt* found = nullptr;
  if (job->count == 1 && job->run) {
    for (const Attempt& one : job->run->attempts) {
      if (read.attempt == 0 || one.id.attempt == read.attempt) found = &one;
    }
  }
  if (logs.count_of(call.from) >= kLogsOfOneMax) {
    return refuse(
        call,
        Refusal::LimitReached,
        "this connection reads " + std::to_string(kLogsOfOneMax) +
            " pieces of output at once: wait for some of the answers");
  }
  if (logs.size() >= kLogsMax) {
    return refuse(call, Refusal::Busy, "too much output is being read already: ask again later");
  }
  const bool given_out =
      found != nullptr && job->state == JobState::Assigned && found->state == JobState::Assigned;
  if (given_out || (found == nullptr && read.attempt == 0 && !is_terminal(job->state))) {
    const uint32_t patience = std::min(read.wait_ms, given_out ? kAssignedMsMax : kNoAttemptMsMax);
    if (patience == 0) return call.effects.send(call.from, call.id, wire::LogChunk{});
    const uint64_t ticket = logs.add({call.from, call.id});
    return deadlines.set(
        DeadlineKind::Log, ticket, call.now.mono + Duration::milliseconds(patience));
  }
  if (found == nullptr) {
    return refuse(
        call,
        Refusal::NotFound,
        read.attempt == 0 ? "job " + std::to_string(read.job.value) + " was never started"
                          : "job " + std::to_string(read.job.value) + " has no attempt " +
                                std::to_string(read.attempt));
  }
  const WorkerEntry& worker = workers.at(found->worker);
  if (!worker.attached) {
    return refuse(
        call,
        Refusal::Busy,
        "the worker that has it, " + worker.name + ", is not connected: ask again later");
  }
  const uint64_t ticket = logs.add({call.from, call.id, found->worker, found->id.attempt});
  const uint32_t wait_ms = std::min(read.wait_ms, kLogWaitMsMax);
  deadlines.set(
      DeadlineKind::Log, ticket, call.now.mono + Duration::milliseconds(wait_ms) + kLogPatience);
  const uint32_t bytes =
      read.bytes_max == 0 ? kLogBytesMax : std::min(read.bytes_max, kLogBytesMax);
  call.effects.send(
      worker.connection,
      {0},
      wire::WantLog{ticket, found->id, read.stream, read.offset, bytes, wait_ms});
}

void JobLedger::State::on(const Call& call, const wire::LogPiece& piece) {
  call.effects.send(call.from, call.id, wire::Done{});
  const LogRequest* found = logs.find(piece.ticket);
  if (found == nullptr) return;  // its client has gone, or did not want to wait
  // Tickets can be guessed; what is on the worker's own connection cannot be forged.
  const LogRequest asked = *found;
  if (asked.worker == kNoWorker || workers.at(asked.worker).connection != call.from) return;
  logs.remove(piece.ticket);
  deadlines.clear(DeadlineKind::Log, piece.ticket);
  Arena& text = call.effects.text;
  if (piece.refusal != Refusal::None) {
    return call.effects.send(
        asked.from, asked.request, wire::Refused{piece.refusal, text.keep(piece.message)});
  }
  wire::LogChunk chunk = piece.chunk;
  chunk.data = text.keep_all<std::byte>(piece.chunk.data);
  chunk.sha256 = text.keep(piece.chunk.sha256);
  chunk.attempt = asked.attempt;
  call.effects.send(asked.from, asked.request, chunk);
}

void JobLedger::State::refuse_logs_of(WorkerNumber worker, Effects& effects) {
  const auto gone = logs.remove_if([&](const LogRequest& one) { return one.worker == worker; });
  for (const auto& [ticket, asked] : gone) {
    deadlines.clear(DeadlineKind::Log, ticket);
    effects.send(
        asked.from,
        asked.request,
        wire::Refused{
            Refusal::Busy, "the worker that has it is not connected any more: ask again later"});
  }
}

}  // namespace berth::core
