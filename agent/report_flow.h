#pragma once

#include <deque>
#include <list>
#include <optional>
#include <string>

#include "agent/held_tasks.h"
#include "agent/job_request_ids.h"
#include "agent/job_session.h"
#include "agent/report_batch.h"

namespace berth::agent {

/// What has to be reported, and what was and is not answered yet.
///
/// Reports are made from what is true of a task when they are sent, so that one which got lost is
/// simply made again.
///
/// Shape    at most `kInFlightMax` reports under way; what happens meanwhile is gathered into
///          larger ones
/// Threads  one
/// Memory   `tasks` is borrowed for its whole life
class ReportFlow {
 public:
  static constexpr size_t kInFlightMax = 8;

  ReportFlow(HeldTasks& tasks, std::string worker, core::Duration answer_max);

  void say(core::Instant now, HeldTask& task, wire::ReportKind kind);
  /// Whatever is not known to be known: on a new connection.
  void say_all(core::Instant now);
  /// What a report said that was lost or could not be taken, as far as it still matters.
  void say_again(core::Instant now, const ReportBatch& sent);
  void say_alive(core::Instant now);

  void send(core::Instant now, JobRequestIds& ids, JobEffects& effects);
  /// The report with this id, which is answered now; none: it was before, or is not one of ours.
  std::optional<ReportBatch> take(wire::RequestId id);
  /// Makes those again that nobody has answered in time.
  void repeat_lost(core::Instant now);
  /// Nothing more is sent before: the server is busy.
  void hold(core::Instant until) { held_until_ = until; }
  /// The connection is gone, and with it every answer.
  void forget_sent() { in_flight_.clear(); }

  /// When `send` has something to do.
  std::optional<core::Instant> due() const;
  /// When the oldest unanswered report counts as lost.
  std::optional<core::Instant> lost_at() const;

 private:
  HeldTasks& tasks_;
  const std::string worker_;
  const core::Duration answer_max_;
  std::deque<wire::AssignmentId> outbox_;  ///< tasks of which something is to be said
  core::Instant outbox_due_{};             ///< while it holds something
  core::Instant held_until_{};
  std::list<ReportBatch> in_flight_;  ///< oldest first
};

}  // namespace berth::agent
