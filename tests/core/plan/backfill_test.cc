#include "core/plan/backfill.h"

#include <gtest/gtest.h>

#include "core/plan/engine/solver.h"

namespace berth::core {
namespace {

constexpr Ticks kS = kTicksPerSecond;

/// Ten slots, six of them busy for 100 s.
Problem queue_of(const std::vector<std::pair<Amount, Ticks>>& tasks) {
  Problem problem;
  problem.goal = Goal::BoundedSlowdown;
  problem.resources = {"slots"};
  problem.workers = {{"machine", {10}}};
  problem.busy = {{0, 100 * kS, {6}}};
  for (const auto& [slots, seconds] : tasks) {
    Problem::Task task;
    task.id = std::to_string(problem.tasks.size());
    task.demand = {slots};
    task.duration = seconds * kS;
    problem.tasks.push_back(task);
  }
  return problem;
}

using Started = std::vector<uint32_t>;

TEST(Backfill, StartsWhatDoesNotDelayTheFirstThatWaits) {
  struct Case {
    const char* name;
    std::vector<std::pair<Amount, Ticks>> queue;
    Started in_order;
    Started easy;
  };
  const Case cases[] = {
      {"all fit", {{2, 10}, {2, 10}}, {0, 1}, {0, 1}},
      {"the first waits, a short one goes before it", {{8, 10}, {4, 100}}, {}, {1}},
      {"one that would run too long does not", {{8, 10}, {4, 101}}, {}, {}},
      {"but beside the first it may", {{8, 10}, {2, 500}}, {}, {1}},
      {"what fits beside is given away once", {{8, 10}, {2, 500}, {2, 500}}, {}, {1}},
      {"the order counts", {{3, 10}, {8, 10}, {1, 50}}, {0}, {0, 2}},
  };
  for (const Case& one : cases) {
    const Problem problem = queue_of(one.queue);
    Started queue(problem.tasks.size());
    for (uint32_t i = 0; i < queue.size(); ++i)
      queue[i] = i;
    EXPECT_EQ(start_in_order(problem, queue), one.in_order) << one.name;
    EXPECT_EQ(start_with_backfill(problem, queue, queue), one.easy) << one.name;
  }
}

TEST(Backfill, TriesCandidatesInTheirOwnOrder) {
  const Problem problem = queue_of({{8, 10}, {3, 90}, {3, 20}});
  const Started queue = {0, 1, 2};
  EXPECT_EQ(start_with_backfill(problem, queue, queue), Started{1});
  EXPECT_EQ(start_with_backfill(problem, queue, Started{2, 1}), Started{2}) << "the shortest first";
}

TEST(BoundedSlowdown, IsPlannedAroundWhatRuns) {
  Problem problem = queue_of({{8, 1000}, {10, 20}, {4, 50}, {4, 60}});
  problem.tasks[1].waited = 500 * kS;
  const auto engine = make_engine(problem, EngineChoice::Auto, Rng(1));
  (void)engine->advance(100'000);
  ASSERT_NE(engine->best(), nullptr);
  EXPECT_EQ(schedule_fault(problem, engine->best()->tasks), "");
  EXPECT_GE(engine->best()->cost, engine->bound());
  EXPECT_EQ(engine->best()->tasks[2].start, 0) << "it fits beside what runs, and delays nobody";
  std::vector<Assigned> early = engine->best()->tasks;
  early[1].start = 50 * kS;
  EXPECT_NE(schedule_fault(problem, early), "") << "what runs already takes its room";
}

}  // namespace
}  // namespace berth::core
