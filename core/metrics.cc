#include "core/metrics.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wire/tokens.h"

namespace berth::core {

namespace {

template <typename T>
double value_of(const std::atomic<T>& gauge) {
  return static_cast<double>(gauge.load(std::memory_order_relaxed));
}

/// LOST is left in the turn in which it is entered; COMPLETED and what follows: those still kept.
constexpr std::pair<wire::JobState, MetricFamily> kJobs[] = {
    {wire::JobState::Pending, {"berth_jobs_pending", "Jobs that wait, for whatever reason."}},
    {wire::JobState::Assigned, {"berth_jobs_assigned", "Jobs that a worker was given."}},
    {wire::JobState::Running, {"berth_jobs_running", "Jobs that run."}},
    {wire::JobState::Retrying, {"berth_jobs_retrying", "Jobs before their next attempt."}},
    {wire::JobState::Completed, {"berth_jobs_kept_completed", "Completed jobs that are kept."}},
    {wire::JobState::Failed, {"berth_jobs_kept_failed", "Failed jobs that are kept."}},
    {wire::JobState::Aborted, {"berth_jobs_kept_aborted", "Aborted jobs that are kept."}}};

struct Walk {
  const Tables& tables;
  const Gauges& gauges = tables.counters.gauges;
  Now now;
  MetricSink& sink;

  void one(const MetricFamily& family, double value) {
    sink.family(family);
    sink.number({}, value);
  }
  void workers();
  void queues();
  void jobs();
  void process();
  void threads();
  void counters();
  void measures();
};

void Walk::workers() {
  sink.family({"berth_workers", "Workers, by status."});
  for (const auto status :
       {wire::WorkerStatus::Online, wire::WorkerStatus::Suspicious, wire::WorkerStatus::Offline}) {
    sink.number({{"status", wire::worker_status_token(status)}}, tables.fleet.workers_with(status));
  }
  one({"berth_names", "Distinct tags, labels, models and resource names."}, tables.names.count());
  one({"berth_reservations", "Reservations that are held."}, tables.reservations.size());
}

void Walk::queues() {
  one({"berth_waiting", "Requests that wait for a place."}, value_of(tables.waiting));
  const int64_t since = gauges.oldest_waiting_ns.load(std::memory_order_relaxed);
  const Duration age = since > 0 ? now.mono - Instant{since} : Duration{0};
  one({"berth_waiting_oldest_seconds", "How long the oldest of them has waited."},
      static_cast<double>(std::max<int64_t>(age.ns, 0)) / 1e9);
  one({"berth_watchers", "Connections that watch workers."}, value_of(tables.watchers));
}

void Walk::jobs() {
  for (const auto& [state, family] : kJobs)
    one(family, value_of(gauges.jobs[static_cast<size_t>(state)]));
  const int64_t oldest = gauges.oldest_pending_ms.load(std::memory_order_relaxed);
  const int64_t age_ms = oldest > 0 ? std::max<int64_t>(now.wall_ms - oldest, 0) : 0;
  one({"berth_jobs_oldest_pending_seconds", "The age of the oldest pending job."},
      static_cast<double>(age_ms) / 1e3);
  sink.family(
      {"berth_pending_jobs", "Pending and retrying jobs, by what they wait for; a little late."});
  for (size_t hold = 1; hold < kJobHolds; ++hold) {
    sink.number(
        {{"reason", wire::job_hold_token(static_cast<wire::JobHold>(hold))}},
        value_of(gauges.holds[hold]));
  }
}

void Walk::process() {
  sink.family({"berth_connections", "Open connections, by what is spoken on them."});
  for (size_t kind = 0; kind < kConnectionKinds; ++kind) {
    sink.number(
        {{"kind", connection_kind_token(static_cast<ConnectionKind>(kind))}},
        value_of(gauges.connections[kind]));
  }
  one({"berth_event_streams", "Open streams of server-sent events."},
      value_of(gauges.event_streams));
  one({"process_resident_memory_bytes", "Memory that is in use."}, value_of(gauges.resident_bytes));
  one({"process_cpu_seconds_total", "Processor time, user and system.", MetricKind::Counter},
      value_of(gauges.cpu_us) / 1e6);
  const int64_t started = gauges.start_wall_ms.load(std::memory_order_relaxed);
  one({"process_start_time_seconds", "When the process started, Unix time."},
      static_cast<double>(started) / 1e3);
  one({"process_uptime_seconds", "How long it has run."},
      started > 0 ? static_cast<double>(now.wall_ms - started) / 1e3 : 0);
}

void Walk::threads() {
  const Counters& counters = tables.counters;
  sink.family({"berth_mailbox_bytes", "What waits in the queue into a loop."});
  for (uint32_t i = 0; i < counters.threads.size(); ++i) {
    const std::atomic<size_t>* bytes = counters.threads[i].mailbox_bytes;
    if (bytes == nullptr) continue;
    sink.number({{"loop", thread_name(i, counters.shards)}}, value_of(*bytes));
  }
  sink.family(family_of(Measure::LoopLag).family);
  for (uint32_t i = 0; i < counters.threads.size(); ++i) {
    if (counters.threads[i].mailbox_bytes == nullptr) continue;
    HistogramSum lag;
    counters.threads[i].measured(Measure::LoopLag).add_to(lag);
    sink.histogram({{"loop", thread_name(i, counters.shards)}}, lag);
  }
}

void Walk::counters() {
  const char* last = "";
  for (size_t i = 0; i < kCounters; ++i) {
    const auto counter = static_cast<Counter>(i);
    const MetricFamily& family = family_of(counter);
    if (std::strcmp(std::exchange(last, family.name), family.name) != 0) sink.family(family);
    for (size_t kind = 0; kind < kinds_of(counter); ++kind) {
      const uint64_t value = tables.counters.total(counter, kind);
      if (value == 0 && !is_shown_at_zero(counter, kind)) continue;
      sink.number(labels_of(counter, kind), static_cast<double>(value));
    }
  }
}

void Walk::measures() {
  for (size_t i = 0; i < kMeasures; ++i) {
    const auto measure = static_cast<Measure>(i);
    if (measure == Measure::LoopLag) continue;
    sink.family(family_of(measure).family);
    sink.histogram({}, tables.counters.total(measure));
  }
}

}  // namespace

void visit_metrics(const Tables& tables, Now now, MetricSink& sink) {
  Walk walk{.tables = tables, .now = now, .sink = sink};
  walk.workers();
  walk.queues();
  walk.jobs();
  walk.counters();
  walk.measures();
  walk.threads();
  walk.process();
}

}  // namespace berth::core
