#include "core/tables/metric_names.h"

#include <iterator>

#include "wire/tokens.h"

namespace berth::core {

namespace {

using wire::JobState;

constexpr MetricKind kCounter = MetricKind::Counter;
constexpr MetricKind kHistogram = MetricKind::Histogram;

constexpr MetricFamily kPlacements = {
    "berth_placements_total", "Requests to place that were decided, by outcome.", kCounter};

constexpr struct {
  Counter counter;
  MetricFamily family;
} kCounterNames[] = {
    {Counter::Placements, kPlacements},
    {Counter::PlacementsRepeated, kPlacements},
    {Counter::PlacementsRefused, kPlacements},
    {Counter::PlacementsWaited,
     {"berth_placements_waited_total", "Requests that joined the queue for a place.", kCounter}},
    {Counter::Releases, {"berth_releases_total", "Reservations given back by clients.", kCounter}},
    {Counter::ReservationsExpired,
     {"berth_reservations_expired_total", "Reservations that nobody used or gave back.", kCounter}},
    {Counter::Heartbeats, {"berth_heartbeats_total", "Heartbeats accepted.", kCounter}},
    {Counter::HeartbeatsStale,
     {"berth_heartbeats_stale_total", "Heartbeats older than the last one.", kCounter}},
    {Counter::HeartbeatsRefused,
     {"berth_heartbeats_refused_total", "Heartbeats that made no sense.", kCounter}},
    {Counter::WorkersRegistered,
     {"berth_workers_registered_total", "Workers that came for the first time.", kCounter}},
    {Counter::WorkersSuspicious,
     {"berth_workers_suspicious_total", "Times that a worker became suspicious.", kCounter}},
    {Counter::WorkersOffline,
     {"berth_workers_offline_total", "Times that a worker went offline.", kCounter}},
    {Counter::WorkersReplaced,
     {"berth_workers_replaced_total", "Workers that came back in a new life.", kCounter}},
    {Counter::Requests, {"berth_requests_total", "Requests of the wire protocol.", kCounter}},
    {Counter::RequestsRefused,
     {"berth_requests_refused_total", "Requests that were answered with a refusal.", kCounter}},
    {Counter::ClaimsLost,
     {"berth_claims_lost_total", "Choices that another thread was faster on.", kCounter}},
    {Counter::ConnectionsAccepted,
     {"berth_connections_accepted_total", "Connections that were let in.", kCounter}},
    {Counter::ConnectionsRefused,
     {"berth_connections_refused_total", "Connections over the limit.", kCounter}},
    {Counter::ConnectionsClosedBadFrame,
     {"berth_connections_closed_bad_frame_total",
      "Connections closed over bytes that are no request.",
      kCounter}},
    {Counter::ConnectionsClosedBadHello,
     {"berth_connections_closed_bad_hello_total",
      "Connections closed over a first frame that is no good Hello.",
      kCounter}},
    {Counter::ConnectionsClosedSlowHandshake,
     {"berth_connections_closed_slow_handshake_total",
      "Connections closed because no Hello came in time.",
      kCounter}},
    {Counter::ConnectionsClosedSlowReader,
     {"berth_connections_closed_slow_reader_total",
      "Connections closed because the peer did not read its answers.",
      kCounter}},
    {Counter::ConnectionsClosedByPeer,
     {"berth_connections_closed_by_peer_total", "Connections that the peer ended.", kCounter}},
    {Counter::BytesReceived, {"berth_received_bytes_total", "Bytes read from peers.", kCounter}},
    {Counter::BytesSent, {"berth_sent_bytes_total", "Bytes written to peers.", kCounter}},
    {Counter::Forwarded,
     {"berth_forwarded_total", "Requests handed to the shard that owns the worker.", kCounter}},
    {Counter::PlannerRuns,
     {"berth_planner_runs_total", "Plans that the planner was asked for.", kCounter}},
    {Counter::PlansMade, {"berth_plans_total", "Plans that came in time.", kCounter}},
    {Counter::PlannerFallbacks,
     {"berth_planner_fallbacks_total",
      "Plans that came too late, failed or were worse than greedy, which went on alone.",
      kCounter}},
    {Counter::JobsSubmitted,
     {"berth_jobs_submitted_total", "Jobs taken in, each element of an array.", kCounter}},
    {Counter::JobsCompleted, {"berth_jobs_completed_total", "Jobs that completed.", kCounter}},
    {Counter::JobsFailed, {"berth_jobs_failed_total", "Jobs that failed for good.", kCounter}},
    {Counter::JobsAborted, {"berth_jobs_aborted_total", "Jobs that were aborted.", kCounter}},
    {Counter::JobTransitions,
     {"berth_job_transitions_total", "Jobs that went from a state to another.", kCounter}},
    {Counter::Assignments,
     {"berth_assignments_total", "Leases given: a job to a worker.", kCounter}},
    {Counter::AttemptsFailed,
     {"berth_attempts_failed_total", "Attempts that did not complete, by class.", kCounter}},
    {Counter::LeasesExpired,
     {"berth_leases_expired_total", "Leases whose worker was not heard of in time.", kCounter}},
    {Counter::LeasesUnclaimed,
     {"berth_leases_unclaimed_total",
      "Leases read back that did not fit on their worker any more.",
      kCounter}},
    {Counter::DeadlineMisses,
     {"berth_deadline_misses_total",
      "Jobs that ended after their deadline, counted when they end.",
      kCounter}},
    {Counter::StoreCommits, {"berth_store_commits_total", "Transactions of the store.", kCounter}},
    {Counter::HttpRequests,
     {"berth_http_requests_total", "HTTP requests that were answered.", kCounter}},
    {Counter::HttpProblems,
     {"berth_http_problems_total", "HTTP answers with a status of 400 and above.", kCounter}}};

constexpr double kNs = 1e-9;

constexpr struct {
  Measure measure;
  MeasureFamily family;
} kMeasureNames[] = {
    {Measure::PlacementDecision,
     {{"berth_placement_decision_seconds",
       "From a decoded request to place to its answer, without I/O; of one in 64.",
       kHistogram},
      7,
      26,
      kNs}},
    {Measure::PlacementRequest,
     {{"berth_placement_request_seconds",
       "From the turn that read a request to place to its answer being written; of one turn in 16.",
       kHistogram},
      12,
      32,
      kNs}},
    {Measure::PlacementWait,
     {{"berth_placement_wait_seconds",
       "How long answered requests waited for a place.",
       kHistogram},
      20,
      40,
      kNs}},
    {Measure::PlanLatency,
     {{"berth_plan_latency_seconds", "From asking for a plan to enacting it.", kHistogram},
      14,
      34,
      kNs}},
    {Measure::StoreCommit,
     {{"berth_store_commit_seconds", "A transaction of the store, its sync included.", kHistogram},
      14,
      34,
      kNs}},
    {Measure::StoreSync,
     {{"berth_store_sync_seconds", "Writing out and syncing a transaction alone.", kHistogram},
      14,
      34,
      kNs}},
    {Measure::StoreCommitRows,
     {{"berth_store_commit_rows", "Rows of a transaction of the store.", kHistogram}, 0, 17, 1}},
    {Measure::LoopLag,
     {{"berth_loop_lag_seconds", "How late the regular tick of a loop came.", kHistogram},
      18,
      34,
      kNs}},
    {Measure::HttpRequest,
     {{"berth_http_request_seconds",
       "From a whole HTTP request to its answer, or to the first of a stream.",
       kHistogram},
      15,
      34,
      kNs}}};

static_assert(std::size(kCounterNames) == kCounters && std::size(kMeasureNames) == kMeasures);

// ARCHITECTURE.md has a line for each.
constexpr std::pair<JobState, JobState> kEdges[] = {
    {JobState::Pending, JobState::Assigned},
    {JobState::Pending, JobState::Aborted},
    {JobState::Assigned, JobState::Pending},
    {JobState::Assigned, JobState::Running},
    {JobState::Assigned, JobState::Lost},
    {JobState::Assigned, JobState::Aborted},
    {JobState::Running, JobState::Pending},
    {JobState::Running, JobState::Lost},
    {JobState::Running, JobState::Retrying},
    {JobState::Running, JobState::Completed},
    {JobState::Running, JobState::Failed},
    {JobState::Running, JobState::Aborted},
    {JobState::Lost, JobState::Retrying},
    {JobState::Lost, JobState::Failed},
    {JobState::Retrying, JobState::Pending},
    {JobState::Retrying, JobState::Aborted},
    {JobState::Failed, JobState::Pending},
    {JobState::Aborted, JobState::Pending}};

bool is_edge(size_t kind) {
  for (const auto& [from, to] : kEdges)
    if (edge_of(from, to) == kind) return true;
  return false;
}

std::string_view outcome_of(Counter counter) {
  if (counter == Counter::Placements) return "placed";
  return counter == Counter::PlacementsRepeated ? "repeated" : "refused";
}

}  // namespace

const MetricFamily& family_of(Counter counter) {
  return kCounterNames[static_cast<size_t>(counter)].family;
}

const MeasureFamily& family_of(Measure measure) {
  return kMeasureNames[static_cast<size_t>(measure)].family;
}

MetricLabels labels_of(Counter counter, size_t kind) {
  switch (counter) {
    case Counter::Placements:
    case Counter::PlacementsRepeated:
    case Counter::PlacementsRefused:
      return {
          {"outcome", outcome_of(counter)},
          {"policy", wire::policy_token(static_cast<wire::Policy>(kind))}};
    case Counter::RequestsRefused:
      return {{"reason", wire::refusal_token(static_cast<wire::Refusal>(kind))}};
    case Counter::ConnectionsAccepted:
    case Counter::ConnectionsRefused:
      return {{"kind", connection_kind_token(static_cast<ConnectionKind>(kind))}};
    case Counter::JobTransitions:
      return {
          {"from", wire::job_state_token(static_cast<JobState>(kind / wire::kJobStateCount))},
          {"to", wire::job_state_token(static_cast<JobState>(kind % wire::kJobStateCount))}};
    case Counter::AttemptsFailed:
      return {{"class", wire::error_class_token(static_cast<wire::ErrorClass>(kind))}};
    default: return {};
  }
}

bool is_shown_at_zero(Counter counter, size_t kind) {
  switch (counter) {
    case Counter::JobTransitions: return is_edge(kind);
    case Counter::RequestsRefused:
    case Counter::AttemptsFailed: return kind != 0;  // `none` is no reason
    default: return true;
  }
}

std::string_view connection_kind_token(ConnectionKind kind) {
  switch (kind) {
    case ConnectionKind::Wire: return "wire";
    case ConnectionKind::Http: return "http";
    case ConnectionKind::Console: break;
  }
  return "console";
}

std::string thread_name(uint32_t thread, uint16_t shards) {
  if (thread < shards) return "shard-" + std::to_string(thread);
  switch (static_cast<OtherThread>(thread - shards)) {
    case OtherThread::Gateway: return "gateway";
    case OtherThread::Ledger: return "ledger";
    case OtherThread::Planner: return "planner";
    case OtherThread::Store: break;
  }
  return "store";
}

}  // namespace berth::core
