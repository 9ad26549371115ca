#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/messages.h"

namespace berth::net {

class JsonOut;

/// Why a request was not done: RFC 9457's problem details, with Berth's additions.
///
///     {"type":"about:blank","title":"Conflict","status":409,"code":"cannot_be_placed",
///      "detail":"…","hint":"…","pointer":"/resources/cpu_milli","reason":"eliminated",
///      "explanation":{…}}
struct Problem {
  int status = 400;
  std::string_view code;         ///< the command line's tokens for errors, then `gone`, …
  std::string detail;            ///< one sentence: what, and the value
  std::string hint = {};         ///< the remedy; empty: `detail` has it
  std::string pointer = {};      ///< where in the body
  std::string_view reason = {};  ///< of a refusal to place: why there is none
  const wire::Explanation* explanation = nullptr;  ///< of a refusal to place
  uint32_t retry_after_s = 0;                      ///< 0: no header
  std::string_view allow = {};                     ///< of 405: the methods there are
};

/// Denied 403, NotFound 404, Conflict and Stale 409, Busy and ShuttingDown 503, LimitReached 429,
/// BadRequest 400, Unsupported 501.
Problem problem_of(const wire::Refused& refused);

/// No place: 409, or 503 when the queue is full; borrows the explanation.
Problem problem_of(const wire::Unplaced& unplaced);

/// `{"workers","eligible","eliminated":{requirement: workers},"amounts":{requirement:
/// {"asked","largest"}},"queue_position"}`, as a value.
void write_explanation(JsonOut& json, const wire::Explanation& explanation);

/// The body, of type application/problem+json.
void write_problem(JsonOut& json, const Problem& problem);

}  // namespace berth::net
