#include "core/jobs/job_census.h"

#include <map>

#include "core/listing.h"
#include "tests/core/jobs/job_fixture.h"
#include "wire/tokens.h"

namespace berth::core {
namespace {

class Census : public JobFixture {
 public:
  using Numbers = std::map<std::string, double>;

  /// Those about jobs that are not 0.
  Numbers numbers() {
    Arena text;
    Numbers found;
    for (const wire::Stat& stat : list_stats(*world.tables, world.now, text).stats) {
      const bool about_jobs = stat.name.starts_with("berth_jobs_");
      if (about_jobs && stat.shard < 0 && stat.value != 0) {
        found[std::string(stat.name.substr(11))] = stat.value;
      }
    }
    return found;
  }
};

// `top` had nothing to say of jobs.
TEST_F(Census, CountsEveryElementInItsState) {
  one_worker(1);
  const wire::AssignmentId first = running({.array = 1'000});
  EXPECT_EQ(numbers(), Numbers({{"pending", 999}, {"running", 1}, {"submitted_total", 1'000}}));
  report(ReportKind::Completed, first);
  abort({501, 600}, "test");
  (void)turn();
  Numbers half = {
      {"pending", 898},
      {"assigned", 1},
      {"kept_completed", 1},
      {"kept_aborted", 100},
      {"submitted_total", 1'000},
      {"completed_total", 1},
      {"aborted_total", 100}};
  EXPECT_EQ(numbers(), half);
  retry({501, 550});
  (void)turn();
  half["pending"] = 948;
  half["kept_aborted"] = 50;
  EXPECT_EQ(numbers(), half);
}

TEST_F(Census, CountsWhatIsReadBackAndForgetsWhatIsDropped) {
  settings.finished_max = 10;
  fresh();
  world.submit(kClient, std::vector<TestJob>(50));
  abort({1, 40}, "test");
  (void)turn();
  world.restart();
  (void)turn();
  EXPECT_EQ(numbers(), Numbers({{"pending", 10}, {"kept_aborted", 40}}));
  (void)after(50);
  EXPECT_EQ(numbers()["kept_aborted"], 10);
}

TEST_F(Census, TellsHowLongTheOldestHasBeenPending) {
  one_worker(1);
  const auto oldest = [&] {
    (void)after(50);
    return numbers()["oldest_pending_seconds"];
  };
  EXPECT_EQ(oldest(), 0);
  const wire::AssignmentId first = running({});
  (void)after(10'000);
  EXPECT_EQ(oldest(), 0) << "it runs";
  world.submit(kClient, {{}});
  (void)after(10'000);
  EXPECT_NEAR(oldest(), 10, 0.2);
  report(ReportKind::Completed, first);
  (void)turn();
  EXPECT_EQ(oldest(), 0) << "it is assigned";
}

TEST_F(Census, CountsWhatPendingJobsWaitFor) {
  one_worker(1);
  const auto holds = [&] {
    (void)after(50);
    const Gauges& gauges = world.tables->counters.gauges;
    std::map<std::string, uint64_t> found;
    for (size_t hold = 0; hold < kJobHolds; ++hold) {
      const uint64_t jobs = gauges.holds[hold].load();
      if (jobs > 0) found[std::string(job_hold_token(static_cast<wire::JobHold>(hold)))] = jobs;
    }
    return found;
  };
  using Holds = std::map<std::string, uint64_t>;
  EXPECT_EQ(holds(), Holds());
  world.submit(kClient, {{.array = 100}});
  (void)turn();
  world.submit(kClient, {{.scheduled_in_ms = 3'600'000}, {.depends_on = {1}}});
  (void)turn();
  Holds all = holds();
  EXPECT_EQ(all["none"], 1u) << "it is assigned";
  EXPECT_EQ(all["capacity"], 99u) << "the rest of the array";
  EXPECT_EQ(all["schedule"], 1u);
  EXPECT_EQ(all["dependency"], 1u);
  abort({1, 102}, "test");
  (void)turn();
  EXPECT_EQ(holds(), Holds()) << "nothing waits";
}

TEST_F(Census, CountsEdgesAndAssignmentsOnce) {
  one_worker(1);
  report(ReportKind::Completed, running({}));
  (void)turn();
  const Counters& counters = world.tables->counters;
  using wire::JobState;
  EXPECT_EQ(counters.total(Counter::Assignments), 1u);
  EXPECT_EQ(counters.total(Counter::JobTransitions), 3u);
  for (const auto& [from, to] :
       {std::pair{JobState::Pending, JobState::Assigned},
        std::pair{JobState::Assigned, JobState::Running},
        std::pair{JobState::Running, JobState::Completed}}) {
    EXPECT_EQ(counters.total(Counter::JobTransitions, edge_of(from, to)), 1u);
  }
}

}  // namespace
}  // namespace berth::core
