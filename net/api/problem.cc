#include "net/api/problem.h"

#include "net/http/http_response.h"
#include "net/http/json_out.h"
#include "wire/tokens.h"

namespace berth::net {
namespace {

constexpr uint32_t kRetryAfterS = 1;

int status_of(wire::Refusal code) {
  switch (code) {
    case wire::Refusal::Denied: return 403;
    case wire::Refusal::NotFound: return 404;
    case wire::Refusal::Conflict:
    case wire::Refusal::Stale: return 409;
    case wire::Refusal::LimitReached: return 429;
    case wire::Refusal::Unsupported: return 501;
    case wire::Refusal::Busy:
    case wire::Refusal::ShuttingDown: return 503;
    case wire::Refusal::None:
    case wire::Refusal::BadRequest: break;
  }
  return 400;
}

const char* sentence_of(wire::NoPlace reason) {
  switch (reason) {
    case wire::NoPlace::NoWorkers: return "no worker is registered";
    case wire::NoPlace::Eliminated: return "no worker meets every requirement";
    case wire::NoPlace::TimedOut: return "no worker became free within the time to wait";
    case wire::NoPlace::QueueFull: break;
  }
  return "the queue of waiting requests is full; ask again later";
}

}  // namespace

Problem problem_of(const wire::Refused& refused) {
  Problem problem;
  problem.status = status_of(refused.code);
  problem.code = wire::refusal_token(refused.code);
  problem.detail = refused.message.empty() ? "the server refused: " + std::string(problem.code)
                                           : std::string(refused.message);
  if (problem.status == 503) problem.retry_after_s = kRetryAfterS;
  return problem;
}

// What nobody can do now is a conflict with the state of the fleet; a full queue is the server's
// own trouble, and passes.
Problem problem_of(const wire::Unplaced& unplaced) {
  Problem problem;
  const bool full = unplaced.reason == wire::NoPlace::QueueFull;
  problem.status = full ? 503 : 409;
  problem.code = "cannot_be_placed";
  problem.detail = sentence_of(unplaced.reason);
  problem.reason = wire::no_place_token(unplaced.reason);
  problem.explanation = &unplaced.explanation;
  if (full) problem.retry_after_s = kRetryAfterS;
  return problem;
}

void write_explanation(JsonOut& json, const wire::Explanation& explanation) {
  json.object();
  json.field("workers", explanation.workers).field("eligible", explanation.eligible);
  json.key("eliminated").object();
  for (const wire::Elimination& each : explanation.eliminated)
    json.field(each.requirement, each.workers);
  json.end();
  json.key("amounts").object();
  for (const wire::Elimination& each : explanation.eliminated) {
    if (each.asked == 0) continue;
    json.key(each.requirement).object();
    json.field("asked", each.asked).field("largest", each.largest).end();
  }
  json.end();
  json.field("queue_position", explanation.queue_position);
  json.end();
}

void write_problem(JsonOut& json, const Problem& problem) {
  json.object();
  json.field("type", "about:blank");
  json.field("title", http_reason(problem.status));
  json.field("status", problem.status);
  json.field("code", problem.code);
  json.field("detail", problem.detail);
  if (!problem.hint.empty()) json.field("hint", problem.hint);
  if (!problem.pointer.empty()) json.field("pointer", problem.pointer);
  if (!problem.reason.empty()) json.field("reason", problem.reason);
  if (problem.explanation != nullptr) {
    json.key("explanation");
    write_explanation(json, *problem.explanation);
  }
  json.end();
}

}  // namespace berth::net
