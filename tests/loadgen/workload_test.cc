#include "loadgen/workload.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace berth::loadgen {
namespace {

bool holds(const WorkerProfile& worker, uint32_t tag) {
  return std::find(worker.tags.begin(), worker.tags.end(), tag) != worker.tags.end();
}

TEST(Workload, EveryQueryMatchesExactlyTheFractionAskedFor) {
  struct Case {
    const char* name;
    WorkloadOptions options;
  };
  const Case cases[] = {
      {"the default", {}},
      {"ten thousand workers", {.workers = 10'000, .tags = 64, .tags_per_worker = 8, .match = 0.2}},
      {"a match of one in a hundred", {.workers = 997, .tags = 200, .match = 0.01}},
      {"all match", {.workers = 50, .tags = 2, .tags_per_worker = 2, .match = 1}},
      {"most match, so one pair takes all the room", {.workers = 100, .match = 0.9}},
      {"none match", {.workers = 300, .match = 0}},
      {"a fraction that rounds", {.workers = 7, .match = 0.33}},
      {"one worker", {.workers = 1, .match = 1}},
      {"an odd number of tags", {.workers = 100, .tags = 7, .tags_per_worker = 3}},
  };
  for (const Case& c : cases) {
    ASSERT_EQ(check(c.options), "") << c.name;
    Workload workload(c.options);
    auto wanted = std::lround(c.options.match * c.options.workers);
    EXPECT_EQ(workload.matching(), wanted) << c.name;
    ASSERT_FALSE(workload.queries().empty()) << c.name;
    for (const TagPair& query : workload.queries()) {
      auto matching = std::count_if(
          workload.workers().begin(), workload.workers().end(), [&](const WorkerProfile& worker) {
            return holds(worker, query.first) && holds(worker, query.second);
          });
      EXPECT_EQ(matching, wanted) << c.name << ", tags " << query.first << ", " << query.second;
    }
  }
}

TEST(Workload, NoWorkerHasMoreTagsThanAllowedNorOneTwice) {
  for (uint32_t tags_per_worker : {2u, 3u, 4u, 8u, 16u}) {
    Workload workload({.workers = 500, .tags = 32, .tags_per_worker = tags_per_worker});
    for (const WorkerProfile& worker : workload.workers()) {
      std::set<uint32_t> distinct(worker.tags.begin(), worker.tags.end());
      EXPECT_EQ(distinct.size(), worker.tags.size()) << worker.id;
      EXPECT_EQ(worker.tags.size(), tags_per_worker) << worker.id;
      EXPECT_LT(*distinct.rbegin(), 32u) << worker.id;
    }
  }
}

TEST(Workload, EachTagAloneMatchesMoreThanThePair) {
  Workload workload({.workers = 1'000, .tags = 32, .tags_per_worker = 6});
  TagPair query = workload.queries().front();
  auto holders = std::count_if(
      workload.workers().begin(), workload.workers().end(), [&](const WorkerProfile& worker) {
        return holds(worker, query.first);
      });
  EXPECT_GT(holders, static_cast<long>(workload.matching()));
}

TEST(Workload, TheSameSeedMakesTheSameAndAnotherSeedAnother) {
  WorkloadOptions options;
  Workload first(options), again(options);
  options.seed = 2;
  Workload other(options);
  size_t differing = 0;
  for (size_t i = 0; i < first.workers().size(); ++i) {
    EXPECT_EQ(first.workers()[i].id, again.workers()[i].id);
    EXPECT_EQ(first.workers()[i].tags, again.workers()[i].tags);
    EXPECT_EQ(first.workers()[i].current_tasks, again.workers()[i].current_tasks);
    EXPECT_NE(first.workers()[i].id, other.workers()[i].id);
    differing += first.workers()[i].tags != other.workers()[i].tags;
  }
  EXPECT_GT(differing, first.workers().size() / 2);
}

TEST(Workload, IdsAreDistinctAndAllOfOneWidth) {
  Workload workload({.workers = 3'000});
  std::set<std::string> ids;
  for (const WorkerProfile& worker : workload.workers()) {
    EXPECT_EQ(worker.id.size(), Workload::kWorkerIdBytes);
    EXPECT_TRUE(worker.id.starts_with(workload.id_prefix()));
    ids.insert(worker.id);
  }
  EXPECT_EQ(ids.size(), workload.workers().size());
}

TEST(Workload, OptionsThatCannotBeMetAreRefusedByName) {
  struct Case {
    const char* flag;
    WorkloadOptions options;
  };
  const Case cases[] = {
      {"--workers", {.workers = 1'000'000}},
      {"--tags", {.tags = 1}},
      {"--tags-per-worker", {.tags_per_worker = 1}},
      {"--tags-per-worker", {.tags = 4, .tags_per_worker = 5}},
      {"--match", {.match = 1.01}},
      {"--match", {.match = std::nan("")}},
      {"--slots", {.slots = 0}},
  };
  for (const Case& c : cases) {
    EXPECT_TRUE(check(c.options).starts_with(c.flag)) << c.flag << ": " << check(c.options);
  }
}

}  // namespace
}  // namespace berth::loadgen
