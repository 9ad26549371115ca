#pragma once

#include "net/client/client.h"
#include "net/forms/json.h"

/// The JSON shapes of jobs; docs/jobs.md describes them. Keys are added, never changed.
///
/// Units    in the name of the key; moments are RFC 3339 in UTC, or null
namespace berth::forms {

/// `now_ms` is the wall time that leases are counted from.
Json job_json(const client::JobStatus& job, int64_t now_ms);
Json attempt_json(const client::Attempt& attempt);
Json job_details_json(const client::JobDetails& details, int64_t now_ms);
Json job_explanation_json(const client::JobExplanation& explanation, int64_t now_ms);
Json submitted_json(const std::vector<client::SubmittedJob>& jobs, bool repeated);
Json changed_json(const client::JobsChanged& changed);
Json counts_json(const client::JobCounts& counts, bool timed_out);
Json job_event_json(const client::JobEvent& event);

}  // namespace berth::forms
