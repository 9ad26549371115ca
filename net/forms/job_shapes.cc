#include "net/forms/job_shapes.h"

#include "net/forms/job_file.h"
#include "net/forms/times.h"

namespace berth::forms {
namespace {

Json text_json(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

double seconds(client::Milliseconds time) {
  return static_cast<double>(time.count()) / 1000.0;
}

Json error_of(const client::JobError& error) {
  if (error.kind == client::ErrorClass::None) return nullptr;
  const bool signalled = error.signal != 0;
  const bool exited = error.kind == client::ErrorClass::Exit;
  return {
      {"class", client::error_class_token(error.kind)},
      {"message", error.message},
      {"exit_code", exited ? Json(error.exit_code) : Json(nullptr)},
      {"signal", signalled ? Json(error.signal) : Json(nullptr)},
  };
}

/// What has never started has used nothing, and was not measured.
Json usage_json(const client::TaskUsage& usage, int64_t started_at_ms) {
  const bool none =
      usage.cpu.count() == 0 && usage.memory_peak_bytes == 0 && usage.wall.count() == 0;
  if (started_at_ms == 0 && none) return nullptr;
  return {
      {"cpu_s", seconds(usage.cpu)},
      {"memory_peak_bytes", usage.memory_peak_bytes},
      {"wall_s", seconds(usage.wall)},
  };
}

Json labels_json(const std::vector<client::Label>& labels) {
  Json json = Json::object();
  for (const client::Label& label : labels)
    json[label.key] = label.value;
  return json;
}

Json assignment_json(const client::AssignmentId& assignment) {
  return assignment.epoch == 0 ? Json(nullptr) : Json(client::to_text(assignment));
}

Json start_json(const client::JobForecast& forecast) {
  if (forecast.start_at_ms == 0) return nullptr;
  return {
      {"at", format_time(forecast.start_at_ms)},
      {"earliest", format_time(forecast.start_early_ms)},
      {"latest", format_time(forecast.start_late_ms)},
      {"planned", forecast.planned},
  };
}

Json run_json(const client::JobForecast& forecast) {
  if (forecast.run.count() == 0) return nullptr;
  return {
      {"p10", seconds(forecast.run_short)},
      {"p50", seconds(forecast.run)},
      {"p90", seconds(forecast.run_long)},
      {"runs_seen", forecast.runs_seen},
  };
}

Json memory_json(const client::JobForecast& forecast) {
  if (forecast.memory_top_bytes == 0) return nullptr;
  return {
      {"p95_bytes", forecast.memory_top_bytes},
      {"advice", client::memory_advice_token(forecast.memory_advice)},
  };
}

Json array_json(const client::JobStatus& job) {
  if (!job.is_array) return nullptr;
  return {{"index", job.array_index}, {"count", job.array_count}};
}

}  // namespace

Json job_json(const client::JobStatus& job, int64_t now_ms) {
  const bool leased = job.expires_in.count() > 0;
  return {
      {"job_id", job.id},
      {"name", text_json(job.name)},
      {"queue", text_json(job.queue)},
      {"tenant", text_json(job.tenant)},
      {"labels", labels_json(job.labels)},
      {"array", array_json(job)},
      {"state", client::state_token(job.state)},
      {"priority", job.priority},
      {"attempt_count", job.attempt_count},
      {"max_attempts", job.attempts_max},
      {"submitted_at", time_json(job.submitted_at_ms)},
      {"queued_at", time_json(job.queued_at_ms)},
      {"assigned_at", time_json(job.assigned_at_ms)},
      {"started_at", time_json(job.started_at_ms)},
      {"finished_at", time_json(job.finished_at_ms)},
      {"scheduled_at", time_json(job.scheduled_at_ms)},
      {"deadline_at", time_json(job.deadline_at_ms)},
      {"last_error", error_of(job.last_error)},
      {"worker_id", text_json(job.worker)},
      {"assignment_id", assignment_json(job.assignment)},
      {"assignment_expires_at", time_json(leased ? now_ms + job.expires_in.count() : 0)},
      {"usage", usage_json(job.usage, job.started_at_ms)},
      {"unsatisfiable", job.unsatisfiable},
      {"summary", text_json(job.summary)},
      {"estimated_start", start_json(job.forecast)},
      {"expected_run_s", run_json(job.forecast)},
      {"expected_memory", memory_json(job.forecast)},
  };
}

Json attempt_json(const client::Attempt& attempt) {
  Json outputs = Json::array();
  for (const client::OutputFile& file : attempt.outputs) {
    outputs.push_back(
        {{"name", file.name},
         {"path", text_json(file.path)},
         {"bytes", file.bytes},
         {"sha256", text_json(file.sha256)},
         {"truncated", file.truncated}});
  }
  return {
      {"attempt", attempt.assignment.attempt},
      {"assignment_id", assignment_json(attempt.assignment)},
      {"worker_id", text_json(attempt.worker)},
      {"state", client::state_token(attempt.state)},
      {"assigned_at", time_json(attempt.assigned_at_ms)},
      {"started_at", time_json(attempt.started_at_ms)},
      {"finished_at", time_json(attempt.finished_at_ms)},
      {"error", error_of(attempt.error)},
      {"usage", usage_json(attempt.usage, attempt.started_at_ms)},
      {"outputs", outputs},
  };
}

Json job_details_json(const client::JobDetails& details, int64_t now_ms) {
  Json json = job_json(details.job, now_ms);
  json["spec"] = job_keys_json(details.spec);
  json["attempts"] = Json::array();
  for (const client::Attempt& attempt : details.attempts)
    json["attempts"].push_back(attempt_json(attempt));
  return json;
}

Json job_explanation_json(const client::JobExplanation& explanation, int64_t now_ms) {
  Json json = job_json(explanation.job, now_ms);
  json["hold"] = client::hold_token(explanation.hold);
  json["hold_s"] = seconds(explanation.hold_for);
  json["dependencies"] = explanation.dependencies;
  json["avoided_workers"] = explanation.avoided;
  json["explanation"] = explanation_json(explanation.explanation);
  return json;
}

Json submitted_json(const std::vector<client::SubmittedJob>& jobs, bool repeated) {
  Json list = Json::array();
  for (const client::SubmittedJob& job : jobs) {
    Json one = {{"job_id", job.first}, {"count", job.count}, {"unsatisfiable", job.unsatisfiable}};
    if (job.unsatisfiable) one["explanation"] = explanation_json(job.explanation);
    const Json memory = memory_json(job.forecast);
    if (!memory.is_null()) one["expected_memory"] = memory;
    list.push_back(std::move(one));
  }
  return {{"jobs", list}, {"repeated", repeated}};
}

Json changed_json(const client::JobsChanged& changed) {
  return {
      {"changed", changed.changed},
      {"unchanged", changed.unchanged},
      {"unknown", changed.unknown},
  };
}

Json counts_json(const client::JobCounts& counts, bool timed_out) {
  Json states = Json::object();
  for (size_t i = 0; i < client::kJobStates; ++i) {
    states[std::string(client::state_token(static_cast<client::JobState>(i)))] = counts.by_state[i];
  }
  return {
      {"done", counts.done},
      {"timed_out", timed_out},
      {"states", states},
      {"unknown", counts.unknown},
      {"first_failed", counts.first_failed == 0 ? Json(nullptr) : Json(counts.first_failed)},
  };
}

Json job_event_json(const client::JobEvent& event) {
  if (event.gap) return {{"gap", true}};
  const bool failed = event.error != client::ErrorClass::None;
  return {
      {"gap", false},
      {"sequence", event.sequence},
      {"at", time_json(event.at_ms)},
      {"job_id", event.job},
      {"count", event.count},
      {"state", client::state_token(event.state)},
      {"attempt", event.attempt},
      {"worker_id", text_json(event.worker)},
      {"error", failed ? Json(client::error_class_token(event.error)) : Json(nullptr)},
      {"reason", text_json(event.reason)},
  };
}

}  // namespace berth::forms
