#include "core/jobs/transitions.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "wire/tokens.h"

namespace berth::core {
namespace {

using wire::JobState;

constexpr Now kNow{Instant{1'000}, 5'000};

/// A job that came into this state the ordinary way.
Job job_in(JobState state, bool accepted = true) {
  Job job;
  job.id = {1};
  if (state == JobState::Pending) return job;
  edges::assign(job, kNow, {{{1}, 7, 1}, 3, 99, Instant{2'000}});
  if (accepted || state != JobState::Assigned) edges::accept(job);
  if (state == JobState::Assigned) return job;
  job.run->leased = false;  // as the ledger does with the end of every attempt
  if (state != JobState::Lost) edges::run(job, kNow);
  const edges::Ending bad{{wire::ErrorClass::Exit, 1, 0, "exit code 1"}, {}, {}};
  switch (state) {
    case JobState::Lost: edges::lose(job, kNow, "gone"); break;
    case JobState::Retrying: edges::retry_later(job, kNow, bad, Instant{3'000}); break;
    case JobState::Completed: edges::complete(job, kNow, {}); break;
    case JobState::Failed: edges::fail(job, kNow, bad); break;
    case JobState::Aborted: edges::abort(job, kNow, "enough"); break;
    default: break;
  }
  return job;
}

struct Edge {
  const char* name;
  std::set<JobState> from;
  JobState to;
  std::function<void(Job&)> take;
};

std::vector<Edge> all_edges() {
  const edges::Ending bad{{wire::ErrorClass::Signal, 0, 9, "killed"}, {}, {}};
  return {
      {"assign",
       {JobState::Pending},
       JobState::Assigned,
       [](Job& job) {
         edges::assign(job, kNow, {{{1}, 8, 2}, 3, 99, Instant{2'000}});
       }},
      {"run",
       {JobState::Assigned},
       JobState::Running,
       [](Job& job) {
         edges::run(job, kNow);
       }},
      {"complete",
       {JobState::Running},
       JobState::Completed,
       [](Job& job) {
         edges::complete(job, kNow, {});
       }},
      {"retry_later",
       {JobState::Running},
       JobState::Retrying,
       [bad](Job& job) {
         edges::retry_later(job, kNow, bad, Instant{9});
       }},
      {"fail",
       {JobState::Running},
       JobState::Failed,
       [bad](Job& job) {
         edges::fail(job, kNow, bad);
       }},
      {"checkpoint",
       {JobState::Running},
       JobState::Pending,
       [](Job& job) {
         edges::checkpoint(job, kNow, {});
       }},
      {"lose",
       {JobState::Assigned, JobState::Running},
       JobState::Lost,
       [](Job& job) {
         edges::lose(job, kNow, "gone");
       }},
      {"retry_lost",
       {JobState::Lost},
       JobState::Retrying,
       [](Job& job) {
         edges::retry_lost(job, Instant{9});
       }},
      {"fail_lost",
       {JobState::Lost},
       JobState::Failed,
       [](Job& job) {
         edges::fail_lost(job, kNow);
       }},
      {"requeue",
       {JobState::Retrying},
       JobState::Pending,
       [](Job& job) {
         edges::requeue(job, kNow);
       }},
      {"abort",
       {JobState::Pending, JobState::Assigned, JobState::Running, JobState::Retrying},
       JobState::Aborted,
       [](Job& job) {
         edges::abort(job, kNow, "enough");
       }},
      {"revive",
       {JobState::Failed, JobState::Aborted},
       JobState::Pending,
       [](Job& job) {
         edges::revive(job, kNow);
       }},
  };
}

TEST(Transitions, EveryEdgeLeadsFromItsStatesToItsState) {
  for (const Edge& edge : all_edges()) {
    for (JobState from : edge.from) {
      Job job = job_in(from);
      edge.take(job);
      EXPECT_EQ(job.state, edge.to) << edge.name << " from " << job_state_token(from);
    }
  }
}

TEST(TransitionsDeathTest, NoEdgeLeadsFromAnyOtherState) {
  GTEST_FLAG_SET(death_test_style, "fast");
  for (const Edge& edge : all_edges()) {
    for (int state = 0; state < wire::kJobStateCount; ++state) {
      const auto from = static_cast<JobState>(state);
      if (edge.from.contains(from)) continue;
      Job job = job_in(from);
      EXPECT_DEATH(edge.take(job), "CHECK failed") << edge.name << " from " << state;
    }
  }
}

TEST(Transitions, AnAssignmentThatIsHandedBackLeavesNoAttempt) {
  Job job = job_in(JobState::Assigned, false);
  edges::hand_back(job, kNow, {wire::ErrorClass::Refused, 0, 0, "no room"});
  EXPECT_EQ(job.state, JobState::Pending);
  EXPECT_TRUE(job.run->attempts.empty());
  EXPECT_EQ(job.run->attempt_count, 0u);
  EXPECT_EQ(job.run->verdict->message, "no room");
}

TEST(Transitions, AttemptsCountFromTheAckAndNotWhenCheckpointed) {
  struct Case {
    const char* name;
    JobState state;
    uint32_t count;
  };
  for (const Case& one :
       {Case{"accepted", JobState::Assigned, 1},
        Case{"running", JobState::Running, 1},
        Case{"failed", JobState::Retrying, 1},
        Case{"lost", JobState::Lost, 1}}) {
    EXPECT_EQ(job_in(one.state).run->attempt_count, one.count) << one.name;
  }
  Job job = job_in(JobState::Running);
  edges::checkpoint(job, kNow, {});
  EXPECT_EQ(job.run->attempt_count, 0u);
  EXPECT_EQ(job.run->attempts.size(), 1u);
}

TEST(Transitions, RevivingKeepsWhatWasTriedAndForgetsTheVerdict) {
  Job job = job_in(JobState::Aborted);
  edges::revive(job, kNow);
  EXPECT_EQ(job.run->attempt_count, 0u);
  EXPECT_EQ(job.run->attempts.size(), 1u);
  EXPECT_EQ(job.run->verdict, nullptr);
  EXPECT_EQ(job.run->finished_at_ms, 0);
}

TEST(Transitions, AttemptsOfAJobThatNeverEndsAreForgottenInTime) {
  Job job;
  job.id = {1};
  for (uint32_t i = 1; i <= 1'000; ++i) {
    edges::assign(job, kNow, {{{1}, i, i}, 3, 99, Instant{2'000}});
    edges::accept(job);
    edges::run(job, kNow);
    edges::checkpoint(job, kNow, {});
    job.run->leased = false;
  }
  EXPECT_LE(job.run->attempts.size(), 300u);
  EXPECT_EQ(job.run->attempts.back().id.attempt, 1'000u);
}

}  // namespace
}  // namespace berth::core
