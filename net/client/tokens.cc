#include "wire/tokens.h"

#include <array>
#include <cstddef>

#include "net/client/client.h"

// The public enumerations are the wire's under other names, so that users never see the wire.

namespace berth::client {
namespace {

constexpr std::array<std::string_view, 10> kErrorTokens = {
    "unreachable",
    "timed_out",
    "refused",
    "cannot_be_placed",
    "workers_refused",
    "bad_argument",
    "overloaded",
    "protocol",
    "stopped",
    "checksum"};

static_assert(
    static_cast<int>(Refusal::ShuttingDown) == static_cast<int>(wire::Refusal::ShuttingDown));
static_assert(static_cast<int>(NoPlace::QueueFull) == static_cast<int>(wire::NoPlace::QueueFull));
static_assert(static_cast<int>(Policy::Pack) == static_cast<int>(wire::Policy::Pack));
static_assert(
    static_cast<int>(WorkerStatus::Offline) == static_cast<int>(wire::WorkerStatus::Offline));
static_assert(
    static_cast<int>(WorkerAction::Forget) == static_cast<int>(wire::WorkerAction::Forget));
static_assert(
    static_cast<int>(WorkerChange::Replaced) == static_cast<int>(wire::WorkerChange::Replaced));

}  // namespace

std::string_view error_token(const Error& error) {
  if (error.code == ErrorCode::Refused) {
    return wire::refusal_token(static_cast<wire::Refusal>(error.refusal));
  }
  return kErrorTokens[static_cast<size_t>(error.code)];
}

std::string_view policy_token(Policy policy) {
  return wire::policy_token(static_cast<wire::Policy>(policy));
}

std::string_view status_token(WorkerStatus status) {
  return wire::worker_status_token(static_cast<wire::WorkerStatus>(status));
}

std::string_view change_token(WorkerChange change) {
  return wire::worker_change_token(static_cast<wire::WorkerChange>(change));
}

std::string_view no_place_token(NoPlace reason) {
  return wire::no_place_token(static_cast<wire::NoPlace>(reason));
}

std::optional<Policy> policy_from(std::string_view token) {
  const std::optional<wire::Policy> policy = wire::policy_from(token);
  if (!policy) return std::nullopt;
  return static_cast<Policy>(*policy);
}

}  // namespace berth::client
