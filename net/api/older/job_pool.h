#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <vector>

#include "net/api/older/older.h"

/// The parts of the adapter of the phase-3 job pool: `job_pool.cc` has its table of routes,
/// `job_pool_workers.cc` and `job_pool_jobs.cc` the handlers.
namespace berth::net::job_pool {

/// Its workers are offline after so long.
inline constexpr core::Duration kOfflineAfter = core::Duration::seconds(30);
/// What its workers attach with.
HttpWorkers::Terms terms_of(Exchange& exchange);

/// `{"success": false, "error": …}`: as most of its answers are read.
void fail(Exchange& exchange, int status, std::string_view error);
void fail_with(Exchange& exchange, const wire::Reply& reply);

// ---- job_pool_workers.cc ----------------------------------------------------------------------

void on_register(Exchange& exchange);
void on_heartbeat(Exchange& exchange);
void on_workers(Exchange& exchange);

// ---- job_pool_jobs.cc -------------------------------------------------------------------------

void on_create(Exchange& exchange);
void on_get_job(Exchange& exchange);
void on_status(Exchange& exchange);
void on_result(Exchange& exchange);
void on_failure(Exchange& exchange);
void on_cancel(Exchange& exchange);
void on_check_cancel(Exchange& exchange);

}  // namespace berth::net::job_pool
