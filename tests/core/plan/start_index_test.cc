#include "core/plan/engine/start_index.h"

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/plan/timeline.h"

namespace berth::core {
namespace {

/// Workers of 1 to 4 that are busy for a while, and tasks of few kinds.
Problem random_problem(Rng& rng, uint32_t workers, uint32_t tasks) {
  Problem problem;
  problem.resources = {"slots"};
  std::vector<uint32_t> some;
  for (uint32_t worker = 0; worker < workers; ++worker) {
    const auto slots = static_cast<Amount>(1 + rng.below(4));
    problem.workers.push_back({std::to_string(worker), {slots}});
    const auto until = static_cast<Ticks>(1 + rng.below(50));
    if (rng.below(3) != 0) problem.busy.push_back({worker, until, {slots}, 0});
    if (rng.below(2) == 0) some.push_back(worker);
  }
  const WorkerList lists[] = {{}, some};
  for (uint32_t task = 0; task < tasks; ++task) {
    Problem::Task& one = problem.tasks.emplace_back();
    one.id = std::to_string(task);
    one.demand = {static_cast<Amount>(1 + rng.below(5))};  // 5: nowhere
    one.duration = static_cast<Ticks>(1 + rng.below(60));
    one.workers = lists[rng.below(2)];
    if (rng.below(20) == 0) one.release = 7;
  }
  return problem;
}

std::vector<Timeline> timelines_of(const Problem& problem) {
  std::vector<Timeline> all;
  for (const Problem::Worker& worker : problem.workers)
    all.emplace_back(worker.capacity);
  for (const Problem::Busy& busy : problem.busy)
    all[busy.worker].take(busy.from, busy.until - busy.from, busy.demand);
  return all;
}

TEST(StartIndex, FindsTheWorkerThatAskingAllWouldFind) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    const Problem problem = random_problem(rng, StartIndex::kWorkersMin + 10, 900);
    std::vector<Timeline> timelines = timelines_of(problem);
    size_t asked = 0;
    StartIndex index(problem, [&](uint32_t task, uint32_t worker, Ticks duration) {
      ++asked;
      return timelines[worker].earliest(0, duration, problem.tasks[task].demand);
    });
    for (int round = 0; round < 2; ++round) {
      asked = 0;
      for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
        const Problem::Task& one = problem.tasks[task];
        ASSERT_EQ(index.covers(task), one.release == 0);
        if (!index.covers(task)) continue;
        Assigned best{UINT32_MAX, kNever};
        for (uint32_t worker = 0; worker < problem.workers.size(); ++worker) {
          if (problem.duration_on(task, worker) >= kNever) continue;
          const Ticks start = timelines[worker].earliest(0, one.duration, one.demand);
          if (start < best.start) best = {worker, start};
        }
        const Assigned found = index.best(task);
        ASSERT_EQ(found.start, best.start) << "seed " << seed << ", task " << task;
        if (best.start >= kNever) continue;
        ASSERT_EQ(found.worker, best.worker) << "seed " << seed << ", task " << task;
        timelines[found.worker].take(found.start, one.duration, one.demand);
      }
      EXPECT_LT(asked, problem.tasks.size() * problem.workers.size() / 4);
      timelines = timelines_of(problem);
      index.clear();
    }
  }
}

TEST(StartIndex, LeavesWhatIsFewOrTooManyKindsToWhoAsksOneByOne) {
  Rng rng(1);
  const auto never = [](uint32_t, uint32_t, Ticks) {
    return kNever;
  };
  const Problem few = random_problem(rng, StartIndex::kWorkersMin - 1, 10);
  EXPECT_FALSE(StartIndex(few, never).covers(0));
  Problem many = random_problem(rng, 20'000, 200);
  for (uint32_t task = 0; task < many.tasks.size(); ++task) {
    many.tasks[task].release = 0;
    many.tasks[task].demand = {static_cast<Amount>(task)};
  }
  const StartIndex index(many, never);
  EXPECT_TRUE(index.covers(0));
  EXPECT_FALSE(index.covers(199));
}

}  // namespace
}  // namespace berth::core
