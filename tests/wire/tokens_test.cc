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
  check<NoPlace>(
      {{NoPlace::NoWorkers, "no_workers"},
       {NoPlace::Eliminated, "eliminated"},
       {NoPlace::TimedOut, "timed_out"},
       {NoPlace::QueueFull, "queue_full"}},
      no_place_token,
      no_place_from);
}

}  // namespace
}  // namespace berth::wire
