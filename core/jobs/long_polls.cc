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
constexpr uint32_t kWaitMsMax = 3'600'000;
constexpr size_t kLogsMax = 10'000;
constexpr uint32_t kLogBytesMax = 256 * 1024;
constexpr uint32_t kLogWaitMsMax = 60'000;

// While no attempt has started its reader asks again so often; nobody wakes it.
constexpr uint32_t kNoAttemptMsMax = 500;
/// Beyond what the client asked to wait: for the way to the worker and back.
constexpr Duration kLogPatience = Duration::seconds(10);

}  // namespace

void JobLedger::on_drain(Effects& effects) {
  State& self = *state_;
  for (uint64_t wait : self.waits.all())
    self.answer_wait(wait);
  for (WorkerNumber worker = 0; worker < self.workers.size(); ++worker)
    self.answer_poll(worker, effects);
  for (const auto& [ticket, asked] : self.logs.by_ticket) {
    self.deadlines.clear(DeadlineKind::Log, ticket);
    effects.send(
        asked.from, asked.request, wire::Refused{Refusal::ShuttingDown, "the server is stopping"});
  }
  self.logs.by_ticket.clear();
}

wire::JobCounts JobLedger::State::count(
    std::span<const wire::JobRange> ranges, uint64_t& looked_at) {
  wire::JobCounts counts;
  uint64_t live = 0;
  for (const wire::JobRange& range : ranges) {
    uint64_t next = range.first.value;
    while (next <= range.last.value) {
      const Job* job = jobs.at_or_after({next});
      ++looked_at;
      if (job == nullptr || job->id > range.last) break;
      const uint64_t from = std::max(next, job->id.value);
      const uint64_t to = std::min(range.last.value, job->id.value + job->count - 1);
      counts.unknown += from - next;
      counts.by_state[static_cast<size_t>(job->state)] += to - from + 1;
      if (!is_terminal(job->state)) live += to - from + 1;
      const bool bad = job->state == JobState::Failed || job->state == JobState::Aborted;
      if (bad && counts.first_failed.value == 0) counts.first_failed = {from};
      next = to + 1;
    }
    if (next <= range.last.value) counts.unknown += range.last.value - next + 1;
  }
  counts.done = live == 0;
  return counts;
}

void JobLedger::State::on(const Call& call, const wire::WaitJobs& wait) {
  if (wait.jobs.empty() || wait.jobs.size() > kWaitRangesMax) {
    return refuse(
        call,
        Refusal::BadRequest,
        "jobs has " + std::to_string(wait.jobs.size()) + " ranges, 1 to " +
            std::to_string(kWaitRangesMax) + " are allowed");
  }
  std::vector<wire::JobRange> ranges = merged(wait.jobs);
  const wire::JobCounts now = count(ranges, call.effects.looked_at);
  if (now.done || wait.wait_ms == 0) return reply(call, now);
  if (waits.size() >= kWaitsMax) {
    return refuse(call, Refusal::Busy, "too many clients wait for jobs already: ask again later");
  }
  uint64_t live = 0;
  for (size_t state = 0; state < wire::kJobStateCount; ++state) {
    if (!is_terminal(static_cast<JobState>(state))) live += now.by_state[state];
  }
  const uint64_t id = waits.add({call.from, call.id, std::move(ranges), live});
  const Duration patience = Duration::milliseconds(std::min(wait.wait_ms, kWaitMsMax));
  deadlines.set(DeadlineKind::Wait, id, call.now.mono + patience);
}

void JobLedger::State::answer_wait(uint64_t id) {
  const JobWaits::Wait* wait = waits.find(id);
  if (wait == nullptr) return;
  uint64_t looked_at = 0;
  outbox.send(wait->from, wait->request, count(wait->jobs, looked_at));
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
  if (logs.by_ticket.size() >= kLogsMax) {
    return refuse(call, Refusal::Busy, "too much output is being read already: ask again later");
  }
  if (found == nullptr && read.attempt == 0 && !is_terminal(job->state)) {
    const uint32_t patience = std::min(read.wait_ms, kNoAttemptMsMax);
    if (patience == 0) return call.effects.send(call.from, call.id, wire::LogChunk{});
    const uint64_t ticket = ++logs.last_ticket;
    logs.by_ticket.emplace(ticket, LogRequest{call.from, call.id});
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
  const uint64_t ticket = ++logs.last_ticket;
  logs.by_ticket.emplace(ticket, LogRequest{call.from, call.id, found->worker, found->id.attempt});
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
  auto found = logs.by_ticket.find(piece.ticket);
  if (found == logs.by_ticket.end()) return;  // its client has gone, or did not want to wait
  // Tickets can be guessed; what is on the worker's own connection cannot be forged.
  const WorkerNumber worker = found->second.worker;
  if (worker == kNoWorker || workers.at(worker).connection != call.from) return;
  const LogRequest asked = found->second;
  logs.by_ticket.erase(found);
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
  for (auto at = logs.by_ticket.begin(); at != logs.by_ticket.end();) {
    if (at->second.worker != worker) {
      ++at;
      continue;
    }
    deadlines.clear(DeadlineKind::Log, at->first);
    effects.send(
        at->second.from,
        at->second.request,
        wire::Refused{
            Refusal::Busy, "the worker that has it is not connected any more: ask again later"});
    at = logs.by_ticket.erase(at);
  }
}

}  // namespace berth::core
