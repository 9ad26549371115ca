#include "core/jobs/planned_starts.h"

#include <gtest/gtest.h>

namespace berth::core {
namespace {

Promise promise(uint64_t job, WorkerNumber worker, int64_t start_s) {
  Promise one;
  one.job = {job};
  one.turn = {0, 0, {job}};
  one.worker = worker;
  one.start = Instant{} + Duration::seconds(start_s);
  return one;
}

std::vector<uint64_t> jobs_on(const PlannedStarts& starts, WorkerNumber worker) {
  std::vector<uint64_t> jobs;
  for (const Promise* one : starts.on(worker))
    jobs.push_back(one->job.value);
  return jobs;
}

TEST(PlannedStarts, AreFoundByJobByWorkerAndByTime) {
  PlannedStarts starts;
  starts.add(promise(1, 7, 30));
  starts.add(promise(2, 7, 10));
  starts.add(promise(3, 5, 10));
  EXPECT_EQ(jobs_on(starts, 7), (std::vector<uint64_t>{2, 1}));
  EXPECT_EQ(starts.due(Instant{} + Duration::seconds(9)), std::vector<WorkerNumber>());
  EXPECT_EQ(starts.due(Instant{} + Duration::seconds(10)), (std::vector<WorkerNumber>{5, 7}));
  EXPECT_EQ(starts.find({3})->worker, 5u);
  EXPECT_TRUE(starts.remove({3}).has_value());
  EXPECT_FALSE(starts.remove({3}).has_value());
  EXPECT_FALSE(starts.any_on(5));
  EXPECT_EQ(starts.due(Instant{} + Duration::seconds(10)), std::vector<WorkerNumber>{7});
  starts.exchange({2}, {9});
  EXPECT_EQ(jobs_on(starts, 7), (std::vector<uint64_t>{9, 1})) << "9 had none";
  starts.exchange({1}, {9});
  EXPECT_EQ(jobs_on(starts, 7), (std::vector<uint64_t>{1, 9}));
  starts.clear();
  EXPECT_TRUE(starts.empty());
  EXPECT_FALSE(starts.any_on(7));
}

TEST(PlannedStarts, ThoseOfAnArrayAreFoundHoweverLongItIs) {
  PlannedStarts starts;
  for (uint64_t job : {9, 3, 5, 20})
    starts.add(promise(job, 7, 10));
  using Ids = std::vector<wire::JobId>;
  EXPECT_EQ(starts.among({3}, 3), (Ids{{3}, {5}}));
  EXPECT_EQ(starts.among({3}, 1'000'000), (Ids{{3}, {5}, {9}, {20}}));
  EXPECT_EQ(starts.among({4}, 16), (Ids{{5}, {9}}));
  EXPECT_EQ(starts.among({21}, ~0u), Ids());
}

TEST(PlannedStarts, TheFirstInTheQueueIsServedByAStartOfOneThatIsLikeIt) {
  PlannedStarts starts;
  struct Case {
    const char* name;
    void (*differ)(Promise&);
    uint64_t first;
  };
  const Case cases[] = {
      {"in its age alone", [](Promise&) {}, 2},
      {"a lower priority", [](Promise& one) { one.turn.priority = -1; }, 3},
      {"another class", [](Promise& one) { one.like = 8; }, 3},
      {"longer", [](Promise& one) { one.length = Duration::seconds(2); }, 3},
      {"a deadline", [](Promise& one) { one.turn.deadline_at_ms = 9; }, 3},
      {"it avoids a worker", [](Promise& one) { one.unlike = true; }, 3},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    starts.clear();
    Promise older = promise(2, 7, 30);
    c.differ(older);
    starts.add(std::move(older));
    starts.add(promise(3, 5, 10));
    EXPECT_EQ(starts.first_alike({3}).value, c.first);
    (void)starts.remove({2});
    EXPECT_EQ(starts.first_alike({3}).value, 3u);
  }
}

}  // namespace
}  // namespace berth::core
