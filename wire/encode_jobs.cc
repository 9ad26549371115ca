#include "berth_generated.h"

#include "wire/encode_job_parts.h"

namespace berth::wire {
namespace {

bool is_default(const JobError& error) {
  return error.kind == ErrorClass::None && error.exit_code == 0 && error.signal == 0 &&
         error.message.empty();
}

bool is_default(const TaskUsage& usage) {
  return usage.cpu_ms == 0 && usage.memory_peak_bytes == 0 && usage.wall_ms == 0;
}

}  // namespace

fb::JobRange to_wire(const JobRange& range) {
  return {range.first.value, range.last.value};
}

Written<fb::Bytes> write(Writer& writer, std::span<const std::byte> buffer) {
  const auto data = writer.nested(buffer);
  return fb::CreateBytes(writer.builder, data);
}

Written<fb::JobError> write(Writer& writer, const JobError& error) {
  if (is_default(error)) return {};
  const auto message = writer.text(error.message);
  return fb::CreateJobError(
      writer.builder,
      static_cast<fb::ErrorClass>(error.kind),
      error.exit_code,
      error.signal,
      message);
}

Written<fb::TaskUsage> write(Writer& writer, const TaskUsage& usage) {
  if (is_default(usage)) return {};
  return fb::CreateTaskUsage(writer.builder, usage.cpu_ms, usage.memory_peak_bytes, usage.wall_ms);
}

Written<fb::OutputFile> write(Writer& writer, const OutputFile& file) {
  const auto name = writer.text(file.name);
  const auto path = writer.text(file.path);
  const auto sha256 = writer.text(file.sha256);
  return fb::CreateOutputFile(writer.builder, name, path, file.bytes, sha256, file.truncated);
}

// ---- Requests

Written<fb::SubmitJobs> write(Writer& writer, const SubmitJobs& submit) {
  const auto request = writer.text(submit.request);
  const auto specs = writer.rows<fb::Bytes>(submit.specs);
  return fb::CreateSubmitJobs(
      writer.builder, request, specs, submit.refuse_unsatisfiable, submit.digest);
}

Written<fb::ListJobs> write(Writer& writer, const ListJobs& list) {
  const auto worker = writer.text(list.worker);
  const auto queue = writer.text(list.queue);
  const auto tenant = writer.text(list.tenant);
  const auto name = writer.text(list.name);
  Written<fb::Label> label;
  if (!list.label.key.empty() || !list.label.value.empty()) label = write(writer, list.label);
  return fb::CreateListJobs(
      writer.builder,
      list.states,
      worker,
      queue,
      tenant,
      name,
      label,
      list.cursor,
      list.limit,
      list.newest_first,
      list.with_specs);
}

Written<fb::ShowJob> write(Writer& writer, const ShowJob& show) {
  return fb::CreateShowJob(writer.builder, show.job.value);
}

Written<fb::ExplainJob> write(Writer& writer, const ExplainJob& explain) {
  return fb::CreateExplainJob(writer.builder, explain.job.value);
}

Written<fb::ChangeJobs> write(Writer& writer, const ChangeJobs& change) {
  const auto jobs = writer.structs<fb::JobRange>(change.jobs);
  const auto worker = writer.text(change.worker);
  const auto reason = writer.text(change.reason);
  return fb::CreateChangeJobs(
      writer.builder, static_cast<fb::JobAction>(change.action), jobs, worker, reason);
}

Written<fb::WaitJobs> write(Writer& writer, const WaitJobs& wait) {
  const auto jobs = writer.structs<fb::JobRange>(wait.jobs);
  return fb::CreateWaitJobs(writer.builder, jobs, wait.wait_ms);
}

Written<fb::WatchJobs> write(Writer& writer, const WatchJobs& watch) {
  const auto jobs = writer.structs<fb::JobRange>(watch.jobs);
  const auto worker = writer.text(watch.worker);
  return fb::CreateWatchJobs(writer.builder, watch.enable, watch.after, jobs, watch.kinds, worker);
}

Written<fb::ReadLog> write(Writer& writer, const ReadLog& log) {
  return fb::CreateReadLog(
      writer.builder,
      log.job.value,
      log.attempt,
      static_cast<fb::OutputStream>(log.stream),
      log.offset,
      log.bytes_max,
      log.wait_ms);
}

Written<fb::BackUp> write(Writer& writer, const BackUp& back_up) {
  const auto path = writer.text(back_up.path);
  return fb::CreateBackUp(writer.builder, path);
}

// ---- Replies

/// Nothing, where nothing is expected.
Written<fb::JobForecast> write(Writer& writer, const JobForecast& forecast) {
  if (forecast == JobForecast{}) return {};
  return fb::CreateJobForecast(
      writer.builder,
      forecast.start_at_ms,
      forecast.start_early_ms,
      forecast.start_late_ms,
      forecast.planned,
      forecast.run_ms,
      forecast.run_short_ms,
      forecast.run_long_ms,
      forecast.runs_seen,
      forecast.memory_top_bytes,
      static_cast<fb::MemoryAdvice>(forecast.memory_advice));
}

Written<fb::SubmittedJob> write(Writer& writer, const SubmittedJob& job) {
  const auto explanation = write(writer, job.explanation);
  const auto forecast = write(writer, job.forecast);
  return fb::CreateSubmittedJob(
      writer.builder, job.first.value, job.count, job.unsatisfiable, explanation, forecast);
}

Written<fb::JobsSubmitted> write(Writer& writer, const JobsSubmitted& submitted) {
  const auto jobs = writer.rows<fb::SubmittedJob>(submitted.jobs);
  return fb::CreateJobsSubmitted(writer.builder, jobs, submitted.repeated);
}

Written<fb::JobRow> write(Writer& writer, const JobRow& row) {
  const auto name = writer.text(row.name);
  const auto queue = writer.text(row.queue);
  const auto tenant = writer.text(row.tenant);
  const auto labels = writer.rows<fb::Label>(row.labels);
  const auto last_error = write(writer, row.last_error);
  const auto worker = writer.text(row.worker);
  const fb::AssignmentId assignment = to_wire(row.assignment);
  const auto usage = write(writer, row.usage);
  const auto summary = writer.text(row.summary);
  const auto spec = row.spec.empty() ? Writer::Bytes{} : writer.nested(row.spec);
  const auto forecast = write(writer, row.forecast);
  return fb::CreateJobRow(
      writer.builder,
      row.id.value,
      row.is_array,
      row.array_index,
      row.array_count,
      name,
      queue,
      tenant,
      labels,
      static_cast<fb::JobState>(row.state),
      row.priority,
      row.attempt_count,
      row.attempts_max,
      row.submitted_at_ms,
      row.queued_at_ms,
      row.assigned_at_ms,
      row.started_at_ms,
      row.finished_at_ms,
      row.scheduled_at_ms,
      row.deadline_at_ms,
      last_error,
      worker,
      row.assignment == AssignmentId{} ? nullptr : &assignment,
      row.expires_in_ms,
      usage,
      row.unsatisfiable,
      summary,
      spec,
      forecast);
}

Written<fb::JobPage> write(Writer& writer, const JobPage& page) {
  const auto rows = writer.rows<fb::JobRow>(page.rows);
  return fb::CreateJobPage(writer.builder, rows, page.next_cursor);
}

Written<fb::AttemptRow> write(Writer& writer, const AttemptRow& row) {
  const fb::AssignmentId assignment = to_wire(row.assignment);
  const auto worker = writer.text(row.worker);
  const auto error = write(writer, row.error);
  const auto usage = write(writer, row.usage);
  const auto outputs = writer.rows<fb::OutputFile>(row.outputs);
  const auto gpus = writer.numbers(row.gpus);
  return fb::CreateAttemptRow(
      writer.builder,
      &assignment,
      worker,
      static_cast<fb::JobState>(row.state),
      row.assigned_at_ms,
      row.started_at_ms,
      row.finished_at_ms,
      error,
      usage,
      outputs,
      gpus);
}

Written<fb::JobDetails> write(Writer& writer, const JobDetails& details) {
  const auto row = write(writer, details.row);
  const auto spec = writer.nested(details.spec);
  const auto attempts = writer.rows<fb::AttemptRow>(details.attempts);
  return fb::CreateJobDetails(writer.builder, row, spec, attempts);
}

Written<fb::JobExplanation> write(Writer& writer, const JobExplanation& job) {
  const auto row = write(writer, job.row);
  const auto dependencies = writer.numbers(job.dependencies);
  const auto explanation = write(writer, job.explanation);
  const auto avoided = writer.texts(job.avoided);
  return fb::CreateJobExplanation(
      writer.builder,
      row,
      static_cast<fb::JobHold>(job.hold),
      job.hold_ms,
      dependencies,
      explanation,
      avoided);
}

Written<fb::JobsChanged> write(Writer& writer, const JobsChanged& changed) {
  return fb::CreateJobsChanged(writer.builder, changed.changed, changed.unchanged, changed.unknown);
}

Written<fb::JobCounts> write(Writer& writer, const JobCounts& counts) {
  const auto by_state = writer.numbers(std::span<const uint64_t>(counts.by_state));
  return fb::CreateJobCounts(
      writer.builder, by_state, counts.unknown, counts.first_failed.value, counts.done);
}

Written<fb::JobEvent> write(Writer& writer, const JobEvent& event) {
  const auto worker = writer.text(event.worker);
  const auto reason = writer.text(event.reason);
  return fb::CreateJobEvent(
      writer.builder,
      event.sequence,
      event.at_ms,
      event.job.value,
      event.count,
      static_cast<fb::JobState>(event.state),
      event.attempt,
      worker,
      static_cast<fb::ErrorClass>(event.error),
      reason,
      static_cast<fb::EventKind>(event.kind),
      static_cast<fb::WorkerChange>(event.worker_change),
      static_cast<fb::ServerChange>(event.server_change),
      event.plan,
      static_cast<fb::PlanOf>(event.plan_of),
      static_cast<fb::PlanCause>(event.plan_cause),
      static_cast<fb::PlanOutcome>(event.plan_outcome),
      event.moved);
}

Written<fb::JobEvents> write(Writer& writer, const JobEvents& events) {
  const auto rows = writer.rows<fb::JobEvent>(events.events);
  return fb::CreateJobEvents(writer.builder, rows);
}

Written<fb::LogChunk> write(Writer& writer, const LogChunk& chunk) {
  const auto data = writer.bytes(chunk.data);
  const auto sha256 = writer.text(chunk.sha256);
  return fb::CreateLogChunk(
      writer.builder,
      data,
      chunk.offset,
      chunk.size,
      chunk.complete,
      chunk.truncated,
      sha256,
      chunk.attempt);
}

}  // namespace berth::wire
