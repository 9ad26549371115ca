#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "net/api/older/hdcf.h"
#include "net/api/services.h"
#include "net/loop_clock.h"
#include "wire/tokens.h"

// HDCF: jobs and workers, as clients see them.
namespace berth::net::hdcf {

namespace {

using older::fail;
using older::trimmed;

constexpr int64_t kAttemptsDefault = 3;

/// A list on its way to its client.
struct Listing {
  explicit Listing(Exchange& exchange) : answer(exchange) { answer.json.array(); }

  ListAnswer answer;
  absl::flat_hash_map<std::string, uint32_t> ages_ms;  ///< of heartbeats, by worker
  wire::ListJobs wanted;
  std::string worker;
};

void list_on(const std::shared_ptr<Listing>& listing) {
  ListAnswer& answer = listing->answer;
  listing->wanted.worker = listing->worker;
  listing->wanted.limit = answer.rows();
  answer.exchange.ask(listing->wanted, [&answer, listing](const wire::Reply& reply) {
    const auto* page = std::get_if<wire::JobPage>(&reply);
    if (page == nullptr) return answer.cut() ? void() : older::fail_with(answer.exchange, reply);
    for (const wire::JobRow& row : page->rows) {
      Clock clock{LoopClock::wall_ms(), {}};
      const auto age = listing->ages_ms.find(std::string(row.worker));
      if (age != listing->ages_ms.end()) clock.age_ms = age->second;
      write_job(answer.json, row, clock);
    }
    listing->wanted.cursor = page->next_cursor;
    if (page->next_cursor != 0) return answer.go_on([listing] { list_on(listing); });
    answer.json.end();
    answer.finish();
  });
}

}  // namespace

void on_create(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  const std::string_view command = trimmed(body.text("command"));
  if (command.empty()) return fail(exchange, 400, "command required");
  std::vector<std::string_view> words = {command};
  body.each<std::string_view>("args", [&](std::string_view word) { words.push_back(word); });
  std::vector<std::string> wanted;
  if (body.truth("needs_gpu")) wanted.emplace_back("gpu");
  body.each<std::string_view>("requirements", [&](std::string_view tag) {
    const std::string word = capability_of(tag);
    if (!word.empty()) wanted.push_back(word);
  });
  const std::vector<std::string_view> tags(wanted.begin(), wanted.end());
  wire::JobSpec spec;
  spec.command = words;
  spec.working_dir = body.text("working_dir");
  spec.requirements.all_tags = tags;
  spec.priority = static_cast<int32_t>(std::max<int64_t>(body.integer("priority"), 0));
  spec.timeout_ms = static_cast<uint32_t>(std::max<int64_t>(body.integer("timeout_ms"), 0));
  spec.scheduled_at_ms = std::max<int64_t>(body.integer("scheduled_at"), 0) * 1000;
  const int64_t attempts = body.integer("max_attempts");
  spec.attempts_max = static_cast<uint32_t>(attempts > 0 ? attempts : kAttemptsDefault);
  older::submit(exchange, spec, [&exchange](wire::JobId job) {
    exchange.json()
        .object()
        .field("job_id", std::to_string(job.value))
        .field("status", "PENDING")
        .end();
    exchange.answer(201);
  });
}

void on_show(Exchange& exchange) {
  const wire::JobId job = older::job_from(exchange.parameter("id"));
  const auto none = [&exchange] {
    fail(exchange, 404, "job not found");
  };
  if (job.value == 0) return none();
  const auto write = [&exchange, none](const wire::Reply& reply, Clock clock) {
    const auto* details = std::get_if<wire::JobDetails>(&reply);
    if (details == nullptr) return none();
    write_job(exchange.json(), *details, clock);
    exchange.answer();
  };
  // Whose heartbeat to look at is known by the job alone.
  exchange.ask(wire::ShowJob{job}, [&exchange, job, none, write](const wire::Reply& reply) {
    const auto* details = std::get_if<wire::JobDetails>(&reply);
    if (details == nullptr) return none();
    if (details->row.worker.empty()) return write(reply, {LoopClock::wall_ms(), {}});
    const std::string worker(details->row.worker);
    exchange.ask(wire::ShowWorker{worker}, [&exchange, job, write](const wire::Reply& shown) {
      Clock clock{LoopClock::wall_ms(), {}};
      const auto* page = std::get_if<wire::WorkerPage>(&shown);
      if (page != nullptr && !page->rows.empty()) clock.age_ms = page->rows[0].heartbeat_age_ms;
      exchange.ask(
          wire::ShowJob{job}, [write, clock](const wire::Reply& again) { write(again, clock); });
    });
  });
}

void on_list(Exchange& exchange) {
  const auto listing = std::make_shared<Listing>(exchange);
  const std::string_view status = exchange.parameter("status");
  if (!status.empty()) listing->wanted.states = older::bit_of(*wire::job_state_from(status));
  listing->worker = trimmed(exchange.parameter("worker_id"));
  listing->wanted.newest_first = true;
  listing->wanted.with_specs = true;
  older::each_worker(
      exchange,
      [listing](const wire::WorkerRow& row) {
        listing->ages_ms.emplace(std::string(row.id), row.heartbeat_age_ms);
      },
      [listing] { list_on(listing); });
}

void on_workers(Exchange& exchange) {
  auto running = std::make_shared<absl::flat_hash_map<std::string, uint64_t>>();
  const auto rows = [&exchange, running] {
    const auto answer = std::make_shared<ListAnswer>(exchange);
    answer->json.array();
    const int64_t now_ms = LoopClock::wall_ms();
    const auto row = [running, answer, now_ms](const wire::WorkerRow& worker) {
      const auto job = running->find(std::string(worker.id));
      write_worker(answer->json, worker, job == running->end() ? 0 : job->second, now_ms);
    };
    older::list_workers(answer, row, [answer] { answer->json.end(); });
  };
  wire::ListJobs live;
  live.states = older::kLiveStates;
  const auto page = [running](std::span<const wire::JobRow> jobs) {
    for (const wire::JobRow& job : jobs)
      running->try_emplace(std::string(job.worker), job.id.value);
  };
  older::each_page(exchange, live, page, rows);
}

/// Jobs by id, by worker, or those of the two that are both.
void on_abort(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  const std::string job_text(trimmed(body.text("job_id")));
  const std::string worker(trimmed(body.text("worker_id")));
  const std::string given(trimmed(body.text("reason")));
  const std::string reason = given.empty() ? "aborted" : given.substr(0, 1'000);
  if (job_text.empty() && worker.empty())
    return fail(exchange, 400, "job_id or worker_id required");
  const wire::JobId job = older::job_from(job_text);
  const auto abort = [&exchange, job, job_text, worker, reason] {
    const wire::JobRange range{job, job};
    wire::ChangeJobs change;
    if (!job_text.empty()) change.jobs = {&range, 1};
    // Of one job it is known already that it is this worker's, or nobody's.
    if (job_text.empty()) change.worker = worker;
    change.reason = reason;
    exchange.ask(change, [&exchange, job_text, worker, reason](const wire::Reply& reply) {
      const auto* done = std::get_if<wire::JobsChanged>(&reply);
      if (done == nullptr) return older::fail_with(exchange, reply);
      const uint32_t count = done->changed + (job_text.empty() ? 0 : done->unchanged);
      if (count == 0) return fail(exchange, 404, "job_id or worker_id required: nothing to abort");
      JsonOut& json = exchange.json();
      json.object().field("status", "ABORTED").field("aborted_jobs", count).field("reason", reason);
      if (!job_text.empty()) json.field("job_id", job_text);
      if (!worker.empty()) json.field("worker_id", worker);
      json.end();
      exchange.answer();
    });
  };
  if (job_text.empty()) return abort();
  exchange.ask(wire::ShowJob{job}, [&exchange, worker, abort](const wire::Reply& reply) {
    const auto* details = std::get_if<wire::JobDetails>(&reply);
    if (details == nullptr) return fail(exchange, 404, "job not found");
    const wire::JobRow& row = details->row;
    const bool live = (older::bit_of(row.state) & older::kLiveStates) != 0;
    if (!worker.empty() && live && row.worker != worker) {
      return fail(exchange, 409, "worker_id mismatch");
    }
    if (row.state == wire::JobState::Completed) {
      return fail(exchange, 409, "cannot abort completed job");
    }
    abort();
  });
}

}  // namespace berth::net::hdcf
