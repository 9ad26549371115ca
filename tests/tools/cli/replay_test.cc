#include "tools/cli/replay.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "core/base/rng.h"

namespace berth::cli {
namespace {

constexpr int64_t kProcessors = 16;
constexpr const char* kPolicies[] = {"fcfs", "easy", "sjbf", "greedy", "plan"};
constexpr const char* kEstimates[] = {"requested", "actual", "learned"};

/// More than fits at most times, from seconds to hours; some ask for a run time, and run longer.
std::vector<LoggedJob> random_log(uint64_t seed, size_t count) {
  core::Rng rng(seed);
  std::vector<LoggedJob> jobs;
  int64_t now_s = 0;
  for (size_t i = 0; i < count; ++i) {
    LoggedJob& job = jobs.emplace_back();
    now_s += static_cast<int64_t>(rng.below(120));
    job.id = static_cast<int64_t>(i) + 1;
    job.submit_s = now_s;
    job.run_s = 1 + static_cast<int64_t>(rng.below(rng.below(4) == 0 ? 3'000 : 60));
    job.processors = 1 + static_cast<int64_t>(rng.below(rng.below(3) == 0 ? kProcessors : 4));
    if (rng.below(3) > 0) job.requested_s = 1 + static_cast<int64_t>(rng.below(2'000));
    job.user = std::to_string(rng.below(3));
    job.program = std::to_string(rng.below(3));
  }
  std::swap(jobs.front().submit_s, jobs.back().submit_s);  // ids say nothing about time
  return jobs;
}

std::vector<int64_t> starts_of(const std::vector<LoggedJob>& jobs, const ReplaySettings& settings) {
  EXPECT_EQ(replay_fault(jobs, kProcessors, settings), "");
  return replay(jobs, kProcessors, settings, [](size_t) {});
}

/// By adding up what starts and ends, with nothing of what is tested.
int64_t most_in_use(const std::vector<LoggedJob>& jobs, const std::vector<int64_t>& starts) {
  std::map<int64_t, int64_t> changes;
  for (size_t i = 0; i < jobs.size(); ++i) {
    changes[starts[i]] += jobs[i].processors;
    changes[starts[i] + jobs[i].run_s] -= jobs[i].processors;
  }
  int64_t used = 0;
  int64_t most = 0;
  for (const auto& [at, change] : changes)
    most = std::max(most, used += change);
  return most;
}

struct Variant {
  ReplaySettings settings;
  std::string name;
};

std::vector<Variant> variants() {
  std::vector<Variant> all;
  for (int policy = 0; policy < 5; ++policy) {
    for (int estimates = 0; estimates < 3; ++estimates) {
      Variant& one = all.emplace_back();
      one.settings.policy = static_cast<ReplayPolicy>(policy);
      one.settings.estimates = static_cast<Estimates>(estimates);
      one.settings.steps = 2'000;
      one.name = std::string(kPolicies[policy]) + ", " + kEstimates[estimates];
    }
  }
  return all;
}

TEST(Replay, EveryJobStartsOnceAfterItCameAndNeverMoreThanFit) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<LoggedJob> jobs = random_log(seed, 120);
    for (const Variant& one : variants()) {
      SCOPED_TRACE(one.name + ", seed " + std::to_string(seed));
      const std::vector<int64_t> starts = starts_of(jobs, one.settings);
      ASSERT_EQ(starts.size(), jobs.size());
      for (size_t i = 0; i < jobs.size(); ++i)
        EXPECT_GE(starts[i], jobs[i].submit_s);
      EXPECT_LE(most_in_use(jobs, starts), kProcessors);
    }
  }
}

TEST(Replay, IsTheSameForTheSameSeed) {
  const std::vector<LoggedJob> jobs = random_log(7, 150);
  for (const Variant& one : variants()) {
    SCOPED_TRACE(one.name);
    EXPECT_EQ(starts_of(jobs, one.settings), starts_of(jobs, one.settings));
  }
}

TEST(Replay, AnotherSeedSearchesInAnotherWay) {
  const std::vector<LoggedJob> jobs = random_log(7, 150);
  ReplaySettings settings;
  settings.estimates = Estimates::Actual;
  settings.steps = 2'000;
  const std::vector<int64_t> starts = starts_of(jobs, settings);
  settings.seed = 2;
  EXPECT_NE(starts_of(jobs, settings), starts);
}

/// The same log up to a moment: what has not ended then runs for as long as another that has not.
std::vector<LoggedJob> with_another_future(
    const std::vector<LoggedJob>& jobs,
    const std::vector<int64_t>& starts,
    int64_t moment_s,
    core::Rng& rng) {
  std::vector<LoggedJob> changed = jobs;
  std::vector<size_t> open;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (starts[i] + jobs[i].run_s > moment_s) open.push_back(i);
  }
  for (size_t at : open) {
    const int64_t run_s = jobs[open[rng.below(open.size())]].run_s;
    const int64_t so_far_s = std::max<int64_t>(moment_s - starts[at], 0);
    changed[at].run_s = so_far_s + run_s;
  }
  return changed;
}

// Only `actual` may know them.
TEST(Replay, RunTimesOfWhatHasNotEndedChangeNothing) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    const std::vector<LoggedJob> jobs = random_log(seed, 100);
    core::Rng rng(seed);
    for (const Variant& one : variants()) {
      if (one.settings.estimates == Estimates::Actual) continue;
      SCOPED_TRACE(one.name + ", seed " + std::to_string(seed));
      const std::vector<int64_t> starts = starts_of(jobs, one.settings);
      std::vector<int64_t> moments = starts;
      std::sort(moments.begin(), moments.end());
      const int64_t moment_s = moments[moments.size() / 2];
      const std::vector<LoggedJob> other = with_another_future(jobs, starts, moment_s, rng);
      const std::vector<int64_t> others = starts_of(other, one.settings);
      for (size_t i = 0; i < jobs.size(); ++i) {
        if (std::min(starts[i], others[i]) > moment_s) continue;
        EXPECT_EQ(starts[i], others[i]) << "job " << jobs[i].id << ", moment " << moment_s;
      }
    }
  }
}

// That the test above can fail: who knows the future acts on it.
TEST(Replay, KnownRunTimesMatter) {
  const std::vector<LoggedJob> jobs = random_log(3, 100);
  for (ReplayPolicy policy : {ReplayPolicy::Sjbf, ReplayPolicy::Plan}) {
    ReplaySettings settings;
    settings.policy = policy;
    settings.estimates = Estimates::Learned;
    const std::vector<int64_t> learned = starts_of(jobs, settings);
    settings.estimates = Estimates::Actual;
    const std::vector<int64_t> known = starts_of(jobs, settings);
    EXPECT_NE(learned, known);
    EXPECT_LT(mean_bounded_slowdown(jobs, known), mean_bounded_slowdown(jobs, learned));
  }
}

TEST(Replay, PlansBeatTheServerWithoutThem) {
  double planned = 0;
  double greedy = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<LoggedJob> jobs = random_log(seed, 200);
    ReplaySettings settings;
    settings.estimates = Estimates::Actual;
    settings.steps = 5'000;
    planned += mean_bounded_slowdown(jobs, starts_of(jobs, settings));
    settings.policy = ReplayPolicy::Greedy;
    greedy += mean_bounded_slowdown(jobs, starts_of(jobs, settings));
  }
  EXPECT_LT(planned, 0.8 * greedy);
}

// A clock that begins before zero, a job of half a year, and one that nothing is known of.
TEST(Replay, OddLogsAreReplayed) {
  std::vector<LoggedJob> jobs(4);
  for (size_t i = 0; i < jobs.size(); ++i)
    jobs[i] = {static_cast<int64_t>(i) + 1, static_cast<int64_t>(i) - 1, 100, 16, 0, {}, {}, {}};
  jobs[0].run_s = jobs[0].requested_s = 180 * 24 * 3'600;
  jobs[2].requested_s = 1;
  for (const Variant& one : variants()) {
    SCOPED_TRACE(one.name);
    std::vector<int64_t> starts = starts_of(jobs, one.settings);
    std::sort(starts.begin(), starts.end());
    const int64_t end_s = jobs[0].run_s - 1;
    EXPECT_EQ(starts, (std::vector<int64_t>{-1, end_s, end_s + 100, end_s + 200}));
  }
}

TEST(Replay, WhatCannotBeReplayedSaysWhy) {
  struct Case {
    const char* name;
    ReplayPolicy policy;
    int64_t needed;
    int64_t processors;
    const char* fault;
  };
  const Case cases[] = {
      {"it fits", ReplayPolicy::Plan, 65'535, 65'535, ""},
      {"it needs too much",
       ReplayPolicy::Plan,
       17,
       16,
       "job 1 needs 17 processors, the machine has 16"},
      {"no worker is so large",
       ReplayPolicy::Plan,
       1,
       65'536,
       "the machine has 65536 processors, a worker at most 65535 slots: choose --policy fcfs, easy "
       "or sjbf"},
      {"for a rule it need not be a worker", ReplayPolicy::Easy, 1, 65'536, ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const LoggedJob job{1, 0, 10, c.needed, 0, {}, {}, {}};
    EXPECT_EQ(replay_fault({&job, 1}, c.processors, {c.policy}), c.fault);
  }
}

TEST(Replay, CenturiesAreTooLong) {
  std::vector<LoggedJob> jobs(8);
  for (size_t i = 0; i < jobs.size(); ++i)
    jobs[i] = {static_cast<int64_t>(i) + 1, 0, 1'000'000'000, 16, 0, {}, {}, {}};
  for (const Variant& one : variants()) {
    SCOPED_TRACE(one.name);
    EXPECT_TRUE(starts_of(jobs, one.settings).empty());
  }
}

}  // namespace
}  // namespace berth::cli
