#pragma once

#include <optional>

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
Text no_place_token(NoPlace reason);  ///< `no_workers`, `eliminated`, `timed_out`, `queue_full`

std::optional<Role> role_from(Text token);
std::optional<Refusal> refusal_from(Text token);
std::optional<Policy> policy_from(Text token);
std::optional<WorkerStatus> worker_status_from(Text token);
std::optional<WorkerAction> worker_action_from(Text token);
std::optional<WorkerChange> worker_change_from(Text token);
std::optional<NoPlace> no_place_from(Text token);

}  // namespace berth::wire
