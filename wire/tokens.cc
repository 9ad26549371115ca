#include "wire/tokens.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace berth::wire {
namespace {

// In the order of the enumerators, which is checked by tests/wire/tokens_test.cc.
constexpr Text kRoles[] = {"client", "agent"};
constexpr Text kRefusals[] = {
    "none",
    "bad_request",
    "not_found",
    "conflict",
    "denied",
    "busy",
    "limit_reached",
    "stale",
    "unsupported",
    "shutting_down"};
constexpr Text kPolicies[] = {"least-loaded", "best-fit", "fgd", "spread", "pack"};
constexpr Text kWorkerStatuses[] = {"online", "suspicious", "offline"};
constexpr Text kWorkerActions[] = {"cordon", "drain", "undrain", "forget"};
constexpr Text kWorkerChanges[] = {
    "registered",
    "online",
    "suspicious",
    "offline",
    "cordoned",
    "draining",
    "undrained",
    "forgotten",
    "replaced"};
constexpr Text kEventKinds[] = {"job", "worker", "plan", "server"};
constexpr Text kServerChanges[] = {"started", "draining"};
constexpr Text kPlanOfs[] = {"requests", "jobs"};
constexpr Text kNoPlaces[] = {"no_workers", "eliminated", "timed_out", "queue_full"};
constexpr Text kJobStates[] = {
    "PENDING", "ASSIGNED", "RUNNING", "LOST", "RETRYING", "COMPLETED", "FAILED", "ABORTED"};
constexpr Text kErrorClasses[] = {
    "none", "exit", "signal", "oom", "timeout", "lost", "refused", "image", "aborted"};
constexpr Text kRunners[] = {"any", "process", "sandbox", "container"};
constexpr Text kJobHolds[] = {"none", "queue", "capacity", "schedule", "dependency", "backoff"};
constexpr Text kMemoryAdvices[] = {"none", "ask-less", "ask-more"};
constexpr Text kJobActions[] = {"abort", "retry"};
constexpr Text kOutputStreams[] = {"stdout", "stderr"};
constexpr Text kReportKinds[] = {
    "accepted", "refused", "started", "alive", "completed", "failed", "checkpointed"};
constexpr Text kVerdicts[] = {"ok", "repeated", "stale"};
constexpr Text kPlanCauses[] = {"pending", "period", "worker_lost", "deadline", "refused", "freed"};
constexpr Text kPlanObjectives[] = {"slowdown", "deadlines", "makespan", "workers"};
constexpr Text kPlanOutcomes[] = {"applied", "late", "failed", "worse", "stale"};
constexpr Text kPlanChanges[] = {"added", "kept", "moved"};
constexpr Text kPlannedStates[] = {"waiting", "started", "dropped"};
constexpr Text kPlannerStates[] = {"off", "idle", "working", "bypassed"};

static_assert(std::size(kPolicies) == kPolicyCount);
static_assert(std::size(kJobStates) == kJobStateCount);

template <typename Enum, size_t N>
Text spell(const Text (&tokens)[N], Enum value) {
  const auto index = static_cast<size_t>(value);
  return index < N ? tokens[index] : Text("unknown");
}

template <typename Enum, size_t N>
std::optional<Enum> find(const Text (&tokens)[N], Text token) {
  const Text* at = std::find(std::begin(tokens), std::end(tokens), token);
  if (at == std::end(tokens)) return std::nullopt;
  return static_cast<Enum>(at - tokens);
}

/// Cuts a number off the front of `text`: digits alone, as `assignment_text` writes them.
template <typename Number>
bool take_number(Text& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const size_t digits = static_cast<size_t>(end - text.data());
  if (error != std::errc() || (text.front() == '0' && digits > 1)) return false;
  text.remove_prefix(digits);
  return true;
}

bool take_dot(Text& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Text role_token(Role role) {
  return spell(kRoles, role);
}
Text refusal_token(Refusal refusal) {
  return spell(kRefusals, refusal);
}
Text policy_token(Policy policy) {
  return spell(kPolicies, policy);
}
Text worker_status_token(WorkerStatus status) {
  return spell(kWorkerStatuses, status);
}
Text worker_action_token(WorkerAction action) {
  return spell(kWorkerActions, action);
}
Text worker_change_token(WorkerChange change) {
  return spell(kWorkerChanges, change);
}
Text event_kind_token(EventKind kind) {
  return spell(kEventKinds, kind);
}
Text server_change_token(ServerChange change) {
  return spell(kServerChanges, change);
}
Text plan_of_token(PlanOf of) {
  return spell(kPlanOfs, of);
}
Text no_place_token(NoPlace reason) {
  return spell(kNoPlaces, reason);
}
Text job_state_token(JobState state) {
  return spell(kJobStates, state);
}
Text error_class_token(ErrorClass kind) {
  return spell(kErrorClasses, kind);
}
Text runner_token(Runner runner) {
  return spell(kRunners, runner);
}
Text job_hold_token(JobHold hold) {
  return spell(kJobHolds, hold);
}
Text memory_advice_token(MemoryAdvice advice) {
  return spell(kMemoryAdvices, advice);
}
Text job_action_token(JobAction action) {
  return spell(kJobActions, action);
}
Text output_stream_token(OutputStream stream) {
  return spell(kOutputStreams, stream);
}
Text report_kind_token(ReportKind kind) {
  return spell(kReportKinds, kind);
}
Text verdict_token(Verdict verdict) {
  return spell(kVerdicts, verdict);
}
Text plan_cause_token(PlanCause value) {
  return spell(kPlanCauses, value);
}
Text plan_objective_token(PlanObjective value) {
  return spell(kPlanObjectives, value);
}
Text plan_outcome_token(PlanOutcome value) {
  return spell(kPlanOutcomes, value);
}
Text plan_change_token(PlanChange value) {
  return spell(kPlanChanges, value);
}
Text planned_state_token(PlannedState value) {
  return spell(kPlannedStates, value);
}
Text planner_state_token(PlannerState value) {
  return spell(kPlannerStates, value);
}

std::optional<Role> role_from(Text token) {
  return find<Role>(kRoles, token);
}
std::optional<Refusal> refusal_from(Text token) {
  return find<Refusal>(kRefusals, token);
}
std::optional<Policy> policy_from(Text token) {
  return find<Policy>(kPolicies, token);
}
std::optional<WorkerStatus> worker_status_from(Text token) {
  return find<WorkerStatus>(kWorkerStatuses, token);
}
std::optional<WorkerAction> worker_action_from(Text token) {
  return find<WorkerAction>(kWorkerActions, token);
}
std::optional<WorkerChange> worker_change_from(Text token) {
  return find<WorkerChange>(kWorkerChanges, token);
}
std::optional<EventKind> event_kind_from(Text token) {
  return find<EventKind>(kEventKinds, token);
}
std::optional<ServerChange> server_change_from(Text token) {
  return find<ServerChange>(kServerChanges, token);
}
std::optional<PlanOf> plan_of_from(Text token) {
  return find<PlanOf>(kPlanOfs, token);
}
std::optional<NoPlace> no_place_from(Text token) {
  return find<NoPlace>(kNoPlaces, token);
}
std::optional<JobState> job_state_from(Text token) {
  if (const auto state = find<JobState>(kJobStates, token)) return state;
  std::string upper(token);
  for (char& letter : upper) {
    if (letter < 'a' || letter > 'z') return std::nullopt;  // `Pending` is a typing error
    letter = static_cast<char>(letter - 'a' + 'A');
  }
  return find<JobState>(kJobStates, upper);
}
std::optional<ErrorClass> error_class_from(Text token) {
  return find<ErrorClass>(kErrorClasses, token);
}
std::optional<Runner> runner_from(Text token) {
  return find<Runner>(kRunners, token);
}
std::optional<JobHold> job_hold_from(Text token) {
  return find<JobHold>(kJobHolds, token);
}
std::optional<JobAction> job_action_from(Text token) {
  return find<JobAction>(kJobActions, token);
}
std::optional<OutputStream> output_stream_from(Text token) {
  return find<OutputStream>(kOutputStreams, token);
}
std::optional<ReportKind> report_kind_from(Text token) {
  return find<ReportKind>(kReportKinds, token);
}
std::optional<Verdict> verdict_from(Text token) {
  return find<Verdict>(kVerdicts, token);
}
std::optional<PlanCause> plan_cause_from(Text token) {
  return find<PlanCause>(kPlanCauses, token);
}
std::optional<PlanObjective> plan_objective_from(Text token) {
  return find<PlanObjective>(kPlanObjectives, token);
}
std::optional<PlanOutcome> plan_outcome_from(Text token) {
  return find<PlanOutcome>(kPlanOutcomes, token);
}
std::optional<PlanChange> plan_change_from(Text token) {
  return find<PlanChange>(kPlanChanges, token);
}
std::optional<PlannedState> planned_state_from(Text token) {
  return find<PlannedState>(kPlannedStates, token);
}
std::optional<PlannerState> planner_state_from(Text token) {
  return find<PlannerState>(kPlannerStates, token);
}

std::string assignment_text(const AssignmentId& id) {
  return std::to_string(id.job.value) + '.' + std::to_string(id.attempt) + '.' +
         std::to_string(id.epoch);
}

std::optional<AssignmentId> assignment_from(Text text) {
  AssignmentId id;
  if (!take_number(text, id.job.value) || !take_dot(text)) return std::nullopt;
  if (!take_number(text, id.attempt) || !take_dot(text)) return std::nullopt;
  if (!take_number(text, id.epoch) || !text.empty()) return std::nullopt;
  return id;
}

}  // namespace berth::wire
