#include <algorithm>
#include <cmath>
#include <memory>

#include "net/api/older/job_pool.h"
#include "net/api/services.h"
#include "net/loop_clock.h"

// The job pool: who runs its jobs.
namespace berth::net::job_pool {

namespace {

/// What limits its jobs is cpu and memory; a slot each is there for everybody.
constexpr int64_t kSlots = 1'000;
/// Why a worker is cordoned that says of itself that it is not well.
constexpr std::string_view kUnwell = "it says that it is UNHEALTHY";

int64_t amount_of(double given, double scale) {
  if (!std::isfinite(given) || given <= 0) return 0;
  return std::llround(std::min(given * scale, static_cast<double>(core::kAmountMax)));
}

wire::Usage usage_of(const JsonObject& body, int64_t cpu_milli, int64_t memory_mib) {
  wire::Usage usage;
  const double share = std::clamp(body.number("cpuUsage"), 0.0, 100.0) / 100;
  usage.cpu_milli = share * static_cast<double>(cpu_milli);
  if (body.has("ramFreeMb")) {
    const int64_t free = amount_of(body.number("ramFreeMb"), 1);
    usage.memory_mib = static_cast<double>(std::max<int64_t>(memory_mib - free, 0));
  }
  return usage;
}

void answer_heard(Exchange& exchange, const std::string& worker) {
  JsonOut& json = exchange.json();
  json.object()
      .field("success", true)
      .field("workerId", worker)
      .field("timestamp", LoopClock::wall_ms());
  json.key("cancelJobIds").array();
  for (const wire::AssignmentId& stop : exchange.services().workers.stops(worker))
    json.value(std::to_string(stop.job.value));
  json.end().end();
  exchange.answer();
}

/// Goes on when the beat was taken.
void beat(Exchange& exchange, const wire::Heartbeat& said, std::function<void()> then) {
  exchange.ask(said, [&exchange, then](const wire::Reply& reply) {
    const auto* heard = std::get_if<wire::HeartbeatReply>(&reply);
    if (heard == nullptr) return fail_with(exchange, reply);
    if (heard->code == wire::Refusal::NotFound) return fail(exchange, 404, "Worker not found");
    if (!heard->accepted) return fail_with(exchange, wire::Refused{heard->code, heard->message});
    then();
  });
}

}  // namespace

HttpWorkers::Terms terms_of(Exchange&) {
  return {kOfflineAfter};
}

void on_register(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  const std::string worker(older::trimmed(body.text("workerId")));
  const std::string_view host = body.text("hostname");
  if (worker.empty() || host.empty()) {
    return fail(exchange, 400, "workerId and hostname are required");
  }
  static constexpr std::string_view kTags[] = {
      older::kPullsTag, older::kProcessTag, older::kJobPoolTag};
  const wire::Label labels[] = {{"hostname", host}, {"os", body.text("os")}};
  wire::Heartbeat said;
  said.worker = worker;
  said.has_profile = true;
  said.tags = kTags;
  said.labels = std::span(labels).first(body.text("os").empty() ? 1 : 2);
  said.capacity.slots = kSlots;
  said.capacity.cpu_milli = std::max<int64_t>(amount_of(body.number("cpuCount"), 1'000), 1'000);
  said.capacity.memory_mib = amount_of(body.number("ramTotalMb"), 1);
  said.usage = usage_of(body, said.capacity.cpu_milli, said.capacity.memory_mib);
  said.agent_version = body.text("version").substr(0, core::kVersionBytesMax);
  said.offline_after_ms = static_cast<uint32_t>(kOfflineAfter.ms());
  beat(exchange, said, [&exchange, worker] {
    older::join(exchange, worker, terms_of(exchange), [&exchange, worker] {
      exchange.json()
          .object()
          .field("success", true)
          .field("workerId", worker)
          .field("message", "Worker " + worker + " registered successfully")
          .end();
      exchange.answer();
    });
  });
}

namespace {

/// What a heartbeat says, kept while its worker's row is looked up.
struct Beat {
  std::string worker;
  std::string status;
  bool has_jobs = false;
  std::vector<wire::JobId> jobs;
  double cpu_share = 0;
  std::optional<int64_t> memory_free;
  std::optional<int64_t> memory_total;
};

Beat beat_of(const JsonObject& body) {
  Beat said;
  said.worker = older::trimmed(body.text("workerId"));
  said.status = body.text("status");
  said.has_jobs = body.has("currentJobIds");
  body.each<std::string_view>(
      "currentJobIds", [&](std::string_view id) { said.jobs.push_back(older::job_from(id)); });
  said.cpu_share = std::clamp(body.number("cpuUsage"), 0.0, 100.0) / 100;
  if (body.has("ramFreeMb")) said.memory_free = amount_of(body.number("ramFreeMb"), 1);
  if (body.has("ramTotalMb")) said.memory_total = amount_of(body.number("ramTotalMb"), 1);
  return said;
}

/// A beat that brings the profile along when the machine has other memory than it had.
void send_beat(
    Exchange& exchange, const Beat& said, const wire::WorkerRow& row, std::function<void()> then) {
  wire::Heartbeat next;
  next.worker = said.worker;
  next.leaving = said.status == "OFFLINE";
  next.usage.cpu_milli = said.cpu_share * static_cast<double>(row.capacity.cpu_milli);
  const int64_t total = said.memory_total.value_or(row.capacity.memory_mib);
  if (said.memory_free) {
    next.usage.memory_mib = static_cast<double>(std::max<int64_t>(total - *said.memory_free, 0));
  }
  if (total != row.capacity.memory_mib && total > 0) {
    next.has_profile = true;
    next.address = row.address;
    next.tags = row.tags;
    next.labels = row.labels;
    next.capacity = row.capacity;
    next.capacity.memory_mib = total;
    next.agent_version = row.agent_version;
    next.offline_after_ms = static_cast<uint32_t>(kOfflineAfter.ms());
  }
  beat(exchange, next, std::move(then));
}

/// A worker that is not well gets nothing more, until it says that it is.
void send_health(
    Exchange& exchange, const Beat& said, bool cordoned_for_it, std::function<void()> then) {
  const bool unwell = said.status == "UNHEALTHY";
  if (unwell == cordoned_for_it) return then();
  wire::SetWorker set;
  set.worker = said.worker;
  set.action = unwell ? wire::WorkerAction::Cordon : wire::WorkerAction::Undrain;
  if (unwell) set.reason = kUnwell;
  exchange.ask(set, [then](const wire::Reply&) { then(); });
}

}  // namespace

void on_heartbeat(Exchange& exchange) {
  const auto said = std::make_shared<Beat>(beat_of(exchange.body().object()));
  if (said->worker.empty()) return fail(exchange, 400, "workerId is required");
  exchange.ask(wire::ShowWorker{said->worker}, [&exchange, said](const wire::Reply& reply) {
    const auto* page = std::get_if<wire::WorkerPage>(&reply);
    if (page == nullptr || page->rows.empty()) return fail(exchange, 404, "Worker not found");
    const wire::WorkerRow& row = page->rows[0];
    const bool cordoned_for_it = row.cordoned && row.reason == kUnwell;
    // By an operator, and for another reason: that stays as it is.
    const bool cordoned = row.cordoned && !cordoned_for_it;
    send_beat(exchange, *said, row, [&exchange, said, cordoned, cordoned_for_it] {
      const auto renew = [&exchange, said] {
        older::renew(
            exchange,
            said->worker,
            terms_of(exchange),
            said->has_jobs ? &said->jobs : nullptr,
            [&exchange, said] { answer_heard(exchange, said->worker); });
      };
      if (cordoned) return renew();
      send_health(exchange, *said, cordoned_for_it, renew);
    });
  });
}

namespace {

/// What `workers/list` gathers.
struct Listing {
  absl::flat_hash_map<std::string, std::vector<uint64_t>> jobs;  ///< by worker
  int64_t now_ms = 0;
  uint32_t workers = 0;
  uint32_t idle = 0;
  uint32_t busy = 0;
  uint32_t unhealthy = 0;
};

std::string_view status_of(const wire::WorkerRow& row, bool runs_something) {
  if (row.status == wire::WorkerStatus::Offline) return "OFFLINE";
  const bool unhealthy = row.cordoned || row.draining || row.cooldown_ms > 0;
  if (unhealthy) return "UNHEALTHY";
  return runs_something ? "BUSY" : "IDLE";
}

std::string_view label_of(const wire::WorkerRow& row, std::string_view key) {
  for (const wire::Label& label : row.labels)
    if (label.key == key) return label.value;
  return {};
}

void write_row(JsonOut& json, Listing& listing, const wire::WorkerRow& row) {
  const auto found = listing.jobs.find(std::string(row.id));
  const bool runs = found != listing.jobs.end() || row.reported_tasks > 0;
  const std::string_view status = status_of(row, runs);
  ++listing.workers;
  if (status == "IDLE") ++listing.idle;
  if (status == "BUSY") ++listing.busy;
  if (status == "UNHEALTHY") ++listing.unhealthy;
  const auto cpu = static_cast<double>(row.capacity.cpu_milli);
  const auto used_mib = static_cast<int64_t>(row.usage.memory_mib);
  json.object()
      .field("workerId", row.id)
      .field("status", status)
      .field("hostname", label_of(row, "hostname"))
      .field("os", label_of(row, "os"))
      .field("cpuCount", cpu / 1000)
      .field("cpuUsage", cpu > 0 ? 100 * row.usage.cpu_milli / cpu : 0.0)
      .field("ramTotalMb", row.capacity.memory_mib)
      .field("ramFreeMb", std::max<int64_t>(row.capacity.memory_mib - used_mib, 0))
      .field("lastHeartbeat", listing.now_ms - row.heartbeat_age_ms);
  json.key("currentJobIds").array();
  if (found != listing.jobs.end()) {
    for (const uint64_t job : found->second)
      json.value(std::to_string(job));
  }
  json.end();
  json.field("reservedCpu", (cpu - static_cast<double>(row.free.cpu_milli)) / 1000)
      .field("reservedRamMb", row.capacity.memory_mib - row.free.memory_mib)
      .key("cooldownUntil");
  if (row.cooldown_ms > 0) {
    json.value(listing.now_ms + row.cooldown_ms);
  } else {
    json.null();
  }
  json.field("updatedAt", listing.now_ms - row.heartbeat_age_ms).end();
}

}  // namespace

void on_workers(Exchange& exchange) {
  const auto listing = std::make_shared<Listing>();
  listing->now_ms = LoopClock::wall_ms();
  const auto rows = [&exchange, listing] {
    const auto answer = std::make_shared<ListAnswer>(exchange);
    answer->json.object().field("success", true).key("workers").array();
    const auto row = [answer, listing](const wire::WorkerRow& worker) {
      write_row(answer->json, *listing, worker);
    };
    const auto end = [answer, listing] {
      answer->json.end()
          .field("totalWorkers", listing->workers)
          .field("idleWorkers", listing->idle)
          .field("busyWorkers", listing->busy)
          .field("unhealthyWorkers", listing->unhealthy)
          .end();
    };
    older::list_workers(answer, row, end);
  };
  wire::ListJobs live;
  live.states = older::kLiveStates;
  const auto page = [listing](std::span<const wire::JobRow> jobs) {
    for (const wire::JobRow& job : jobs)
      listing->jobs[std::string(job.worker)].push_back(job.id.value);
  };
  older::each_page(exchange, live, page, rows);
}

}  // namespace berth::net::job_pool
