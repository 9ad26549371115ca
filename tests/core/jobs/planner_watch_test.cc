#include "core/jobs/planner_watch.h"

#include <gtest/gtest.h>

namespace berth::core {
namespace {

using wire::PlanCause;
using wire::PlannerState;

class PlannerWatches : public testing::Test {
 public:
  void after(int64_t ms) { now.mono = now.mono + Duration::milliseconds(ms); }

  PlanSettings settings;
  PlannerWatch watch{settings};
  Now now{Instant{} + Duration::seconds(100), 0};
};

TEST_F(PlannerWatches, AsksWhenEnoughWaitOrAfterAPeriodOrOnAnEvent) {
  EXPECT_EQ(watch.cause(now, 0), std::nullopt) << "nothing waits";
  EXPECT_EQ(watch.cause(now, 1), PlanCause::Period);
  const uint64_t first = watch.begin(now, 1, PlanCause::Period);
  EXPECT_TRUE(watch.expects(first));
  EXPECT_FALSE(watch.expects(first + 1));
  after(2'000);
  EXPECT_EQ(watch.cause(now, 1), std::nullopt) << "one at a time";
  watch.succeeded(now);
  EXPECT_FALSE(watch.expects(first)) << "the same answer again";
  after(200);
  EXPECT_EQ(watch.cause(now, 1), PlanCause::Period);
  (void)watch.begin(now, 1, PlanCause::Period);
  watch.succeeded(now);
  after(100);
  EXPECT_EQ(watch.cause(now, settings.pending), std::nullopt);
  EXPECT_EQ(watch.cause(now, settings.pending + 1), PlanCause::Pending);
  watch.want(PlanCause::Freed);
  watch.want(PlanCause::WorkerLost);
  watch.want(PlanCause::Refused);
  EXPECT_EQ(watch.cause(now, 1), PlanCause::WorkerLost);
}

TEST_F(PlannerWatches, LeavesAloneWhoDoesNotAnswerForLongerEachTime) {
  for (int64_t bypassed_ms : {1'000, 2'000, 4'000}) {
    EXPECT_TRUE(watch.cause(now, 1).has_value());
    (void)watch.begin(now, 1, PlanCause::Period);
    EXPECT_FALSE(watch.is_late(now));
    after(5'000);
    EXPECT_TRUE(watch.is_late(now));
    watch.failed(now, "a plan did not come in time");
    EXPECT_EQ(watch.health(now).state, PlannerState::Bypassed);
    EXPECT_EQ(watch.health(now).retry_in_ms, bypassed_ms);
    EXPECT_EQ(watch.health(now).reason, "a plan did not come in time");
    after(bypassed_ms - 1);
    EXPECT_EQ(watch.cause(now, 1'000), std::nullopt);
    after(1);
  }
  EXPECT_EQ(watch.health(now).fallbacks, 3u);
  (void)watch.begin(now, 1, PlanCause::Period);
  watch.succeeded(now);
  EXPECT_EQ(watch.health(now).state, PlannerState::Idle);
  EXPECT_EQ(watch.health(now).reason, "");
  (void)watch.begin(now, 1, PlanCause::Period);
  watch.failed(now, "again");
  EXPECT_EQ(watch.health(now).retry_in_ms, 1'000u) << "it had been well in between";
}

// A worker that refused all the time had every plan made in the 40 ms of a repair.
TEST_F(PlannerWatches, RepairsComeFirstAndPutOffNoWholePlan) {
  int repairs = 0;
  int whole = 0;
  int64_t since_whole_ms = 0;
  PlanCause before = PlanCause::Period;
  for (int64_t ms = 0; ms < 10'000; ms += 10, since_whole_ms += 10, after(10)) {
    watch.want(PlanCause::Deadline);
    watch.want(PlanCause::Refused);
    const std::optional<PlanCause> cause = watch.cause(now, 1);
    if (!cause) continue;
    (void)watch.begin(now, 1, *cause);
    watch.succeeded(now);
    if (is_repair(*cause)) {
      ++repairs;
    } else {
      EXPECT_TRUE(is_repair(before)) << "one that breaks while a plan is due does not wait for it";
      EXPECT_LE(since_whole_ms, settings.period.ms() + 100);
      since_whole_ms = 0;
      ++whole;
    }
    before = *cause;
  }
  EXPECT_GE(whole, 9);
  EXPECT_GT(repairs, 10 * whole);
}

// A queue of a million short jobs was looked through in every turn.
TEST_F(PlannerWatches, LooksOncePerPeriodAtAQueueThatIsNotWorthAPlan) {
  for (int i = 0; i < 60; ++i) {
    EXPECT_TRUE(watch.cause(now, 1'000'000).has_value());
    watch.put_off(now, 1'000'000);
    EXPECT_TRUE(watch.is_quiet(now));
    after(settings.period.ms() - 1);
    EXPECT_EQ(watch.cause(now, 2'000'000), std::nullopt) << "as short as those before";
    after(1);
    EXPECT_FALSE(watch.is_quiet(now));
  }
}

// One job that nobody could run had made it look every 16 periods, whatever else came.
TEST_F(PlannerWatches, IsQuietNoLongerWhenThereIsSomethingNewToPlan) {
  struct Case {
    const char* name;
    void (*come)(PlannerWatch&);
    PlanCause cause;
  };
  const Case cases[] = {
      {"a job that is worth it", [](PlannerWatch& one) { one.wake(); }, PlanCause::Period},
      {"a deadline", [](PlannerWatch& one) { one.want(PlanCause::Deadline); }, PlanCause::Deadline},
      {"a worker", [](PlannerWatch& one) { one.want(PlanCause::Freed); }, PlanCause::Freed},
      {"a worker is lost",
       [](PlannerWatch& one) { one.want(PlanCause::WorkerLost); },
       PlanCause::WorkerLost},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    for (int times = 0; times < 8; ++times) {
      EXPECT_TRUE(watch.cause(now, 1).has_value());
      watch.put_off(now, 1);
      after(settings.period.ms());
    }
    EXPECT_TRUE(watch.cause(now, 1).has_value());
    watch.put_off(now, 1);
    c.come(watch);
    EXPECT_EQ(watch.cause(now, 2), std::nullopt) << "others may come with it";
    after(50);
    EXPECT_EQ(watch.cause(now, 2), c.cause);
    (void)watch.begin(now, 2, c.cause);
    watch.succeeded(now);
    after(2 * settings.period.ms());
  }
}

}  // namespace
}  // namespace berth::core
