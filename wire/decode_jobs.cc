#include "berth_generated.h"

#include "wire/decode_job_parts.h"
#include "wire/decode_parts.h"

namespace berth::wire {

static_assert(sizeof(fb::JobRange) == sizeof(JobRange) && alignof(fb::JobRange) == 8);
static_assert(offsetof(JobRange, first) == 0 && offsetof(JobRange, last) == 8);

void read(const fb::Bytes& from, Reader& reader, std::span<const std::byte>& to) {
  to = reader.nested(from.data());
}

void read(const fb::JobError& from, Reader& reader, JobError& to) {
  to.kind = reader.enumerator(from.kind(), ErrorClass::Aborted);
  to.exit_code = from.exit_code();
  to.signal = from.signal();
  to.message = Reader::text(from.message());
}

void read(const fb::TaskUsage& from, Reader&, TaskUsage& to) {
  to.cpu_ms = from.cpu_ms();
  to.memory_peak_bytes = from.memory_peak_bytes();
  to.wall_ms = from.wall_ms();
}

void read(const fb::OutputFile& from, Reader&, OutputFile& to) {
  to.name = Reader::text(from.name());
  to.path = Reader::text(from.path());
  to.bytes = from.bytes();
  to.sha256 = Reader::text(from.sha256());
  to.truncated = from.truncated();
}

// ---- Requests

void read(const fb::SubmitJobs& from, Reader& reader, SubmitJobs& to) {
  to.request = Reader::text(from.request());
  to.specs = reader.rows<std::span<const std::byte>>(from.specs());
  to.refuse_unsatisfiable = from.refuse_unsatisfiable();
  to.digest = from.digest();
}

void read(const fb::ListJobs& from, Reader& reader, ListJobs& to) {
  to.states = from.states();
  to.worker = Reader::text(from.worker());
  to.queue = Reader::text(from.queue());
  to.tenant = Reader::text(from.tenant());
  to.name = Reader::text(from.name());
  if (from.label() != nullptr) read(*from.label(), reader, to.label);
  to.cursor = from.cursor();
  to.limit = from.limit();
  to.newest_first = from.newest_first();
  to.with_specs = from.with_specs();
}

void read(const fb::ShowJob& from, Reader&, ShowJob& to) {
  to.job = {from.job()};
}

void read(const fb::ExplainJob& from, Reader&, ExplainJob& to) {
  to.job = {from.job()};
}

void read(const fb::ChangeJobs& from, Reader& reader, ChangeJobs& to) {
  to.action = reader.enumerator(from.action(), JobAction::Retry);
  to.jobs = reader.structs<JobRange>(from.jobs());
  to.worker = Reader::text(from.worker());
  to.reason = Reader::text(from.reason());
}

void read(const fb::WaitJobs& from, Reader& reader, WaitJobs& to) {
  to.jobs = reader.structs<JobRange>(from.jobs());
  to.wait_ms = from.wait_ms();
}

void read(const fb::WatchJobs& from, Reader& reader, WatchJobs& to) {
  to.enable = from.enable();
  to.after = from.after();
  to.jobs = reader.structs<JobRange>(from.jobs());
  to.kinds = from.kinds();
  to.worker = Reader::text(from.worker());
}

void read(const fb::ReadLog& from, Reader& reader, ReadLog& to) {
  to.job = {from.job()};
  to.attempt = from.attempt();
  to.stream = reader.enumerator(from.stream(), OutputStream::Stderr);
  to.offset = from.offset();
  to.bytes_max = from.bytes_max();
  to.wait_ms = from.wait_ms();
}

void read(const fb::BackUp& from, Reader&, BackUp& to) {
  to.path = Reader::text(from.path());
}

// ---- Replies

void read(const fb::JobForecast& from, Reader& reader, JobForecast& to) {
  to.start_at_ms = from.start_at_ms();
  to.start_early_ms = from.start_early_ms();
  to.start_late_ms = from.start_late_ms();
  to.planned = from.planned();
  to.run_ms = from.run_ms();
  to.run_short_ms = from.run_short_ms();
  to.run_long_ms = from.run_long_ms();
  to.runs_seen = from.runs_seen();
  to.memory_top_bytes = from.memory_top_bytes();
  to.memory_advice = reader.enumerator(from.memory_advice(), MemoryAdvice::AskMore);
}

void read(const fb::SubmittedJob& from, Reader& reader, SubmittedJob& to) {
  to.first = {from.first()};
  to.count = from.count();
  to.unsatisfiable = from.unsatisfiable();
  if (from.explanation() != nullptr) read(*from.explanation(), reader, to.explanation);
  if (from.forecast() != nullptr) read(*from.forecast(), reader, to.forecast);
}

void read(const fb::JobsSubmitted& from, Reader& reader, JobsSubmitted& to) {
  to.jobs = reader.rows<SubmittedJob>(from.jobs());
  to.repeated = from.repeated();
}

void read(const fb::JobRow& from, Reader& reader, JobRow& to) {
  to.id = {from.id()};
  to.is_array = from.is_array();
  to.array_index = from.array_index();
  to.array_count = from.array_count();
  to.name = Reader::text(from.name());
  to.queue = Reader::text(from.queue());
  to.tenant = Reader::text(from.tenant());
  to.labels = reader.rows<Label>(from.labels());
  to.state = reader.enumerator(from.state(), JobState::Aborted);
  to.priority = from.priority();
  to.attempt_count = from.attempt_count();
  to.attempts_max = from.attempts_max();
  to.submitted_at_ms = from.submitted_at_ms();
  to.queued_at_ms = from.queued_at_ms();
  to.assigned_at_ms = from.assigned_at_ms();
  to.started_at_ms = from.started_at_ms();
  to.finished_at_ms = from.finished_at_ms();
  to.scheduled_at_ms = from.scheduled_at_ms();
  to.deadline_at_ms = from.deadline_at_ms();
  if (from.last_error() != nullptr) read(*from.last_error(), reader, to.last_error);
  to.worker = Reader::text(from.worker());
  if (from.assignment() != nullptr) read(*from.assignment(), reader, to.assignment);
  to.expires_in_ms = from.expires_in_ms();
  if (from.usage() != nullptr) read(*from.usage(), reader, to.usage);
  to.unsatisfiable = from.unsatisfiable();
  to.summary = Reader::text(from.summary());
  to.spec = reader.nested(from.spec());
  if (from.forecast() != nullptr) read(*from.forecast(), reader, to.forecast);
}

void read(const fb::JobPage& from, Reader& reader, JobPage& to) {
  to.rows = reader.rows<JobRow>(from.rows());
  to.next_cursor = from.next_cursor();
}

void read(const fb::AttemptRow& from, Reader& reader, AttemptRow& to) {
  if (from.assignment() != nullptr) read(*from.assignment(), reader, to.assignment);
  to.worker = Reader::text(from.worker());
  to.state = reader.enumerator(from.state(), JobState::Aborted);
  to.assigned_at_ms = from.assigned_at_ms();
  to.started_at_ms = from.started_at_ms();
  to.finished_at_ms = from.finished_at_ms();
  if (from.error() != nullptr) read(*from.error(), reader, to.error);
  if (from.usage() != nullptr) read(*from.usage(), reader, to.usage);
  to.outputs = reader.rows<OutputFile>(from.outputs());
  to.gpus = reader.numbers(from.gpus());
}

void read(const fb::JobDetails& from, Reader& reader, JobDetails& to) {
  if (from.row() != nullptr) read(*from.row(), reader, to.row);
  to.spec = reader.nested(from.spec());
  to.attempts = reader.rows<AttemptRow>(from.attempts());
}

void read(const fb::JobExplanation& from, Reader& reader, JobExplanation& to) {
  if (from.row() != nullptr) read(*from.row(), reader, to.row);
  to.hold = reader.enumerator(from.hold(), JobHold::Backoff);
  to.hold_ms = from.hold_ms();
  to.dependencies = reader.numbers(from.dependencies());
  if (from.explanation() != nullptr) read(*from.explanation(), reader, to.explanation);
  to.avoided = reader.texts(from.avoided());
}

void read(const fb::JobsChanged& from, Reader&, JobsChanged& to) {
  to.changed = from.changed();
  to.unchanged = from.unchanged();
  to.unknown = from.unknown();
}

void read(const fb::JobCounts& from, Reader& reader, JobCounts& to) {
  // As many as the sender knows states: what is beyond ours has no name here.
  const std::span<const uint64_t> counts = reader.numbers(from.by_state());
  for (size_t i = 0; i < counts.size() && i < to.by_state.size(); ++i)
    to.by_state[i] = counts[i];
  to.unknown = from.unknown();
  to.first_failed = {from.first_failed()};
  to.done = from.done();
}

void read(const fb::JobEvent& from, Reader& reader, JobEvent& to) {
  to.sequence = from.sequence();
  to.at_ms = from.at_ms();
  to.job = {from.job()};
  to.count = from.count();
  to.state = reader.enumerator(from.state(), JobState::Aborted);
  to.attempt = from.attempt();
  to.worker = Reader::text(from.worker());
  to.error = reader.enumerator(from.error(), ErrorClass::Aborted);
  to.reason = Reader::text(from.reason());
  to.kind = reader.enumerator(from.kind(), EventKind::Server);
  to.worker_change = reader.enumerator(from.worker_change(), WorkerChange::Replaced);
  to.server_change = reader.enumerator(from.server_change(), ServerChange::Draining);
  to.plan = from.plan();
  to.plan_of = reader.enumerator(from.plan_of(), PlanOf::Jobs);
  to.plan_cause = reader.enumerator(from.plan_cause(), PlanCause::Freed);
  to.plan_outcome = reader.enumerator(from.plan_outcome(), PlanOutcome::Stale);
  to.moved = from.moved();
}

void read(const fb::JobEvents& from, Reader& reader, JobEvents& to) {
  to.events = reader.rows<JobEvent>(from.events());
}

void read(const fb::LogChunk& from, Reader&, LogChunk& to) {
  to.data = Reader::bytes(from.data());
  to.offset = from.offset();
  to.size = from.size();
  to.complete = from.complete();
  to.truncated = from.truncated();
  to.sha256 = Reader::text(from.sha256());
  to.attempt = from.attempt();
}

}  // namespace berth::wire
