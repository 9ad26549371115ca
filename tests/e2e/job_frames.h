#pragma once

#include <string>

#include "tests/e2e/frame_fields.h"
#include "wire/messages.h"

namespace berth::e2e {

/// A request about jobs from its fields. A spec is an object of fields or `{"hex": …}`, any bytes;
/// an assignment is `[job, attempt, epoch]`; a range of jobs is `[first, last]`.
/// Throws std::invalid_argument for a kind there is none of.
wire::Request job_request_of(const std::string& kind, Fields f);

json job_reply_json(const wire::JobsSubmitted& m);
json job_reply_json(const wire::JobPage& m);
json job_reply_json(const wire::JobDetails& m);
json job_reply_json(const wire::JobExplanation& m);
json job_reply_json(const wire::JobsChanged& m);
json job_reply_json(const wire::JobCounts& m);
json job_reply_json(const wire::JobEvents& m);
json job_reply_json(const wire::LogChunk& m);
json job_reply_json(const wire::Attached& m);
json job_reply_json(const wire::Assignments& m);
json job_reply_json(const wire::Reported& m);
json job_reply_json(const wire::StopTasks& m);
json job_reply_json(const wire::WantLog& m);
json job_reply_json(const wire::PlanPage& m);
json job_reply_json(const wire::PlanDetails& m);

}  // namespace berth::e2e
