#include "core/jobs/planned_starts.h"

#include <gtest/gtest.h>

namespace berth::core {
namespace {

Promise promise(uint64_t job, WorkerNumber worker, int64_t start_s) {
  Promise one;
  one.job = {job};
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
  starts.rename({2}, {9});
  EXPECT_EQ(jobs_on(starts, 7), (std::vector<uint64_t>{9, 1}));
  starts.clear();
  EXPECT_TRUE(starts.empty());
  EXPECT_FALSE(starts.any_on(7));
}

}  // namespace
}  // namespace berth::core
