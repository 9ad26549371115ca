#include "core/tables/counters.h"

namespace berth::core {

const char* counter_name(Counter counter) {
  switch (counter) {
    case Counter::Placements: return "berth_placements_total";
    case Counter::PlacementsRepeated: return "berth_placements_repeated_total";
    case Counter::PlacementsRefused: return "berth_placements_refused_total";
    case Counter::PlacementsWaited: return "berth_placements_waited_total";
    case Counter::Releases: return "berth_releases_total";
    case Counter::ReservationsExpired: return "berth_reservations_expired_total";
    case Counter::Heartbeats: return "berth_heartbeats_total";
    case Counter::HeartbeatsStale: return "berth_heartbeats_stale_total";
    case Counter::HeartbeatsRefused: return "berth_heartbeats_refused_total";
    case Counter::WorkersRegistered: return "berth_workers_registered_total";
    case Counter::WorkersSuspicious: return "berth_workers_suspicious_total";
    case Counter::WorkersOffline: return "berth_workers_offline_total";
    case Counter::WorkersReplaced: return "berth_workers_replaced_total";
    case Counter::Requests: return "berth_requests_total";
    case Counter::RequestsRefused: return "berth_requests_refused_total";
    case Counter::ClaimsLost: return "berth_claims_lost_total";
    case Counter::ConnectionsAccepted: return "berth_connections_accepted_total";
    case Counter::ConnectionsRefused: return "berth_connections_refused_total";
    case Counter::ConnectionsClosedBadFrame: return "berth_connections_closed_bad_frame_total";
    case Counter::ConnectionsClosedBadHello: return "berth_connections_closed_bad_hello_total";
    case Counter::ConnectionsClosedSlowHandshake:
      return "berth_connections_closed_slow_handshake_total";
    case Counter::ConnectionsClosedSlowReader: return "berth_connections_closed_slow_reader_total";
    case Counter::ConnectionsClosedByPeer: return "berth_connections_closed_by_peer_total";
    case Counter::BytesReceived: return "berth_received_bytes_total";
    case Counter::BytesSent: return "berth_sent_bytes_total";
    case Counter::Forwarded: return "berth_forwarded_total";
    case Counter::PlansMade: return "berth_plans_total";
    case Counter::JobsSubmitted: return "berth_jobs_submitted_total";
    case Counter::JobsCompleted: return "berth_jobs_completed_total";
    case Counter::JobsFailed: return "berth_jobs_failed_total";
    case Counter::JobsAborted: return "berth_jobs_aborted_total";
    case Counter::LeasesUnclaimed: return "berth_leases_unclaimed_total";
    case Counter::HttpRequests: return "berth_http_requests_total";
    case Counter::HttpProblems: return "berth_http_problems_total";
    case Counter::kCount: break;
  }
  return "berth_unknown_total";
}

}  // namespace berth::core
