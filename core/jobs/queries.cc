#include <algorithm>
#include <limits>
#include <string>

#include "core/jobs/job_error.h"
#include "core/jobs/ledger_state.h"

// What people and programs look at. Everything is held with the turn's group: what a client is told
// is safe.
namespace berth::core {

namespace {

using wire::JobState;
using wire::Refusal;

constexpr uint32_t kRowsMax = 500;
constexpr size_t kPageBytesMax = 512 * 1024;
/// A page looks at no more jobs than this, found or not: a few milliseconds.
constexpr size_t kLookedAtMax = 8'192;
/// Classes of jobs that one answer judges anew, whether any worker could run them; each is a look
/// at the workers. The next page, or the same one again, goes on.
constexpr uint32_t kLooksPerPage = 16;
constexpr size_t kSummaryBytes = 60;
constexpr size_t kPositionMax = 100'000;
constexpr size_t kWatchRangesMax = 1'024;

template <typename T>
bool is_unless_empty(const T& wanted, const T& is) {
  return wanted.empty() || wanted == is;
}

bool has_label(std::span<const wire::Label> labels, const wire::Label& wanted) {
  return std::any_of(labels.begin(), labels.end(), [&](const wire::Label& one) {
    return one.key == wanted.key && one.value == wanted.value;
  });
}

constexpr uint32_t kLeasedStates = 1u << static_cast<uint32_t>(JobState::Assigned) |
                                   1u << static_cast<uint32_t>(JobState::Running);

/// The first of these jobs, in the order of their ids, from this id on; or the last up to it. What
/// runs on a worker is found so without a look at all jobs.
Job* neighbour(const std::vector<Job*>& ascending, uint64_t from, bool back) {
  const auto at = std::partition_point(ascending.begin(), ascending.end(), [&](const Job* job) {
    return back ? job->id.value <= from : job->id.value < from;
  });
  if (back) return at == ascending.begin() ? nullptr : *(at - 1);
  return at == ascending.end() ? nullptr : *at;
}

uint32_t ms_until(Now now, Instant then) {
  if (then <= now.mono) return 0;
  return static_cast<uint32_t>(
      std::min<int64_t>((then - now.mono).ms(), std::numeric_limits<uint32_t>::max()));
}

size_t bytes_of(const wire::JobRow& row) {
  size_t bytes = sizeof(wire::JobRow) + row.name.size() + row.queue.size() + row.tenant.size() +
                 row.last_error.message.size() + row.worker.size() + row.summary.size() +
                 row.spec.size();
  for (const wire::Label& label : row.labels)
    bytes += label.key.size() + label.value.size() + 16;
  return bytes;
}

/// Some of `text` from its beginning that is whole characters still.
std::string_view beginning(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80)
    --bytes;
  return text.substr(0, bytes);
}

/// Unnamed jobs look alike without it; a page of rows must not carry whole scripts.
std::string_view summary_of(const wire::JobSpec& spec, Arena& text) {
  constexpr std::string_view kCut = "…";
  const std::string_view first = spec.command.empty() ? spec.image : spec.command.front();
  std::string line(first.substr(0, kSummaryBytes + 1));
  for (size_t i = 1; i < spec.command.size() && line.size() <= kSummaryBytes; ++i)
    line.append(" ").append(spec.command[i].substr(0, kSummaryBytes + 1));
  if (line.size() <= kSummaryBytes) return text.keep(line);
  return text.keep(std::string(beginning(line, kSummaryBytes - kCut.size())).append(kCut));
}

std::span<const std::byte> copy_spec(const Job& job, Arena& text) {
  const std::span<const std::byte> spec = job.spec.bytes();
  auto* copy = reinterpret_cast<std::byte*>(text.allocate<uint64_t>((spec.size() + 7) / 8));
  std::memcpy(copy, spec.data(), spec.size());
  return {copy, spec.size()};
}

std::string no_such(wire::JobId job) {
  return "no job " + std::to_string(job.value) + ": it was never given, or ended too long ago";
}

}  // namespace

/// Copied: the job may change, or be dropped, before the answer leaves.
wire::JobRow JobLedger::State::row_of(Now now, const Job& job, const wire::JobSpec& spec) {
  Arena& text = outbox.text();
  wire::JobRow row;
  row.id = job.id;
  row.is_array = job.array.value != 0;
  row.array_index = job.array_index;
  row.array_count = job.count;
  row.name = text.keep(spec.name);
  row.queue = text.keep(spec.queue);
  row.tenant = text.keep(spec.tenant);
  auto* labels = text.allocate<wire::Label>(spec.labels.size());
  for (size_t i = 0; i < spec.labels.size(); ++i) {
    new (labels + i) wire::Label{text.keep(spec.labels[i].key), text.keep(spec.labels[i].value)};
  }
  row.labels = {labels, spec.labels.size()};
  row.summary = summary_of(spec, text);
  row.state = job.state;
  row.priority = job.priority;
  row.attempts_max = spec.attempts_max;
  row.submitted_at_ms = job.submitted_at_ms;
  row.queued_at_ms = job.submitted_at_ms;
  row.scheduled_at_ms = spec.scheduled_at_ms;
  row.deadline_at_ms = spec.deadline_at_ms;
  row.unsatisfiable =
      job.state == JobState::Pending && classes.unsatisfiable(now, spec, looks_left);
  row.forecast = forecast_of(now, job, spec);
  if (!row.unsatisfiable) add_start(now, job, job.id, row.forecast);
  if (!job.run) return row;
  const Run& run = *job.run;
  row.attempt_count = run.attempt_count;
  if (run.queued_at_ms != 0) row.queued_at_ms = run.queued_at_ms;
  row.finished_at_ms = run.finished_at_ms;
  row.last_error = last_error(job);
  row.last_error.message = text.keep(row.last_error.message);
  if (run.leased) row.expires_in_ms = ms_until(now, run.lease_ends);
  if (run.attempts.empty()) return row;
  const Attempt& last = run.attempts.back();
  row.worker = text.keep(workers.name(last.worker));
  row.assignment = last.id;
  row.assigned_at_ms = last.assigned_at_ms;
  row.started_at_ms = last.started_at_ms;
  row.usage = last.usage;
  return row;
}

bool JobLedger::State::matches(const Job& job, const wire::ListJobs& list, WorkerNumber worker) {
  if (list.states != 0 && (list.states >> static_cast<uint32_t>(job.state) & 1) == 0) return false;
  if (worker == kNoWorker) return true;
  const Attempt* last = edges::last_attempt(job);
  return last != nullptr && last->worker == worker;
}

void JobLedger::State::on(const Call& call, const wire::ListJobs& list) {
  wire::JobPage page;
  looks_left = kLooksPerPage;
  WorkerNumber worker = kNoWorker;
  if (!list.worker.empty()) {
    worker = workers.find(list.worker);
    if (worker == kNoWorker) return reply(call, page);
  }
  const uint32_t limit = list.limit == 0 ? kRowsMax : std::min(list.limit, kRowsMax);
  const bool back = list.newest_first;
  const bool of_leases =
      worker != kNoWorker && list.states != 0 && (list.states & ~kLeasedStates) == 0;
  const std::vector<Job*> leases = of_leases ? leases_of(worker) : std::vector<Job*>{};
  const auto next_of = [&](uint64_t from) {
    if (of_leases) return neighbour(leases, from, back);
    return back ? jobs.at_or_before({from}) : jobs.at_or_after({from});
  };
  uint64_t cursor = list.cursor != 0 ? list.cursor : back ? next_job : 1;
  std::vector<wire::JobRow> rows;
  size_t bytes = 0;
  size_t looked_at = 0;
  Job* job = next_of(cursor);
  for (; job != nullptr; job = cursor == 0 ? nullptr : next_of(cursor)) {
    if (rows.size() == limit || bytes > kPageBytesMax || looked_at == kLookedAtMax) {
      page.next_cursor = cursor;
      break;
    }
    ++looked_at;
    cursor = back ? job->id.value - 1 : job->id.value + job->count;
    if (!matches(*job, list, worker)) continue;
    const wire::JobSpec& spec = classes.read(job->spec.bytes());
    if (!is_unless_empty(list.queue, spec.queue) || !is_unless_empty(list.tenant, spec.tenant) ||
        !spec.name.starts_with(list.name) ||
        (!list.label.key.empty() && !has_label(spec.labels, list.label))) {
      continue;
    }
    rows.push_back(row_of(call.now, *job, spec));
    if (list.with_specs) rows.back().spec = copy_spec(*job, outbox.text());
    bytes += bytes_of(rows.back());
  }
  call.effects.looked_at += looked_at * 8;
  page.rows = outbox.text().keep_all<wire::JobRow>(rows);
  reply(call, page);
}

wire::AttemptRow JobLedger::State::attempt_row(const Attempt& attempt) {
  Arena& text = outbox.text();
  wire::AttemptRow row;
  row.assignment = attempt.id;
  row.worker = text.keep(workers.name(attempt.worker));
  row.state = attempt.state;
  row.assigned_at_ms = attempt.assigned_at_ms;
  row.started_at_ms = attempt.started_at_ms;
  row.finished_at_ms = attempt.finished_at_ms;
  row.error = error_of(attempt);
  row.error.message = text.keep(row.error.message);
  row.usage = attempt.usage;
  if (!attempt.details) return row;
  std::vector<wire::OutputFile> files;
  for (const Attempt::Output& one : attempt.details->outputs) {
    files.push_back(
        {text.keep(one.name),
         text.keep(one.path),
         one.bytes,
         text.keep(one.sha256),
         one.truncated});
  }
  row.outputs = text.keep_all<wire::OutputFile>(files);
  return row;
}

void JobLedger::State::on(const Call& call, const wire::ShowJob& show) {
  looks_left = 1;
  const Job* job = jobs.find(show.job);
  if (job == nullptr) return refuse(call, Refusal::NotFound, no_such(show.job));
  Arena& text = outbox.text();
  wire::JobDetails details;
  details.row = row_of(call.now, *job, classes.read(job->spec.bytes()));
  if (job->count > 1) {
    // The element that was asked for, which is no different from its neighbours yet.
    details.row.array_index += static_cast<uint32_t>(show.job.value - job->id.value);
    details.row.id = show.job;
    details.row.array_count = 1;
    if (!details.row.unsatisfiable) add_start(call.now, *job, show.job, details.row.forecast);
  }
  details.spec = copy_spec(*job, text);
  std::vector<wire::AttemptRow> attempts;
  size_t bytes = details.spec.size();
  if (job->run) {
    for (size_t i = job->run->attempts.size(); i-- > 0 && bytes < kPageBytesMax;) {
      attempts.push_back(attempt_row(job->run->attempts[i]));
      bytes += 256 + attempts.back().error.message.size();
      for (const wire::OutputFile& file : attempts.back().outputs)
        bytes += 128 + file.name.size() + file.path.size();
    }
    if (!attempts.empty() && job->run->leased) {
      attempts.front().gpus = text.keep_all<uint16_t>(job->run->gpus);
    }
  }
  std::reverse(attempts.begin(), attempts.end());
  details.attempts = text.keep_all<wire::AttemptRow>(attempts);
  reply(call, details);
}

void JobLedger::State::on(const Call& call, const wire::ExplainJob& explain) {
  looks_left = 1;
  const Job* job = jobs.find(explain.job);
  if (job == nullptr) return refuse(call, Refusal::NotFound, no_such(explain.job));
  Arena& text = outbox.text();
  const wire::JobSpec& spec = classes.read(job->spec.bytes());
  wire::JobExplanation why;
  why.row = row_of(call.now, *job, spec);
  explain_pending(call.now, *job, why);
  why.explanation = why.row.unsatisfiable ? classes.explain_unsatisfiable(spec, text)
                                          : classes.explain(spec, text);
  call.effects.looked_at += why.explanation.workers;
  if (job->queued) {
    why.explanation.queue_position =
        static_cast<uint32_t>(queue.position(turn_of(*job), kPositionMax) + 1);
  }
  std::vector<std::string_view> avoided;
  if (job->run) {
    for (const Attempt& one : job->run->attempts) {
      if (one.state != JobState::Failed && one.state != JobState::Lost) continue;
      avoided.push_back(text.keep(workers.name(one.worker)));
    }
    for (WorkerNumber worker : job->run->refused_by)
      avoided.push_back(text.keep(workers.name(worker)));
  }
  std::sort(avoided.begin(), avoided.end());
  avoided.erase(std::unique(avoided.begin(), avoided.end()), avoided.end());
  why.avoided = text.keep_all<std::string_view>(avoided);
  reply(call, why);
}

void JobLedger::State::explain_pending(Now now, const Job& job, wire::JobExplanation& why) {
  why.hold = hold_of(now, job);
  if (why.hold == wire::JobHold::Schedule || why.hold == wire::JobHold::Backoff) {
    why.hold_ms = ms_until(now, job.ready_at);
  }
  if (why.hold == wire::JobHold::Dependency) {
    std::vector<uint64_t> open;
    for (uint64_t on : classes.read_other(job.spec.bytes()).depends_on) {
      if (outcome_of({on}).value_or(JobState::Completed) != JobState::Completed) open.push_back(on);
    }
    why.dependencies = outbox.text().keep_all<uint64_t>(open);
  }
}

wire::JobHold JobLedger::State::hold_of(Now now, const Job& job) const {
  if (job.state == JobState::Retrying) return wire::JobHold::Backoff;
  if (job.state != JobState::Pending) return wire::JobHold::None;
  if (job.unmet > 0) return wire::JobHold::Dependency;
  if (job.ready_at > now.mono) return job.run ? wire::JobHold::Backoff : wire::JobHold::Schedule;
  const bool blocked = job.queued && queue.is_blocked(job.like);
  return blocked ? wire::JobHold::Capacity : wire::JobHold::Queue;
}

void JobLedger::State::on(const Call& call, const wire::Watch& watch) {
  if (watch.enable) {
    events.watch_workers(call.from);
  } else {
    events.unwatch_workers(call.from);
  }
  reply(call, wire::Done{});
}

void JobLedger::State::on(const Call& call, const wire::WatchJobs& watch) {
  if (!watch.enable) {
    events.unwatch(call.from);
    return reply(call, wire::Done{});
  }
  if (watch.jobs.size() > kWatchRangesMax) {
    return refuse(
        call,
        Refusal::BadRequest,
        "jobs has " + std::to_string(watch.jobs.size()) + " ranges, at most " +
            std::to_string(kWatchRangesMax) + " are allowed: watch all");
  }
  if (!events.watch(call.from, watch)) {
    return refuse(
        call,
        Refusal::Stale,
        "event " + std::to_string(watch.after) +
            " is older than what is kept, or not of this server: list the jobs, then watch from "
            "now on");
  }
  reply(call, wire::Done{});
}

}  // namespace berth::core
