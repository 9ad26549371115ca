#include "wire/tokens.h"

#include <algorithm>
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
constexpr Text kNoPlaces[] = {"no_workers", "eliminated", "timed_out", "queue_full"};

static_assert(std::size(kPolicies) == kPolicyCount);

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
Text no_place_token(NoPlace reason) {
  return spell(kNoPlaces, reason);
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
std::optional<NoPlace> no_place_from(Text token) {
  return find<NoPlace>(kNoPlaces, token);
}

}  // namespace berth::wire
