#pragma once

#include "net/api/exchange.h"
#include "net/http/json_out.h"
#include "net/http/json_schema.h"
#include "wire/messages.h"

/// What several routes of the native API show, in the words of the command line's `--json`: keys
/// are added, never changed.
///
/// Units    in the name of the key; times in seconds
namespace berth::net::v1 {

extern const JsonSchema kWorkerSchema;

/// As a value of the array or field it is in.
void write_worker(JsonOut& json, const wire::WorkerRow& worker);

/// A number as people expect it: counts, which most are, without decimals.
void write_number(JsonOut& json, double value);

inline double seconds_of(uint32_t ms) {
  return static_cast<double>(ms) / 1000.0;
}

/// The answer that a handler waits for, or null: then the exchange has been answered with why not.
template <typename Wanted>
const Wanted* expect(Exchange& exchange, const wire::Reply& reply) {
  if (const auto* wanted = std::get_if<Wanted>(&reply)) return wanted;
  if (const auto* refused = std::get_if<wire::Refused>(&reply)) {
    exchange.refuse(*refused);
  } else if (const auto* unplaced = std::get_if<wire::Unplaced>(&reply)) {
    exchange.problem(problem_of(*unplaced));
  } else {
    exchange.refuse({wire::Refusal::Unsupported, "the service answered with something else"});
  }
  return nullptr;
}

}  // namespace berth::net::v1
