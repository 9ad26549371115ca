#pragma once

#include "net/api/exchange.h"
#include "net/client/answers.h"
#include "net/forms/json.h"
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

inline void answer_json(Exchange& exchange, const forms::Json& json, int status = 200) {
  exchange.json().raw(forms::to_text(json));
  exchange.answer(status);
}

inline wire::JobId job_of(const Exchange& exchange) {
  return {exchange.number("id")};
}

/// Asks; `then` gets the answer as the SDK has it. Whatever else comes is the answer to the client.
template <typename Owned, typename Taker>
void ask_for(Exchange& exchange, const wire::Request& request, Taker then) {
  exchange.ask(request, [&exchange, then](const wire::Reply& reply) {
    if (const auto* refused = std::get_if<wire::Refused>(&reply)) return exchange.refuse(*refused);
    const client::Result<Owned> answer = client::answer_from<Owned>(reply);
    if (answer) return then(*answer);
    exchange.refuse({wire::Refusal::Unsupported, answer.error().message});
  });
}

}  // namespace berth::net::v1
