#include "wire/tokens.h"

#include <gtest/gtest.h>

namespace berth::wire {
namespace {

template <typename Enum>
struct Spelling {
  Enum value;
  const char* token;
};

/// Each is spelled as the table says and read back, and the table has all of them.
template <typename Enum, size_t N>
void check(
    const Spelling<Enum> (&table)[N], Text (*to_token)(Enum), std::optional<Enum> (*from)(Text)) {
  for (const auto& [value, token] : table) {
    SCOPED_TRACE(token);
    EXPECT_EQ(to_token(value), token);
    EXPECT_EQ(from(token), value);
  }
  EXPECT_EQ(to_token(static_cast<Enum>(N)), "unknown");
  EXPECT_EQ(to_token(static_cast<Enum>(255)), "unknown");
  for (const Text text : {"", "unknown", "ONLINE", " fgd", "best_fit", "none "}) {
    EXPECT_FALSE(from(text).has_value()) << text;
  }
}

TEST(Tokens, EveryEnumeratorHasOneSpelling) {
  check<Role>({{Role::Client, "client"}, {Role::Agent, "agent"}}, role_token, role_from);
  check<Refusal>(
      {{Refusal::None, "none"},
       {Refusal::BadRequest, "bad_request"},
       {Refusal::NotFound, "not_found"},
       {Refusal::Conflict, "conflict"},
       {Refusal::Denied, "denied"},
       {Refusal::Busy, "busy"},
       {Refusal::LimitReached, "limit_reached"},
       {Refusal::Stale, "stale"},
       {Refusal::Unsupported, "unsupported"},
       {Refusal::ShuttingDown, "shutting_down"}},
      refusal_token,
      refusal_from);
  check<Policy>(
      {{Policy::LeastLoaded, "least-loaded"},
       {Policy::BestFit, "best-fit"},
       {Policy::Fgd, "fgd"},
       {Policy::Spread, "spread"},
       {Policy::Pack, "pack"}},
      policy_token,
      policy_from);
  check<WorkerStatus>(
      {{WorkerStatus::Online, "online"},
       {WorkerStatus::Suspicious, "suspicious"},
       {WorkerStatus::Offline, "offline"}},
      worker_status_token,
      worker_status_from);
  check<WorkerAction>(
      {{WorkerAction::Cordon, "cordon"},
       {WorkerAction::Drain, "drain"},
       {WorkerAction::Undrain, "undrain"},
       {WorkerAction::Forget, "forget"}},
      worker_action_token,
      worker_action_from);
  check<WorkerChange>(
      {{WorkerChange::Registered, "registered"},
       {WorkerChange::Online, "online"},
       {WorkerChange::Suspicious, "suspicious"},
       {WorkerChange::Offline, "offline"},
       {WorkerChange::Cordoned, "cordoned"},
       {WorkerChange::Draining, "draining"},
       {WorkerChange::Undrained, "undrained"},
       {WorkerChange::Forgotten, "forgotten"},
       {WorkerChange::Replaced, "replaced"}},
      worker_change_token,
      worker_change_from);
  check<EventKind>(
      {{EventKind::Job, "job"},
       {EventKind::Worker, "worker"},
       {EventKind::Plan, "plan"},
       {EventKind::Server, "server"}},
      event_kind_token,
      event_kind_from);
  check<ServerChange>(
      {{ServerChange::Started, "started"}, {ServerChange::Draining, "draining"}},
      server_change_token,
      server_change_from);
  check<PlanOf>(
      {{PlanOf::Requests, "requests"}, {PlanOf::Jobs, "jobs"}}, plan_of_token, plan_of_from);
  check<NoPlace>(
      {{NoPlace::NoWorkers, "no_workers"},
       {NoPlace::Eliminated, "eliminated"},
       {NoPlace::TimedOut, "timed_out"},
       {NoPlace::QueueFull, "queue_full"}},
      no_place_token,
      no_place_from);
}

TEST(Tokens, EveryEnumeratorOfJobsHasOneSpelling) {
  check<JobState>(
      {{JobState::Pending, "PENDING"},
       {JobState::Assigned, "ASSIGNED"},
       {JobState::Running, "RUNNING"},
       {JobState::Lost, "LOST"},
       {JobState::Retrying, "RETRYING"},
       {JobState::Completed, "COMPLETED"},
       {JobState::Failed, "FAILED"},
       {JobState::Aborted, "ABORTED"}},
      job_state_token,
      job_state_from);
  check<ErrorClass>(
      {{ErrorClass::None, "none"},
       {ErrorClass::Exit, "exit"},
       {ErrorClass::Signal, "signal"},
       {ErrorClass::Oom, "oom"},
       {ErrorClass::Timeout, "timeout"},
       {ErrorClass::Lost, "lost"},
       {ErrorClass::Refused, "refused"},
       {ErrorClass::Image, "image"},
       {ErrorClass::Aborted, "aborted"}},
      error_class_token,
      error_class_from);
  check<Runner>(
      {{Runner::Any, "any"},
       {Runner::Process, "process"},
       {Runner::Sandbox, "sandbox"},
       {Runner::Container, "container"}},
      runner_token,
      runner_from);
  check<JobHold>(
      {{JobHold::None, "none"},
       {JobHold::Queue, "queue"},
       {JobHold::Capacity, "capacity"},
       {JobHold::Schedule, "schedule"},
       {JobHold::Dependency, "dependency"},
       {JobHold::Backoff, "backoff"}},
      job_hold_token,
      job_hold_from);
  check<JobAction>(
      {{JobAction::Abort, "abort"}, {JobAction::Retry, "retry"}},
      job_action_token,
      job_action_from);
  check<OutputStream>(
      {{OutputStream::Stdout, "stdout"}, {OutputStream::Stderr, "stderr"}},
      output_stream_token,
      output_stream_from);
  check<ReportKind>(
      {{ReportKind::Accepted, "accepted"},
       {ReportKind::Refused, "refused"},
       {ReportKind::Started, "started"},
       {ReportKind::Alive, "alive"},
       {ReportKind::Completed, "completed"},
       {ReportKind::Failed, "failed"},
       {ReportKind::Checkpointed, "checkpointed"}},
      report_kind_token,
      report_kind_from);
  check<Verdict>(
      {{Verdict::Ok, "ok"}, {Verdict::Repeated, "repeated"}, {Verdict::Stale, "stale"}},
      verdict_token,
      verdict_from);
  check<PlanCause>(
      {{PlanCause::Pending, "pending"},
       {PlanCause::Period, "period"},
       {PlanCause::WorkerLost, "worker_lost"},
       {PlanCause::Deadline, "deadline"},
       {PlanCause::Refused, "refused"},
       {PlanCause::Freed, "freed"}},
      plan_cause_token,
      plan_cause_from);
  check<PlanObjective>(
      {{PlanObjective::Slowdown, "slowdown"},
       {PlanObjective::Deadlines, "deadlines"},
       {PlanObjective::Makespan, "makespan"},
       {PlanObjective::Workers, "workers"}},
      plan_objective_token,
      plan_objective_from);
  check<PlanOutcome>(
      {{PlanOutcome::Applied, "applied"},
       {PlanOutcome::Late, "late"},
       {PlanOutcome::Failed, "failed"},
       {PlanOutcome::Worse, "worse"},
       {PlanOutcome::Stale, "stale"}},
      plan_outcome_token,
      plan_outcome_from);
  check<PlanChange>(
      {{PlanChange::Added, "added"}, {PlanChange::Kept, "kept"}, {PlanChange::Moved, "moved"}},
      plan_change_token,
      plan_change_from);
  check<PlannedState>(
      {{PlannedState::Waiting, "waiting"},
       {PlannedState::Started, "started"},
       {PlannedState::Dropped, "dropped"}},
      planned_state_token,
      planned_state_from);
  check<PlannerState>(
      {{PlannerState::Off, "off"},
       {PlannerState::Idle, "idle"},
       {PlannerState::Working, "working"},
       {PlannerState::Bypassed, "bypassed"}},
      planner_state_token,
      planner_state_from);
}

// People type states in lower case; in mixed case it is a typing error.
TEST(Tokens, AStateIsReadInLowerCaseToo) {
  EXPECT_EQ(job_state_from("completed"), JobState::Completed);
  EXPECT_EQ(job_state_from("lost"), JobState::Lost);
  for (const Text text : {"Lost", "lOST", "lost ", "lo st", "1"}) {
    EXPECT_FALSE(job_state_from(text).has_value()) << text;
  }
}

TEST(Tokens, AnAssignmentIsWrittenAndReadBack) {
  constexpr AssignmentId kIds[] = {
      {{17}, 0x0000'0009'0000'0042, 2}, {{~uint64_t{0}}, ~uint64_t{0}, ~uint32_t{0}}, {}};
  for (const AssignmentId& id : kIds)
    EXPECT_EQ(assignment_from(assignment_text(id)), id);
  EXPECT_EQ(assignment_text({{17}, 900, 2}), "17.2.900");
}

TEST(Tokens, WhatIsNoAssignmentIsNotReadAsOne) {
  for (const Text text :
       {"",
        "17",
        "17.2",
        "17.2.",
        ".2.3",
        "17..3",
        "17.2.3.",
        "17.2.3.4",
        "17.2.3 ",
        " 17.2.3",
        "+17.2.3",
        "-1.2.3",
        "017.2.3",
        "17.2.0x3",
        "17,2,3",
        "17.4294967296.3",
        "18446744073709551616.2.3"}) {
    EXPECT_FALSE(assignment_from(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace berth::wire
