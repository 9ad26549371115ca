#pragma once

#include <string>
#include <vector>

#include "net/client/client.h"
#include "net/forms/times.h"
#include "tools/cli/table.h"

// Jobs as people see them.
namespace berth::cli {

using namespace forms;  // times as people write them

/// One row for each job or rest of an array; ages count from `now_ms`.
Table job_table(const std::vector<client::JobStatus>& jobs, int64_t now_ms);

std::string job_details_text(const client::JobDetails& details, int64_t now_ms);
/// A whole line for stderr: so many of the jobs that were named are not there.
std::string unknown_text(uint64_t jobs);
std::string job_explanation_text(
    const client::JobExplanation& explanation, bool has_estimate, int64_t now_ms);
/// What to do about a request for memory that is far off; empty: nothing.
std::string memory_text(const client::JobForecast& forecast);
std::string job_event_text(const client::JobEvent& event);

/// `exit 3: ended with exit code 3`: how an attempt ended; `-` when nothing went wrong.
std::string error_text(const client::JobError& error);

/// `[######----] 60/100  1 failed, 10 running`, in so many columns.
std::string progress_text(const client::JobCounts& counts, size_t columns);

}  // namespace berth::cli
