#include <memory>
#include <optional>
#include <utility>

#include "tests/sim/server.h"

// The part of a server that plans jobs: what net/planner_thread.cc is, in its moods.
namespace berth::sim {

namespace {

/// What a story has time for; a search that ends early is one more mood.
constexpr uint64_t kStepsMax = 2'000;
/// The ledger waits for somewhat more than four seconds.
constexpr Duration kSoon = Duration::milliseconds(200);
constexpr Duration kLate = Duration::seconds(6);

PlanMood any_mood(core::Rng& rng) {
  const uint64_t drawn = rng.below(100);
  if (drawn < 60) return PlanMood::Soon;
  if (drawn < 75) return PlanMood::Late;
  if (drawn < 85) return PlanMood::Twice;
  if (drawn < 93) return PlanMood::Muddled;
  if (drawn < 96) return PlanMood::Never;
  return drawn < 98 ? PlanMood::Worse : PlanMood::Broken;
}

/// As a planner with a mistake in it would answer: on each other's workers, at each other's times,
/// twice, or for jobs that nobody knows.
void muddle(core::JobPlan& plan, core::Rng& rng) {
  const size_t count = plan.starts.size();
  for (size_t i = 0; i < count; ++i) {
    core::PlannedStart& one = plan.starts[i];
    const core::PlannedStart& other = plan.starts[rng.below(count)];
    switch (rng.below(5)) {
      case 0:
        one.worker = other.worker, one.row = other.row, one.generation = other.generation;
        break;
      case 1: one.start = other.start - static_cast<core::Ticks>(rng.below(5'000'000)); break;
      case 2: one.job += rng.below(3); break;
      case 3: ++one.version; break;
      default: plan.starts.push_back(core::PlannedStart(one)); break;
    }
  }
}

}  // namespace

void Server::plan_jobs() {
  std::unique_ptr<core::JobSnapshot> snapshot = life_->jobs->take_snapshot(clocks());
  if (snapshot == nullptr) return;
  const PlanMood mood = any_mood(world_.rng);
  ++plans_.moods[mood];
  if (mood == PlanMood::Never) return;
  auto plan = std::make_shared<core::JobPlan>(
      core::plan_jobs(std::move(snapshot), world_.rng.below(kStepsMax)));
  if (!plan->fault.empty()) return world_.fail("a plan broke a rule: " + plan->fault);
  if (mood == PlanMood::Worse) plan->cost = 2 * plan->greedy + 1;
  if (mood == PlanMood::Broken) plan->fault = "made on purpose";
  if (mood == PlanMood::Muddled) muddle(*plan, world_.rng);
  const Duration thinking =
      world_.between(Duration{50'000}, mood == PlanMood::Late ? kLate : kSoon);
  process_.input(thinking, [this, plan] { on_plan(*plan); });
  if (mood != PlanMood::Twice) return;
  process_.input(thinking + world_.between(Duration{0}, kSoon), [this, plan] {
    if (on_plan(*plan)) world_.fail("a plan was taken twice");
  });
}

bool Server::on_plan(const core::JobPlan& plan) {
  const std::optional<wire::PlanOutcome> outcome = life_->jobs->on_plan(clocks(), plan);
  if (outcome) {
    ++plans_.outcomes[*outcome];
  } else {
    ++plans_.ignored;
  }
  end_turn_soon();
  return outcome.has_value();
}

}  // namespace berth::sim
