#include "core/jobs/plan_history.h"

#include <gtest/gtest.h>

namespace berth::core {
namespace {

PlanRecord plan(uint64_t id, size_t jobs) {
  PlanRecord record;
  record.row.id = id;
  for (uint64_t job = 1; job <= jobs; ++job)
    record.jobs.push_back({.job = {job}});
  record.row.planned = static_cast<uint32_t>(jobs);
  return record;
}

TEST(PlanHistory, KeepsTheLastPlansWithinItsLimits) {
  struct Case {
    const char* name;
    size_t plans;
    size_t jobs_each;
    size_t kept;
  };
  const Case cases[] = {
      {"few", 3, 10, 3},
      {"more plans than it keeps", PlanHistory::kPlansMax + 5, 1, PlanHistory::kPlansMax},
      {"more jobs than it keeps", 5, PlanHistory::kJobsMax / 2, 2},
      {"the newest stays, however large", 2, PlanHistory::kJobsMax + 1, 1},
  };
  for (const Case& c : cases) {
    PlanHistory history;
    for (uint64_t id = 1; id <= c.plans; ++id)
      history.add(plan(id, c.jobs_each));
    EXPECT_EQ(history.plans().size(), c.kept) << c.name;
    EXPECT_EQ(history.plans().back().row.id, c.plans) << c.name;
    EXPECT_EQ(history.find(c.plans - c.kept), nullptr) << c.name;
    EXPECT_NE(history.find(c.plans), nullptr) << c.name;
  }
}

// A job that nobody could run had a plan made each second, and in a minute no other was kept.
TEST(PlanHistory, PlansThatPlannedNothingPushNoOthersOut) {
  PlanHistory history;
  EXPECT_TRUE(history.add(plan(1, 2)));
  EXPECT_TRUE(history.add(plan(2, 0)));
  for (uint64_t id = 3; id <= 200; ++id)
    EXPECT_FALSE(history.add(plan(id, 0)));
  PlanRecord late = plan(201, 0);
  late.row.outcome = wire::PlanOutcome::Late;
  EXPECT_TRUE(history.add(std::move(late))) << "that it did not come is worth knowing";
  EXPECT_TRUE(history.add(plan(202, 0)));
  std::vector<uint64_t> kept;
  for (const PlanRecord& one : history.plans())
    kept.push_back(one.row.id);
  EXPECT_EQ(kept, (std::vector<uint64_t>{1, 200, 201, 202}));
}

TEST(PlanHistory, SaysWhatBecameOfAJob) {
  PlanHistory history;
  history.add(plan(1, 3));
  history.add(plan(4, 2));
  history.mark(1, {3}, wire::PlannedState::Started);
  history.mark(1, {3}, wire::PlannedState::Started);
  history.mark(2, {1}, wire::PlannedState::Started);  // no such plan
  history.mark(4, {2}, wire::PlannedState::Dropped);
  EXPECT_EQ(history.find(1)->row.started, 1u);
  EXPECT_EQ(history.find(4)->row.started, 0u);
  EXPECT_EQ(history.newest_with({3})->row.id, 1u);
  EXPECT_EQ(history.newest_with({2})->row.id, 4u);
  EXPECT_EQ(history.newest_with({9}), nullptr);
}

}  // namespace
}  // namespace berth::core
