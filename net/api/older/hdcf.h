#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "net/api/older/older.h"

/// The parts of the HDCF adapter: `hdcf.cc` has its table of routes, `hdcf_jobs.cc` and
/// `hdcf_leases.cc` the handlers, `hdcf_shapes.cc` what they read and write.
namespace berth::net::hdcf {

inline constexpr std::string_view kNotRegistered = "worker not registered";

/// What its workers attach with.
HttpWorkers::Terms terms_of(Exchange& exchange);
/// Goes on if the worker is in the table; else 403.
void if_registered(Exchange& exchange, std::string_view worker, std::function<void()> then);
/// A beat without a profile: refused with 403 when nobody of that id has registered.
void beat(Exchange& exchange, std::string_view worker, std::function<void()> then);

// ---- hdcf_jobs.cc: what clients ask -----------------------------------------------------------

void on_create(Exchange& exchange);
void on_list(Exchange& exchange);
void on_show(Exchange& exchange);
void on_workers(Exchange& exchange);
void on_abort(Exchange& exchange);

// ---- hdcf_leases.cc: what workers say of jobs -------------------------------------------------

void on_next_job(Exchange& exchange);
void on_ack(Exchange& exchange);
void on_complete(Exchange& exchange);
void on_fail(Exchange& exchange);
void on_reconnect(Exchange& exchange);

// ---- hdcf_shapes.cc ---------------------------------------------------------------------------

/// The files of a finished job, as its worker names them.
struct Completion {
  std::string artifact_id;
  std::string stdout_path;
  std::string stderr_path;
  std::string stdout_tmp_path;
  std::string stderr_tmp_path;
  std::string stdout_sha256;
  std::string stderr_sha256;
};
Completion completion_of(const JsonObject& body);
/// Why it cannot be taken; empty: it can. A temporary name is the final one and `.tmp` behind it,
/// or before its extension.
std::string problem_of(const Completion& done);

/// `error`, cut to what is kept of it.
std::string error_of(const JsonObject& body);
/// Trimmed and in lower case, as capabilities are compared.
std::string capability_of(std::string_view text);

/// When something is written, and how long its worker has been silent.
struct Clock {
  int64_t wall_ms = 0;
  std::optional<uint32_t> age_ms;
};
void write_job(JsonOut& json, const wire::JobRow& row, Clock clock);
void write_job(JsonOut& json, const wire::JobDetails& job, Clock clock);
/// `command` and `args`.
void write_command(JsonOut& json, const wire::JobSpec& spec);
void write_worker(JsonOut& json, const wire::WorkerRow& row, uint64_t job, int64_t now_ms);

}  // namespace berth::net::hdcf
