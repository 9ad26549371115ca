#include "net/client/answers.h"
#include "wire/spec.h"
#include "wire/tokens.h"

// Replies about jobs to owned values.

namespace berth::client {
namespace {

JobError to_owned(const wire::JobError& from) {
  return {
      .kind = static_cast<ErrorClass>(from.kind),
      .exit_code = from.exit_code,
      .signal = from.signal,
      .message = std::string(from.message),
  };
}

TaskUsage to_owned(const wire::TaskUsage& from) {
  return {Milliseconds(from.cpu_ms), from.memory_peak_bytes, Milliseconds(from.wall_ms)};
}

AssignmentId to_owned(const wire::AssignmentId& from) {
  return {.job = from.job.value, .attempt = from.attempt, .epoch = from.epoch};
}

JobForecast to_owned(const wire::JobForecast& from) {
  return {
      .start_at_ms = from.start_at_ms,
      .start_early_ms = from.start_early_ms,
      .start_late_ms = from.start_late_ms,
      .planned = from.planned,
      .run = Milliseconds(from.run_ms),
      .run_short = Milliseconds(from.run_short_ms),
      .run_long = Milliseconds(from.run_long_ms),
      .runs_seen = from.runs_seen,
      .memory_top_bytes = from.memory_top_bytes,
      .memory_advice = static_cast<MemoryAdvice>(from.memory_advice),
  };
}

JobStatus to_owned(const wire::JobRow& from) {
  return {
      .id = from.id.value,
      .is_array = from.is_array,
      .array_index = from.array_index,
      .array_count = from.array_count,
      .name = std::string(from.name),
      .queue = std::string(from.queue),
      .tenant = std::string(from.tenant),
      .labels = owned(from.labels),
      .state = static_cast<JobState>(from.state),
      .priority = from.priority,
      .attempt_count = from.attempt_count,
      .attempts_max = from.attempts_max,
      .submitted_at_ms = from.submitted_at_ms,
      .queued_at_ms = from.queued_at_ms,
      .assigned_at_ms = from.assigned_at_ms,
      .started_at_ms = from.started_at_ms,
      .finished_at_ms = from.finished_at_ms,
      .scheduled_at_ms = from.scheduled_at_ms,
      .deadline_at_ms = from.deadline_at_ms,
      .last_error = to_owned(from.last_error),
      .worker = std::string(from.worker),
      .assignment = to_owned(from.assignment),
      .expires_in = Milliseconds(from.expires_in_ms),
      .usage = to_owned(from.usage),
      .unsatisfiable = from.unsatisfiable,
      .summary = std::string(from.summary),
      .forecast = to_owned(from.forecast),
  };
}

Attempt to_owned(const wire::AttemptRow& from) {
  Attempt to{
      .assignment = to_owned(from.assignment),
      .worker = std::string(from.worker),
      .state = static_cast<JobState>(from.state),
      .assigned_at_ms = from.assigned_at_ms,
      .started_at_ms = from.started_at_ms,
      .finished_at_ms = from.finished_at_ms,
      .error = to_owned(from.error),
      .usage = to_owned(from.usage),
      .gpus = {from.gpus.begin(), from.gpus.end()},
  };
  for (const wire::OutputFile& file : from.outputs) {
    to.outputs.push_back(
        {std::string(file.name),
         std::string(file.path),
         file.bytes,
         std::string(file.sha256),
         file.truncated});
  }
  return to;
}

Demand to_owned(const wire::Demand& from) {
  return {
      .slots = from.slots,
      .cpu_milli = from.cpu_milli,
      .memory_mib = from.memory_mib,
      .disk_mib = from.disk_mib,
      .network_mbit = from.network_mbit,
      .gpu_count = from.gpu_count,
      .gpu_milli = from.gpu_milli,
      .gpu_models = owned(from.gpu_models),
      .custom = owned(from.custom),
  };
}

JobSpec to_owned(const wire::JobSpec& from) {
  JobSpec to{
      .name = std::string(from.name),
      .queue = std::string(from.queue),
      .tenant = std::string(from.tenant),
      .labels = owned(from.labels),
      .command = owned(from.command),
      .image = std::string(from.image),
      .env = owned(from.env),
      .working_dir = std::string(from.working_dir),
      .stdin_text = std::string(from.stdin_text),
      .runner = static_cast<Runner>(from.runner),
      .network = from.network,
      .policy = static_cast<Policy>(from.policy),
      .demand = to_owned(from.demand),
      .all_tags = owned(from.requirements.all_tags),
      .none_tags = owned(from.requirements.none_tags),
      .affinity = owned(from.requirements.affinity),
      .anti_affinity = owned(from.requirements.anti_affinity),
      .spread_by = std::string(from.requirements.spread_by),
      .exclude_workers = owned(from.requirements.exclude_workers),
      .priority = from.priority,
      .scheduled_at_ms = from.scheduled_at_ms,
      .deadline_at_ms = from.deadline_at_ms,
      .estimated = Milliseconds(from.estimated_ms),
      .timeout = Milliseconds(from.timeout_ms),
      .attempts_max = from.attempts_max,
      .retry_base = Milliseconds(from.retry_base_ms),
      .retry_cap = Milliseconds(from.retry_cap_ms),
      .kill_grace = Milliseconds(from.kill_grace_ms),
      .checkpointable = from.checkpointable,
      .depends_on = {from.depends_on.begin(), from.depends_on.end()},
      .depends_on_items = {from.depends_on_items.begin(), from.depends_on_items.end()},
      .artifacts = owned(from.artifacts),
      .meta = owned(from.meta),
  };
  for (const wire::TextList& group : from.requirements.any_tags)
    to.any_tags.push_back(owned(group));
  if (from.is_array) to.array = ArrayIndexes{from.array_first, from.array_last};
  return to;
}

// ---- Whole answers ----------------------------------------------------------------------------

Result<SubmitResult> to_answer(const wire::JobsSubmitted& from) {
  SubmitResult to{.repeated = from.repeated};
  to.jobs.reserve(from.jobs.size());
  for (const wire::SubmittedJob& job : from.jobs) {
    to.jobs.push_back(
        {job.first.value,
         job.count,
         job.unsatisfiable,
         owned(job.explanation),
         to_owned(job.forecast)});
  }
  return to;
}

Result<JobPage> to_answer(const wire::JobPage& from) {
  JobPage to{.next_cursor = from.next_cursor};
  to.jobs.reserve(from.rows.size());
  for (const wire::JobRow& row : from.rows)
    to.jobs.push_back(to_owned(row));
  return to;
}

Result<JobDetails> to_answer(const wire::JobDetails& from) {
  thread_local wire::SpecDecoder decoder;
  // Where the frame is aligned its parts need not be.
  const std::vector<std::byte> bytes(from.spec.begin(), from.spec.end());
  wire::JobSpec spec;
  if (decoder.decode(bytes, spec) != wire::DecodeStatus::Ok) {
    return Error{
        .code = ErrorCode::Protocol,
        .message = "the server keeps job " + std::to_string(from.row.id.value) +
                   " in a form that this version cannot read; use a newer client"};
  }
  JobDetails to{.job = to_owned(from.row), .spec = to_owned(spec)};
  for (const wire::AttemptRow& attempt : from.attempts)
    to.attempts.push_back(to_owned(attempt));
  return to;
}

Result<JobExplanation> to_answer(const wire::JobExplanation& from) {
  return JobExplanation{
      .job = to_owned(from.row),
      .hold = static_cast<JobHold>(from.hold),
      .hold_for = Milliseconds(from.hold_ms),
      .dependencies = {from.dependencies.begin(), from.dependencies.end()},
      .explanation = owned(from.explanation),
      .avoided = owned(from.avoided),
  };
}

Result<JobsChanged> to_answer(const wire::JobsChanged& from) {
  return JobsChanged{from.changed, from.unchanged, from.unknown};
}

Result<JobCounts> to_answer(const wire::JobCounts& from) {
  JobCounts to{.unknown = from.unknown, .first_failed = from.first_failed.value, .done = from.done};
  std::copy(std::begin(from.by_state), std::end(from.by_state), to.by_state.begin());
  return to;
}

Result<LogChunk> to_answer(const wire::LogChunk& from) {
  return LogChunk{
      .data = std::string(reinterpret_cast<const char*>(from.data.data()), from.data.size()),
      .offset = from.offset,
      .size = from.size,
      .complete = from.complete,
      .truncated = from.truncated,
      .sha256 = std::string(from.sha256),
      .attempt = from.attempt,
  };
}

template <typename T, typename Wire>
Result<T> converted(const wire::Reply& reply) {
  if (const Wire* found = std::get_if<Wire>(&reply)) return to_answer(*found);
  return unexpected_error(reply);
}

}  // namespace

template <>
Result<SubmitResult> answer_from(const wire::Reply& reply) {
  return converted<SubmitResult, wire::JobsSubmitted>(reply);
}

template <>
Result<JobPage> answer_from(const wire::Reply& reply) {
  return converted<JobPage, wire::JobPage>(reply);
}

template <>
Result<JobDetails> answer_from(const wire::Reply& reply) {
  return converted<JobDetails, wire::JobDetails>(reply);
}

template <>
Result<JobExplanation> answer_from(const wire::Reply& reply) {
  return converted<JobExplanation, wire::JobExplanation>(reply);
}

template <>
Result<JobsChanged> answer_from(const wire::Reply& reply) {
  return converted<JobsChanged, wire::JobsChanged>(reply);
}

template <>
Result<JobCounts> answer_from(const wire::Reply& reply) {
  return converted<JobCounts, wire::JobCounts>(reply);
}

template <>
Result<LogChunk> answer_from(const wire::Reply& reply) {
  return converted<LogChunk, wire::LogChunk>(reply);
}

Event event_from(const wire::JobEvent& event) {
  Event to{
      .sequence = event.sequence,
      .at_ms = event.at_ms,
      .kind = static_cast<EventKind>(event.kind),
      .job = event.job.value,
      .count = event.count,
      .state = static_cast<JobState>(event.state),
      .attempt = event.attempt,
      .worker = std::string(event.worker),
      .error = static_cast<ErrorClass>(event.error),
      .reason = std::string(event.reason),
      .worker_change = static_cast<WorkerChange>(event.worker_change),
      .server_change = static_cast<ServerChange>(event.server_change),
      .plan = event.plan,
      .moved = event.moved,
  };
  if (event.kind != wire::EventKind::Plan) return to;
  to.plan_of = wire::plan_of_token(event.plan_of);
  if (event.plan_of != wire::PlanOf::Jobs) return to;
  to.plan_cause = wire::plan_cause_token(event.plan_cause);
  to.plan_outcome = wire::plan_outcome_token(event.plan_outcome);
  return to;
}

}  // namespace berth::client
