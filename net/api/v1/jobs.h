#pragma once

#include "net/api/exchange.h"
#include "net/api/v1/ask.h"
#include "net/http/json_schema.h"

/// The handlers of /v1/jobs and what they share. JSON is that of the command line's `--json`
/// (net/forms), a job's keys are those of a job file.
namespace berth::net::v1 {

// job_submit.cc
extern const JsonSchema kJobInSchema;  ///< a job as it is submitted
void submit_jobs(Exchange& exchange);

// job_list.cc
void list_jobs(Exchange& exchange);

// job_logs.cc
void read_job_log(Exchange& exchange);

// job_schemas.cc: what the answers look like, for the document
extern const JsonSchema kJobSchema;
extern const JsonSchema kJobPageSchema;
extern const JsonSchema kJobDetailsSchema;
extern const JsonSchema kJobExplanationSchema;
extern const JsonSchema kAttemptsSchema;
extern const JsonSchema kSubmittedSchema;
extern const JsonSchema kChangedSchema;
extern const JsonSchema kCountsSchema;

inline wire::JobId job_of(const Exchange& exchange) {
  return {exchange.number("id")};
}

}  // namespace berth::net::v1
