#pragma once

#include <optional>
#include <string>

#include "wire/messages.h"

/// The one spelling of every enumerator, shared by logs, command line, console, JSON and metrics.
///
/// Errors   an enumerator out of range is spelled `unknown`; text that is no token gives nothing
namespace berth::wire {

Text role_token(Role role);           ///< `client`, `agent`
Text refusal_token(Refusal refusal);  ///< `none`, `bad_request`, `not_found`, …
Text policy_token(Policy policy);     ///< `least-loaded`, `best-fit`, `fgd`, `spread`, `pack`
Text worker_status_token(WorkerStatus status);  ///< `online`, `suspicious`, `offline`
Text worker_action_token(WorkerAction action);  ///< `cordon`, `drain`, `undrain`, `forget`
Text worker_change_token(WorkerChange change);  ///< `registered`, `online`, …, `replaced`
Text event_kind_token(EventKind kind);          ///< `job`, `worker`, `plan`, `server`
Text server_change_token(ServerChange change);  ///< `started`, `draining`
Text plan_of_token(PlanOf of);                  ///< `requests`, `jobs`
Text no_place_token(NoPlace reason);      ///< `no_workers`, `eliminated`, `timed_out`, `queue_full`
Text job_state_token(JobState state);     ///< `PENDING`, `ASSIGNED`, …, `ABORTED`
Text error_class_token(ErrorClass kind);  ///< `none`, `exit`, `signal`, `oom`, `timeout`, …
Text runner_token(Runner runner);         ///< `any`, `process`, `sandbox`, `container`
Text memory_advice_token(MemoryAdvice advice);   ///< `none`, `ask-less`, `ask-more`
Text job_hold_token(JobHold hold);               ///< `none`, `queue`, `capacity`, `schedule`, …
Text job_action_token(JobAction action);         ///< `abort`, `retry`
Text output_stream_token(OutputStream stream);   ///< `stdout`, `stderr`
Text report_kind_token(ReportKind kind);         ///< `accepted`, `refused`, `started`, …
Text verdict_token(Verdict verdict);             ///< `ok`, `repeated`, `stale`
Text plan_cause_token(PlanCause value);          ///< `pending`, `period`, …
Text plan_objective_token(PlanObjective value);  ///< `slowdown`, `deadlines`, …
Text plan_outcome_token(PlanOutcome value);      ///< `applied`, `late`, …
Text plan_change_token(PlanChange value);        ///< `added`, `kept`, …
Text planned_state_token(PlannedState value);    ///< `waiting`, `started`, …
Text planner_state_token(PlannerState value);    ///< `off`, `idle`, …

std::optional<Role> role_from(Text token);
std::optional<Refusal> refusal_from(Text token);
std::optional<Policy> policy_from(Text token);
std::optional<WorkerStatus> worker_status_from(Text token);
std::optional<WorkerAction> worker_action_from(Text token);
std::optional<WorkerChange> worker_change_from(Text token);
std::optional<EventKind> event_kind_from(Text token);
std::optional<ServerChange> server_change_from(Text token);
std::optional<PlanOf> plan_of_from(Text token);
std::optional<NoPlace> no_place_from(Text token);
std::optional<JobState> job_state_from(Text token);  ///< in lower case too
std::optional<ErrorClass> error_class_from(Text token);
std::optional<Runner> runner_from(Text token);
std::optional<JobHold> job_hold_from(Text token);
std::optional<JobAction> job_action_from(Text token);
std::optional<OutputStream> output_stream_from(Text token);
std::optional<ReportKind> report_kind_from(Text token);
std::optional<Verdict> verdict_from(Text token);
std::optional<PlanCause> plan_cause_from(Text token);
std::optional<PlanObjective> plan_objective_from(Text token);
std::optional<PlanOutcome> plan_outcome_from(Text token);
std::optional<PlanChange> plan_change_from(Text token);
std::optional<PlannedState> planned_state_from(Text token);
std::optional<PlannerState> planner_state_from(Text token);

std::string assignment_text(const AssignmentId& id);  ///< `JOB.ATTEMPT.EPOCH`, in decimal
std::optional<AssignmentId> assignment_from(Text text);

}  // namespace berth::wire
