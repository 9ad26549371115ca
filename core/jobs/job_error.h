#pragma once

#include "core/jobs/job.h"

namespace berth::core {

/// How the attempt ended, as a message tells it; points into the attempt.
inline wire::JobError error_of(const Attempt& attempt) {
  wire::JobError error{attempt.error, attempt.exit_code, attempt.signal, {}};
  if (attempt.details) error.message = attempt.details->message;
  return error;
}

/// The last thing that went wrong with the job, unless it went well after all.
inline wire::JobError last_error(const Job& job) {
  if (!job.run || job.state == wire::JobState::Completed) return {};
  if (job.run->verdict) return {job.run->verdict->kind, 0, 0, job.run->verdict->message};
  for (size_t i = job.run->attempts.size(); i-- > 0;) {
    const Attempt& attempt = job.run->attempts[i];
    if (attempt.error != wire::ErrorClass::None) return error_of(attempt);
  }
  return {};
}

}  // namespace berth::core
