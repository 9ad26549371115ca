#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/base/time.h"
#include "core/effects.h"
#include "core/jobs/planner_watch.h"
#include "core/jobs/records.h"
#include "core/plan/job_plan.h"
#include "core/tables/tables.h"
#include "wire/messages.h"

namespace berth::core {

/// Limits and intervals of jobs; set once, before the first event.
struct JobSettings {
  uint32_t jobs_max = 4'000'000;    ///< live job records; an array's rest is one
  uint32_t finished_max = 100'000;  ///< kept after their end, the oldest go first
  Duration finished_age = Duration::seconds(7 * 24 * 3600);
  Duration accept_within = Duration::seconds(10);      ///< an assignment that is not acked
  Duration lease = Duration::seconds(30);              ///< without a word of a running task
  Duration grace_after_start = Duration::seconds(30);  ///< for leases read back from the store
  Duration offline_after = Duration::seconds(20);      ///< a worker that is gone: its jobs are LOST
  Duration cooldown_base = Duration::seconds(1);       ///< doubles with each other job that fails
  Duration cooldown_cap = Duration::seconds(300);
  uint32_t submits_kept = 1'000'000;  ///< request ids remembered
  Duration submits_age = Duration::seconds(24 * 3600);
  uint32_t events_kept = 65'536;  ///< of all kinds, for watchers that come back
  PlanSettings plan;
};

/// All job state: the state machine, the leases, who waits for what.
///
/// A group is everything between two `close_group`s. Answers and events that promise something are
/// held with their group until `on_durable`; assignments leave at once, because an agent asks again
/// (its ack) before it runs anything, and the ack is answered when it is durable.
///
/// Which edge is synced before it is acted on: a submit, an ack (ASSIGNED is stored with it), an
/// end (COMPLETED, FAILED, RETRYING with its moment, ABORTED) and whatever a client is told. What
/// is not: an assignment before its ack, `Started`, `Alive`; what of it still holds is written
/// soon.
///
/// Shape    events and the time go in; messages go out through Effects, rows through StoreBatch
/// Threads  the ledger's thread only; it claims on the shared tables like a shard
/// Memory   `jobs_max` and `finished_max` jobs, see Job
/// Errors   a request that cannot be done is answered `Refused`; nothing a peer sends is a CHECK
class JobLedger final : public StoreReader {
 public:
  /// `seed` decides the jitter of retries.
  JobLedger(Tables& tables, const JobSettings& settings, uint64_t seed);
  ~JobLedger() override;

  // Before the first event, once: what the store holds, then `start`.
  void on_start(uint64_t floor) override;
  void on_job(const JobRecord& job) override;
  void on_attempt(const AttemptRecord& attempt) override;
  void on_submit(const SubmitRecord& submit) override;
  void on_worker(const WorkerRecord& worker) override;
  void on_event(const wire::JobEvent& event) override;
  void on_experience(const ExperienceRecord& record) override;
  void start(Now now);

  /// Whether `request` is for the ledger; the same for every thread.
  static bool handles(const wire::Request& request);

  /// The one switch. Nothing of `request` is kept.
  void step(
      Now now,
      wire::ConnectionId from,
      wire::RequestId id,
      const wire::Request& request,
      Effects& effects);

  void on_closed(Now now, wire::ConnectionId connection, Effects& effects);
  void on_worker_changed(Now now, const WorkerChanged& changed, Effects& effects);
  /// Something may fit now that did not.
  void on_capacity_freed();
  /// Leases, timeouts, schedules, back-off, long polls, retention. Call every 50 ms.
  void on_tick(Now now, Effects& effects);
  /// Requests that waited for a place have got one, by the plan of this number.
  void on_planned(Now now, uint64_t plan, uint32_t placed);
  /// The server is about to stop: whoever waits for the end of jobs, for a job to run or for output
  /// is answered now, as if the time were over.
  void on_drain(Now now, Effects& effects);

  /// Ends the turn: assigns what can be assigned, bounded; then the group, which is empty when
  /// nothing is to be stored. False: there is more to assign, call again soon.
  bool end_turn(Now now, StoreBatch& group, Effects& effects);

  /// What is to be planned, when there is a reason to and no plan is under way; else null. Ask at
  /// the end of a turn.
  std::unique_ptr<JobSnapshot> take_snapshot(Now now);
  /// The planner's answer: what of it still holds is promised, and started in this turn if it can
  /// be. What has become of it; nothing: it was not asked for, or came too late, and changes
  /// nothing.
  std::optional<wire::PlanOutcome> on_plan(Now now, const JobPlan& plan);
  wire::PlannerHealth planner_health(Now now) const;

  /// The group and all before it are safe: what they promised goes out.
  void on_durable(Now now, uint64_t sequence, Effects& effects);

  /// Groups that are not durable yet.
  uint32_t groups_open() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::core
