#include "net/store/row_binding.h"

#include "wire/tokens.h"

namespace berth::net {

void bind_job(
    Statement& to,
    int at,
    const core::JobRecord& job,
    const wire::JobSpec& spec,
    std::string_view labels) {
  to.number(at, as_signed(job.id.value));
  to.number_or_null(at + 1, as_signed(job.array.value));
  if (job.array.value == 0) {
    to.null(at + 2);
  } else {
    to.number(at + 2, job.array_index);
  }
  to.number(at + 3, job.count);
  to.text_or_null(at + 4, spec.name);
  to.text_or_null(at + 5, spec.queue);
  to.text_or_null(at + 6, spec.tenant);
  to.text_or_null(at + 7, labels);
  to.number(at + 8, spec.priority);
  to.number(at + 9, spec.attempts_max);
  to.number_or_null(at + 10, job.submitted_at_ms);
  to.number_or_null(at + 11, spec.scheduled_at_ms);
  to.number_or_null(at + 12, spec.deadline_at_ms);
}

void bind_error(Statement& to, int at, const wire::JobError& error) {
  if (error.kind == wire::ErrorClass::None) {
    to.null(at);
  } else {
    to.text(at, wire::error_class_token(error.kind));
  }
  to.number_or_null(at + 1, error.exit_code);
  to.number_or_null(at + 2, error.signal);
  to.text_or_null(at + 3, error.message);
}

void bind_usage(Statement& to, int at, const wire::TaskUsage& usage) {
  to.number_or_null(at, as_signed(usage.cpu_ms));
  to.number_or_null(at + 1, as_signed(usage.memory_peak_bytes));
  to.number_or_null(at + 2, as_signed(usage.wall_ms));
}

void bind_attempt(
    Statement& to, int at, const core::AttemptRecord& attempt, std::string_view outputs) {
  to.number(at, as_signed(attempt.id.job.value));
  to.number(at + 1, as_signed(attempt.id.epoch));
  to.number(at + 2, attempt.id.attempt);
  to.text_or_null(at + 3, attempt.worker);
  to.text(at + 4, wire::job_state_token(attempt.state));
  to.number_or_null(at + 5, attempt.assigned_at_ms);
  to.number_or_null(at + 6, attempt.started_at_ms);
  to.number_or_null(at + 7, attempt.finished_at_ms);
  bind_error(to, at + 8, attempt.error);
  bind_usage(to, at + 12, attempt.usage);
  to.text_or_null(at + 15, outputs);
}

void bind_event(Statement& to, int at, const wire::JobEvent& event) {
  to.number(at, as_signed(event.sequence));
  to.number(at + 1, event.at_ms);
  to.number(at + 2, as_signed(event.job.value));
  to.number(at + 3, event.count);
  to.text(at + 4, wire::job_state_token(event.state));
  to.number_or_null(at + 5, event.attempt);
  to.text_or_null(at + 6, event.worker);
  if (event.error == wire::ErrorClass::None) {
    to.null(at + 7);
  } else {
    to.text(at + 7, wire::error_class_token(event.error));
  }
  to.text_or_null(at + 8, event.reason);
}

}  // namespace berth::net
