#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "core/jobs/blame.h"
#include "core/jobs/deadlines.h"
#include "core/jobs/dependencies.h"
#include "core/jobs/dispatch_queue.h"
#include "core/jobs/experience.h"
#include "core/jobs/hold_census.h"
#include "core/jobs/job_census.h"
#include "core/jobs/job_classes.h"
#include "core/jobs/job_events.h"
#include "core/jobs/job_ledger.h"
#include "core/jobs/job_table.h"
#include "core/jobs/job_waits.h"
#include "core/jobs/log_requests.h"
#include "core/jobs/outbox.h"
#include "core/jobs/outlook.h"
#include "core/jobs/plan_history.h"
#include "core/jobs/planned_starts.h"
#include "core/jobs/planner_watch.h"
#include "core/jobs/submit_book.h"
#include "core/jobs/transitions.h"
#include "core/jobs/worker_book.h"
#include "core/placement/placement.h"

namespace berth::core {

/// What the ledger is made of. Its functions stand in files of one idea each, named here.
struct JobLedger::State {
  using JobState = wire::JobState;

  State(Tables& tables, const JobSettings& settings, uint64_t seed);

  /// One request on its way through the switch.
  struct Call {
    Now now;
    wire::ConnectionId from;
    wire::RequestId id;
    Effects& effects;
  };

  Tables& tables;
  JobSettings settings;
  ThreadCounters& counters;
  Rng rng;
  Placement placement;
  JobTable jobs;
  DispatchQueue queue;
  Deadlines deadlines;
  WorkerBook workers;
  Outbox outbox;
  JobEvents events;
  JobClasses classes;
  Dependencies dependencies;
  SubmitBook submits;
  JobWaits waits;
  LogRequests logs;
  JobCensus census;
  HoldCensus holds;
  Experience experience;
  PlanHistory plans;
  PlannerWatch planner;
  PlannedStarts promises;

  uint64_t next_job = 1;
  uint64_t next_epoch = 0;

  // ---- job_ledger.cc: what every part uses ----

  static wire::JobEvent event_of(Now now, wire::EventKind kind) {
    wire::JobEvent event;
    event.at_ms = now.wall_ms;
    event.kind = kind;
    return event;
  }

  void reply(const Call& call, const wire::Reply& message) {
    outbox.send(call.from, call.id, message);
  }
  void refuse(const Call& call, wire::Refusal code, std::string_view message) {
    reply(call, wire::Refused{code, outbox.text().keep(message)});
  }

  // ---- forecasts.cc: what jobs will take, as those before them did ----

  /// Of the kind of the worker that it was last assigned to; 0: none yet, or not known.
  uint64_t worker_kind(const Job& job) const;
  /// Kinds are told apart by what a worker has, so that a fleet of equal machines is one.
  void note_kind(WorkerEntry& worker, WorkerIndex row, uint32_t generation);
  /// The whole of a run, from its start; corrected while it outlives what was expected. Not
  /// `known`: nothing is known, not even of other jobs.
  Forecast expected_run(Now now, const Job& job);
  /// The median of that, for those who ask of thousands; 0: nothing is known.
  double expected_median(Now now, const Job& job);
  Belief believed_run(const Job& job);
  /// 0: it does not run.
  static double ran_for_s(Now now, const Job& job);
  /// What is left of a run that goes on, all of it for any other job: the middle of what is
  /// expected, and kUnknownRun when nothing is.
  Duration expected_duration(Now now, const Job& job);
  static constexpr Duration kUnknownRun = Duration::seconds(60);
  void learn_from(const Job& job, const edges::Ending& ending);
  /// Run time and memory of a job that has not ended.
  wire::JobForecast forecast_of(Now now, const Job& job, const wire::JobSpec& spec);

  // ---- starts.cc: when those that wait will start ----

  Outlook outlook;
  Instant outlook_due;
  void look_ahead(Now now);
  void sample_running(Now now);
  void sample_waiting(Now now);
  /// `element`: of an array whose elements wait together, the one that is asked about.
  void add_start(Now now, const Job& job, wire::JobId element, wire::JobForecast& forecast);

  /// What was learned, to the store: a bounded part, every few seconds.
  void save_experience(Now now);
  Instant experience_due;

  // ---- rows.cc: what is written at the end of a turn ----

  std::vector<Job*> touched;                         ///< their rows
  absl::btree_map<uint64_t, Job*> rests_moved;       ///< by the id that the store knows
  absl::flat_hash_map<Job*, uint64_t> moved_before;  ///< the way back
  absl::flat_hash_set<uint64_t> new_arrays;          ///< their first record brings the spec
  void touch(Job& job);
  void touch_attempt(Job& job);
  /// Before the elements of a rest become fewer.
  void note_rest(Job& rest);
  void write_rows(Now now);
  JobProgress progress_of(Now now, const Job& job, Arena& text) const;
  /// It leaves the table, and the store.
  void drop(Job& job);

  // ---- lifecycle.cc: an edge and what follows from it ----

  void tell(
      Now now,
      Job& job,
      wire::ErrorClass error = wire::ErrorClass::None,
      std::string_view reason = {});
  JobTurn turn_of(const Job& job) const { return {job.priority, job.deadline_at_ms, job.id}; }
  /// Into the queue, if nothing holds it back; else a deadline for what can be waited for.
  void enqueue(Now now, Job& job);
  void enqueue(Now now, Job& job, const wire::JobSpec& spec);
  void dequeue(Job& job);
  void tell_planner(Now now, const Job& job);
  /// The worker has said yes: ASSIGNED stays, but as more than a wish.
  void accept(Now now, Job& job);
  void run(Now now, Job& job);
  void complete(Now now, Job& job, const edges::Ending& ending);
  void checkpoint(Now now, Job& job, const edges::Ending& ending);
  void fail_attempt(Now now, Job& job, edges::Ending ending);
  void lose(Now now, Job& job, std::string_view why);
  void hand_back(Now now, Job& job, const wire::JobError& why);
  void abort(Now now, Job& job, std::string_view reason);
  /// False: something it depends on never will complete.
  bool revive(Now now, Job& job);
  /// Gives back what the lease holds. The job may go on waiting for just that.
  void end_lease(Now now, Job& job);
  void ask_to_stop(Now now, Job& job, std::string_view reason);
  Duration back_off(const wire::JobSpec& spec, uint32_t failures);
  void ended(Now now, Job& job);
  bool released = false;  ///< capacity was given back in this turn

  // ---- dependants.cc ----

  struct Resolved {
    wire::JobId job;
    wire::JobId on;
    JobState how;  ///< COMPLETED, or what it became instead
  };
  std::deque<Resolved> resolved;
  /// What became of the job, or array, that another depends on; PENDING: nothing yet. Null: it is
  /// not known.
  std::optional<JobState> outcome_of(wire::JobId on);
  /// Counts what the job depends on and has not completed. False: something of it never will.
  bool hold_back(Now now, Job& job, const wire::JobSpec& spec);
  void forget_dependencies(Job& job);
  void tell_dependants(const Job& job);
  /// Those that depended on what ended, at most `limit` of them. True: there are more.
  bool settle_dependants(Now now, size_t limit);

  // ---- submit.cc ----

  void on(const Call& call, const wire::SubmitJobs& submit);
  wire::SpecEncoder spec_encoder;
  bool may_submit(const Call& call, const wire::SubmitJobs& submit);
  void repeat(const Call& call, const wire::SubmitJobs& submit, const SubmitBook::Submit& known);
  bool asks_the_same(const wire::SubmitJobs& submit, const SubmitBook::Submit& known);
  Job& admit(Now now, std::span<const std::byte> bytes, const SubmitBook::Jobs& before);

  // ---- dispatch.cc ----

  bool freed = true;         ///< something may fit that did not
  bool dispatching = false;  ///< not all that are not blocked have been tried yet
  struct Away {
    WorkerNumber worker;
    Instant until;
  };
  std::vector<Away> away;  ///< chosen lately, though nobody speaks for them
  std::vector<WorkerNumber> assigned_to;
  Query narrowed;
  Held held;
  bool dispatch(Now now, Effects& effects);
  bool find_place(Now now, Job& job, JobClass like, Effects& effects);
  bool hold_ready(
      Now now, const Job& job, const Query& query, std::string_view task, Effects& effects);
  void assign(Now now, Job& job);
  void send_assignments(Effects& effects);
  void publish_blocked();
  void keep_away(Now now, WorkerNumber worker, Effects& effects);
  void welcome_back(Now now, WorkerEntry& worker, Effects& effects);

  // ---- sessions.cc: workers that come, ask, and go ----

  void on(const Call& call, const wire::AttachWorker& attach);
  void on(const Call& call, const wire::NextJobs& next);
  void worker_changed(Now now, const WorkerChanged& changed, Effects& effects);
  void connection_closed(Now now, wire::ConnectionId connection, Effects& effects);
  void lose_all(Now now, WorkerNumber worker, std::string_view why);
  std::vector<Job*> leases_of(WorkerNumber worker);
  void claim_leases(Now now, WorkerNumber worker);
  void answer_poll(WorkerNumber worker, Effects& effects);
  void give_up_waiting_for(WorkerNumber worker);
  std::span<const uint8_t> reconcile(
      Now now, WorkerNumber worker, std::span<const wire::AssignmentId> running);
  void renew(Now now, Job& job);
  Duration lease_of(const Job& job) const;
  Duration offline_after(const WorkerEntry& worker) const;
  void let_go(Now now, Job& job, std::string_view why);
  void save_worker(WorkerNumber worker, Now now);
  Blame blame;
  void count_failure(Now now, const Job& job, wire::ErrorClass kind, Effects& effects);
  void count_refusal(Now now, const Job& job, Effects& effects);

  // ---- reports.cc ----

  void on(const Call& call, const wire::Report& report);
  wire::Verdict take(const Call& call, WorkerNumber by, const wire::ReportItem& item);
  wire::Verdict take_current(const Call& call, Job& job, const wire::ReportItem& item);
  wire::Verdict take_late(const Call& call, Job& job, const wire::ReportItem& item);

  // ---- change.cc ----

  struct Sweep {
    wire::ConnectionId from;
    wire::RequestId id;
    wire::JobAction action = wire::JobAction::Abort;
    std::vector<wire::JobRange> ranges;  ///< what is left, the lowest at the end
    std::string reason;
    wire::JobsChanged result;
    uint64_t unknown = 0;
  };
  std::deque<Sweep> sweeps;
  void on(const Call& call, const wire::ChangeJobs& change);
  /// A bounded part of what is to be changed. True: there is more.
  bool sweep(Now now, size_t limit);
  void sweep_range(Now now, Sweep& sweep, wire::JobRange& range);
  bool change(Now now, Job& job, const Sweep& sweep);
  Job& split(Now now, Job& rest, wire::JobId at);
  Job& cut(Now now, Job& job, wire::JobRange range);

  // ---- queries.cc ----

  void on(const Call& call, const wire::ListJobs& list);
  void on(const Call& call, const wire::ShowJob& show);
  void on(const Call& call, const wire::ExplainJob& explain);
  void on(const Call& call, const wire::Watch& watch);
  void on(const Call& call, const wire::WatchJobs& watch);
  void on(const Call& call, const wire::BackUp&) {
    refuse(call, wire::Refusal::Unsupported, "this ledger has no file to copy");
  }
  uint32_t looks_left = 0;  ///< of `row_of`, at workers, in this answer
  wire::JobRow row_of(Now now, const Job& job, const wire::JobSpec& spec);
  bool matches(const Job& job, const wire::ListJobs& list, WorkerNumber worker);
  wire::AttemptRow attempt_row(const Attempt& attempt);
  void explain_pending(Now now, const Job& job, wire::JobExplanation& why);
  wire::JobHold hold_of(Now now, const Job& job) const;

  // ---- plan_queries.cc ----

  void on(const Call& call, const wire::ListPlans& list);
  void on(const Call& call, const wire::GetPlan& get);
  wire::PlanRow row_of(const PlanRecord& plan);
  wire::PlannedJob row_of(const PlanRecord& plan, const PlannedRow& row);
  const char* why_unplanned(Now now, const Job& job);
  std::string no_such_plan(Now now, const wire::GetPlan& get);

  // ---- plan_snapshot.cc: what the planner is asked ----

  std::optional<wire::PlanCause> plan_cause;
  std::vector<uint32_t> host_of;  ///< of each worker its place in the last snapshot
  bool wants_plan(Now now);
  Duration length_to_plan(Now now, const Job& job);
  Duration budget_for(wire::PlanCause cause) const;
  std::unique_ptr<JobSnapshot> take_snapshot(Now now);
  void add_hosts(JobSnapshot& snapshot);
  /// Of one snapshot: where in it the queries of the classes are.
  struct Queries {
    static constexpr uint32_t kLeftOut = ~0u;  ///< no worker could run them, or they spread
    absl::flat_hash_map<JobClass, uint32_t> of;
    bool leaves_out(JobClass like) const {
      const auto found = of.find(like);
      return found != of.end() && found->second == kLeftOut;
    }
    uint32_t looks = 8;  ///< at workers, whether any could run a class
  };
  void add_waiting(Now now, JobSnapshot& snapshot);
  void add_waiting(
      Now now,
      std::span<const std::pair<JobClass, JobTurn>> some,
      Queries& queries,
      JobSnapshot& snapshot);
  void add_waiting(
      Now now, const Job& job, uint32_t at, uint32_t query, Ticks length, JobSnapshot& snapshot);
  uint32_t query_for(Now now, const Job& job, Queries& queries, JobSnapshot& snapshot);
  void add_query(const Query& query, JobSnapshot& snapshot);
  void add_holding(Now now, JobSnapshot& snapshot);
  void add_holding(
      Now now, std::span<const std::pair<const Job*, uint32_t>> some, JobSnapshot& snapshot);
  std::vector<std::pair<uint64_t, Job*>> leases_of_one;
  std::span<const std::pair<uint64_t, Job*>> sorted_leases(WorkerNumber worker);

  // ---- plans.cc: what becomes of its answer ----

  uint64_t standing_plan = 0;  ///< whose promises stand; 0: none
  uint32_t standing_jobs = 0;
  JobPlan asked_for;  ///< of the last snapshot; its row in the history if nothing else ever comes
  static uint64_t version_of(const Job& job);
  std::optional<wire::PlanOutcome> on_plan(Now now, const JobPlan& plan);
  bool still_holds(const PlannedStart& start);
  static bool avoids_workers(const Job& job);
  void promise(Instant taken, const PlannedStart& start, uint64_t plan);
  void drop_promises();
  wire::PlanOutcome fall_back(
      Now now, const JobPlan& plan, wire::PlanOutcome outcome, const std::string& why);
  void check_planner(Now now);
  void keep(Now now, const JobPlan& plan, wire::PlanOutcome outcome, const std::string& note);
  void tell_plan(Now now, const wire::PlanRow& row, const std::string& note);

  // ---- plan_enact.cc: keeping what a plan has promised ----

  std::vector<WorkerNumber> freed_workers;  ///< since their promises were looked at
  bool plan_changed = false;                ///< all workers' promises are to be looked at
  Instant promises_looked_at;
  bool keeps_promises(
      Now now, WorkerNumber number, const NodeDemand& demand, Duration length, JobTurn turn);
  bool outranks(JobTurn one, JobTurn other) const;
  bool goes_before(JobTurn turn, const Promise& promise) const;
  struct DuePromise {
    JobTurn turn;
    wire::JobId job;
    WorkerNumber worker;
  };
  std::vector<DuePromise> due_promises(Now now);
  Job* first_to_serve(wire::JobId id);
  bool keep_promise(Now now, wire::JobId id);
  void end_promise(wire::JobId id, WorkerNumber assigned_to_worker);
  void free_promises(const Job& job);
  void drop_promises_on(WorkerNumber worker, wire::PlanCause cause);

  // ---- long_polls.cc ----

  void on(const Call& call, const wire::WaitJobs& wait);
  /// A bounded part of what waits have to know. True: there is more.
  bool count_waits(Now now, size_t limit);
  void on_counted(Now now, uint64_t wait);
  void end_wait(uint64_t wait, const wire::Reply& answer);
  void on(const Call& call, const wire::ReadLog& read);
  void on(const Call& call, const wire::LogPiece& piece);
  void refuse_logs_of(WorkerNumber worker, Effects& effects);

  /// Everything that is not for the ledger.
  template <typename Other>
  void on(const Call& call, const Other&) {
    refuse(call, wire::Refusal::Unsupported, "the ledger answers requests about jobs alone");
  }

  // ---- timers.cc ----

  std::vector<Deadlines::Due> due;
  struct Finished {
    int64_t at_ms;
    wire::JobId job;
  };
  std::deque<Finished> finished;  ///< oldest first; some may live again
  size_t finished_count = 0;
  void on_due(Now now, const Deadlines::Due& one, Effects& effects);
  void on_lease_over(Now now, Job& job);
  void on_timeout(Now now, Job& job);
  void retire(Now now);
  struct StartedRow {
    Instant due;
    wire::AssignmentId assignment;
  };
  std::deque<StartedRow> started;  ///< whose rows do not say so yet, the earliest first
  void write_started(Now now);

  // ---- restore.cc ----

  void restore(const JobRecord& record);
  void restore(const AttemptRecord& record);
  void resume(Now now);
  void resume(Now now, Job& job);
  void resume_lease(Now now, Job& job);
  absl::flat_hash_map<uint64_t, SpecRef> array_specs;  ///< until `start`
};

}  // namespace berth::core
