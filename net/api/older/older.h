#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/api/exchange.h"
#include "net/api/http_workers.h"
#include "net/api/list_answer.h"
#include "net/api/route.h"
#include "wire/spec.h"

/// What the adapters of older APIs share. Threads: the gateway's.
namespace berth::net::older {

// ---- Tags of workers that come by these APIs --------------------------------------------------

/// It asks for work; nobody can reach it at an address.
inline constexpr std::string_view kPullsTag = "pulls";
/// It fetches the archive that a job of the job pool comes with.
inline constexpr std::string_view kJobPoolTag = "job-pool";
/// It runs commands as processes of its machine.
inline constexpr std::string_view kProcessTag = "runner:process";
/// Whether `tag` says how a worker works, and not what its owner says of it.
bool is_own_tag(std::string_view tag);

// ---- Answers ----------------------------------------------------------------------------------

/// `{"error": "…"}`, as all of them say no.
void fail(Exchange& exchange, int status, std::string_view error);
void fail(Exchange& exchange, const wire::Refused& refused);
void say_problem(Exchange& exchange, const Problem& problem);
/// For a reply that is not what was asked for.
void fail_with(Exchange& exchange, const wire::Reply& reply);

/// `then`, unless the client has gone meanwhile: what is not asked by the exchange itself does not
/// know that.
Then while_here(Exchange& exchange, Then then);

// ---- Words ------------------------------------------------------------------------------------

std::string_view trimmed(std::string_view text);
/// Our ids are numbers; theirs are opaque texts. 0: none of ours.
wire::JobId job_from(std::string_view text);
/// `2025-12-14T16:30:00.250Z`.
std::string rfc3339(int64_t wall_ms);
/// One line for a shell that runs these words.
std::string shell_line(wire::TextList words);

// ---- Jobs -------------------------------------------------------------------------------------

/// The spec of a row or an assignment; valid until the next call.
const wire::JobSpec& spec_of(std::span<const std::byte> bytes);
/// Takes the job in: `then` with its id. Refusals are answered here.
void submit(Exchange& exchange, const wire::JobSpec& spec, std::function<void(wire::JobId)> then);
/// Pages of jobs, one after the other; `then` after the last. `rows` are valid during the call
/// only.
void each_page(
    Exchange& exchange,
    const wire::ListJobs& list,
    std::function<void(std::span<const wire::JobRow>)> page,
    std::function<void()> then);
/// The same of the worker table.
void each_worker(
    Exchange& exchange,
    std::function<void(const wire::WorkerRow&)> row,
    std::function<void()> then);
/// Answers with all workers: `row` writes one of them to `answer->json`, `end` what closes the
/// list.
void list_workers(
    const std::shared_ptr<ListAnswer>& answer,
    std::function<void(const wire::WorkerRow&)> row,
    std::function<void()> end);
inline constexpr uint32_t bit_of(wire::JobState state) {
  return 1u << static_cast<uint32_t>(state);
}
inline constexpr uint32_t kLiveStates =
    bit_of(wire::JobState::Assigned) | bit_of(wire::JobState::Running);

// ---- Workers ----------------------------------------------------------------------------------

/// The next job that such a worker can do, its assignment not accepted yet; null: there is none.
/// Both are valid during the call only. Jobs that its API has no words for go to others.
using Claimed = std::function<void(const wire::Assignment*, const wire::JobSpec*)>;
void claim(Exchange& exchange, const std::string& worker, Claimed then);
/// One report on the worker's session.
void report(
    Exchange& exchange,
    const std::string& worker,
    std::span<const wire::ReportItem> items,
    std::function<void(std::span<const uint8_t> verdicts)> then);
/// Attaches the worker, if it is not, and goes on; refusals are answered here.
void join(
    Exchange& exchange,
    const std::string& worker,
    const HttpWorkers::Terms& terms,
    std::function<void()> then);
/// Renews the leases of what the worker runs: those of `jobs`, or all that it has when null.
void renew(
    Exchange& exchange,
    const std::string& worker,
    const HttpWorkers::Terms& terms,
    const std::vector<wire::JobId>* jobs,
    std::function<void()> then);

}  // namespace berth::net::older
