#include "net/client/job_types.h"
#include "wire/tokens.h"

// The public enumerations are the wire's under other names, so that users never see the wire.

namespace berth::client {
namespace {

static_assert(static_cast<int>(JobState::Aborted) == static_cast<int>(wire::JobState::Aborted));
static_assert(kJobStates == wire::kJobStateCount);
static_assert(static_cast<int>(Runner::Container) == static_cast<int>(wire::Runner::Container));
static_assert(static_cast<int>(ErrorClass::Aborted) == static_cast<int>(wire::ErrorClass::Aborted));
static_assert(static_cast<int>(JobHold::Backoff) == static_cast<int>(wire::JobHold::Backoff));
static_assert(
    static_cast<int>(MemoryAdvice::AskMore) == static_cast<int>(wire::MemoryAdvice::AskMore));
static_assert(static_cast<int>(EventKind::Server) == static_cast<int>(wire::EventKind::Server));
static_assert(
    static_cast<int>(ServerChange::Draining) == static_cast<int>(wire::ServerChange::Draining));
static_assert(
    static_cast<int>(OutputStream::Stderr) == static_cast<int>(wire::OutputStream::Stderr));

}  // namespace

std::string to_text(const AssignmentId& id) {
  return std::to_string(id.job) + "." + std::to_string(id.attempt) + "." + std::to_string(id.epoch);
}

std::string_view state_token(JobState state) {
  return wire::job_state_token(static_cast<wire::JobState>(state));
}

std::string_view runner_token(Runner runner) {
  return wire::runner_token(static_cast<wire::Runner>(runner));
}

std::string_view error_class_token(ErrorClass error) {
  return wire::error_class_token(static_cast<wire::ErrorClass>(error));
}

std::string_view hold_token(JobHold hold) {
  return wire::job_hold_token(static_cast<wire::JobHold>(hold));
}

std::string_view memory_advice_token(MemoryAdvice advice) {
  return wire::memory_advice_token(static_cast<wire::MemoryAdvice>(advice));
}

std::string_view kind_token(EventKind kind) {
  return wire::event_kind_token(static_cast<wire::EventKind>(kind));
}

std::string_view server_change_token(ServerChange change) {
  return wire::server_change_token(static_cast<wire::ServerChange>(change));
}

std::optional<EventKind> kind_from(std::string_view token) {
  const std::optional<wire::EventKind> kind = wire::event_kind_from(token);
  if (!kind) return std::nullopt;
  return static_cast<EventKind>(*kind);
}

std::optional<JobState> state_from(std::string_view token) {
  const std::optional<wire::JobState> state = wire::job_state_from(token);
  if (!state) return std::nullopt;
  return static_cast<JobState>(*state);
}

std::optional<Runner> runner_from(std::string_view token) {
  const std::optional<wire::Runner> runner = wire::runner_from(token);
  if (!runner) return std::nullopt;
  return static_cast<Runner>(*runner);
}

}  // namespace berth::client
