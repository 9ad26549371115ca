#include "tools/cli/live_problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/cli/live_plan.h"

namespace berth::cli {
namespace {

using core::kAmountUnit;
using core::kTicksPerSecond;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kNow_ms = 1'000'000;

client::Worker worker(std::string id, int64_t cpu_milli) {
  client::Worker worker;
  worker.id = std::move(id);
  worker.capacity.slots = worker.free.slots = 10;
  worker.capacity.cpu_milli = worker.free.cpu_milli = cpu_milli;
  return worker;
}

client::JobDetails job(client::JobId id, int64_t cpu_milli, int64_t estimated_ms = 5'000) {
  client::JobDetails job;
  job.job.id = id;
  job.job.submitted_at_ms = kNow_ms - 2'000;
  job.spec.demand.cpu_milli = cpu_milli;
  job.spec.estimated = client::Milliseconds(estimated_ms);
  return job;
}

LiveView two_workers() {
  LiveView view;
  view.now_ms = kNow_ms;
  view.workers = {worker("a", 4'000), worker("b", 2'000)};
  return view;
}

constexpr size_t kCpu = 1;  // among the resources

TEST(LiveProblem, PendingJobsAreTasksWithTheirTimes) {
  LiveView view = two_workers();
  view.pending = {job(7, 3'000), job(8, 1'000, 0)};
  view.pending[0].spec.scheduled_at_ms = kNow_ms + 4'000;
  view.pending[1].spec.deadline_at_ms = kNow_ms + 9'000;
  view.pending[1].spec.depends_on = {7};
  view.pending[1].spec.priority = 2;
  const LiveProblem live = live_problem(view, {}, {});
  ASSERT_EQ(live.problem.tasks.size(), 2u);
  const core::Problem::Task& first = live.problem.tasks[0];
  EXPECT_EQ(first.id, "7");
  EXPECT_EQ(first.release, 4 * kTicksPerSecond);
  EXPECT_EQ(first.duration, 5 * kTicksPerSecond);
  EXPECT_EQ(first.waited, 2 * kTicksPerSecond);
  EXPECT_THAT(first.workers.all(), ElementsAre(0)) << "b has two cores";
  const core::Problem::Task& second = live.problem.tasks[1];
  EXPECT_EQ(second.deadline, 9 * kTicksPerSecond);
  EXPECT_EQ(second.duration, 60 * kTicksPerSecond) << "assumed";
  EXPECT_EQ(second.weight, 4);
  EXPECT_THAT(second.after, ElementsAre(0));
  EXPECT_EQ(live.assumed, 1u);
  EXPECT_EQ(live.problem.goal, core::Goal::WeightedTardiness);
  EXPECT_EQ(core::problem_fault(live.problem), "");
}

TEST(LiveProblem, WhatRunsStaysForAsLongAsItHasLeft) {
  LiveView view = two_workers();
  view.workers[0].free.cpu_milli = 500;  // 3 for the job, and half a core for somebody else
  view.running = {job(5, 3'000)};
  view.running[0].job.worker = "a";
  view.running[0].job.started_at_ms = kNow_ms - 2'000;
  view.pending = {job(7, 1'000)};
  view.pending[0].spec.depends_on = {5};
  const LiveProblem live = live_problem(view, {}, {});
  ASSERT_EQ(live.problem.busy.size(), 1u);
  EXPECT_EQ(live.problem.busy[0].until, 3 * kTicksPerSecond);
  EXPECT_EQ(live.problem.workers[0].capacity[kCpu], 7 * kAmountUnit / 2);
  EXPECT_EQ(live.problem.tasks[0].release, 3 * kTicksPerSecond) << "it waits for the one that runs";
  view.running[0].job.started_at_ms = kNow_ms - 60'000;
  EXPECT_EQ(live_problem(view, {}, {}).problem.busy[0].until, kTicksPerSecond)
      << "beyond its estimate it ends any moment";
}

TEST(LiveProblem, WorkersThatTakeNoJobsAreNotAllowed) {
  LiveView view = two_workers();
  view.workers.push_back(worker("c", 2'000));
  view.workers.push_back(worker("d", 2'000));
  view.workers[1].cordoned = true;
  view.workers[2].status = client::WorkerStatus::Offline;
  view.workers[3].draining = true;
  view.pending = {job(7, 1'000)};
  EXPECT_THAT(live_problem(view, {}, {}).problem.tasks[0].workers.all(), ElementsAre(0));
}

TEST(LiveProblem, WhatNobodyCanRunIsLeftOutWithAllThatWaitsForIt) {
  LiveView view = two_workers();
  view.pending = {job(7, 5'000), job(8, 1'000), job(9, 1'000)};
  view.pending[1].spec.depends_on = {7};
  view.pending[2].spec.all_tags = {"gpu"};
  const LiveProblem live = live_problem(view, {}, {});
  EXPECT_THAT(live.problem.tasks, IsEmpty());
  ASSERT_EQ(live.left_out.size(), 3u);
  EXPECT_EQ(live.left_out[0].why, "no worker that takes jobs could ever run it");
  EXPECT_EQ(live.left_out[1].why, "it waits for job 7, which cannot run");
  EXPECT_EQ(live.left_out[2].job, "9");
}

TEST(LiveProblem, SupposedDrainsCopiesAndJobsChangeIt) {
  LiveView view = two_workers();
  view.workers[1].free.cpu_milli = 0;
  view.pending = {job(7, 2'000)};
  Supposed supposed;
  supposed.drained = {"a"};
  supposed.added = {{2, "b"}};
  supposed.jobs = {job(0, 1'000).spec};
  const LiveProblem live = live_problem(view, supposed, {});
  ASSERT_EQ(live.problem.workers.size(), 4u);
  EXPECT_EQ(live.problem.workers[2].id, "b+1");
  EXPECT_EQ(live.problem.workers[2].capacity[kCpu], 2 * kAmountUnit) << "copies are free";
  ASSERT_EQ(live.problem.tasks.size(), 2u);
  EXPECT_THAT(live.problem.tasks[0].workers.all(), ElementsAre(2, 3));
  EXPECT_EQ(live.problem.tasks[1].id, "new-1");
}

/// The ids of the tasks by their starts.
std::vector<std::string> turns(const LiveView& view, const Supposed& supposed = {}) {
  const LiveProblem live = live_problem(view, supposed, {});
  const LivePlan plan = plan_live(live, {.budget = client::Milliseconds(100)});
  std::vector<std::pair<core::Ticks, std::string>> order;
  for (size_t i = 0; i < plan.tasks.size(); ++i)
    order.emplace_back(plan.tasks[i].start, live.problem.tasks[i].id);
  std::ranges::sort(order);
  std::vector<std::string> ids;
  for (const auto& [start, id] : order)
    ids.push_back(id);
  return ids;
}

// A deadline anywhere made lateness all that counted: whoever had none was planned as if its
// priority meant nothing, and the server did otherwise.
TEST(LivePlan, NobodyWaitsForALowerPriorityOrALaterDeadline) {
  LiveView view = two_workers();
  view.workers.pop_back();
  view.pending = {job(1, 4'000), job(2, 4'000), job(3, 4'000), job(4, 4'000), job(5, 4'000, 1)};
  view.pending[2].spec.priority = 9;
  view.pending[3].spec.deadline_at_ms = kNow_ms + 3'600'000;
  EXPECT_THAT(turns(view), ElementsAre("3", "4", "5", "1", "2")) << "age alone is traded";
  view.pending[4].spec.priority = -1;
  EXPECT_THAT(turns(view), ElementsAre("3", "4", "1", "2", "5")) << "however short it is";
  Supposed supposed;
  supposed.jobs = {job(0, 4'000).spec, job(0, 4'000).spec};
  supposed.jobs[0].priority = 20;
  supposed.jobs[1].deadline_at_ms = kNow_ms + 60'000;
  EXPECT_THAT(turns(view, supposed), ElementsAre("new-1", "3", "new-2", "4", "1", "2", "5"));
}

TEST(LivePlan, WhoIsAfterALowerPriorityWaitsForItAndForNobodyElse) {
  LiveView view = two_workers();
  view.workers.pop_back();
  view.pending = {job(1, 4'000), job(2, 4'000), job(3, 4'000), job(4, 4'000)};
  view.pending[1].spec.priority = 5;
  view.pending[2].spec.priority = 9;
  view.pending[2].spec.depends_on = {1};
  view.pending[3].spec.priority = -1;
  EXPECT_THAT(turns(view), ElementsAre("2", "1", "3", "4"));
}

// A search may have those that are alike in any order.
TEST(LivePlan, ThoseThatAreAlikeStartByAge) {
  LiveView view = two_workers();
  for (client::JobId id = 1; id <= 12; ++id)
    view.pending.push_back(job(id, id % 3 == 0 ? 2'000 : 4'000, id % 3 == 0 ? 1'000 : 5'000));
  const LiveProblem live = live_problem(view, {}, {});
  const LivePlan plan = plan_live(live, {.budget = client::Milliseconds(100)});
  for (size_t kind = 0; kind < 3; ++kind) {
    for (size_t i = kind; i + 3 < plan.tasks.size(); i += 3)
      EXPECT_LE(plan.tasks[i].start, plan.tasks[i + 3].start) << live.problem.tasks[i].id;
  }
}

// Only the fields of a supposed job were looked at: an array was one job, and nobody waited.
TEST(LiveProblem, SupposedJobsAreAllOfTheirArrayAndWaitForEachOther) {
  LiveView view = two_workers();
  view.failed = {3};
  view.running = {job(5, 1'000)};
  view.running[0].job.worker = "a";
  view.running[0].job.started_at_ms = kNow_ms;
  Supposed supposed;
  supposed.jobs.assign(4, job(0, 1'000).spec);
  supposed.jobs[0].array = client::ArrayIndexes{5, 7};
  supposed.jobs[1].depends_on_items = {0};
  supposed.jobs[1].depends_on = {5, 2};  // 2 has completed
  supposed.jobs[2].depends_on = {3};
  supposed.jobs[3].depends_on_items = {1, 2};
  const LiveProblem live = live_problem(view, supposed, {});
  ASSERT_EQ(live.problem.tasks.size(), 4u);
  EXPECT_EQ(live.problem.tasks[3].id, "new-4");
  EXPECT_THAT(live.problem.tasks[2].after, IsEmpty());
  EXPECT_THAT(live.problem.tasks[3].after, ElementsAre(0, 1, 2)) << "all of the array";
  EXPECT_EQ(live.problem.tasks[3].release, 5 * kTicksPerSecond) << "5 runs for so long";
  ASSERT_EQ(live.left_out.size(), 2u);
  EXPECT_EQ(live.left_out[0].why, "it waits for job 3, which did not complete");
  EXPECT_EQ(live.left_out[1].why, "it waits for job new-5, which cannot run");
  EXPECT_EQ(core::problem_fault(live.problem), "");
}

TEST(LiveProblem, WhoWaitsForAnArrayWaitsForAllOfItThatIsLeft) {
  LiveView view = two_workers();
  for (client::JobId id = 7; id < 10; ++id) {
    view.pending.push_back(job(id, 1'000));
    view.pending.back().job.is_array = true;
    view.pending.back().job.array_index = static_cast<uint32_t>(id - 3);
    view.pending.back().spec.array = client::ArrayIndexes{4, 6};
  }
  view.running = {view.pending[1]};
  view.running[0].job.worker = "a";
  view.running[0].job.started_at_ms = kNow_ms;
  view.pending.erase(view.pending.begin() + 1);
  view.pending.push_back(job(11, 1'000));
  view.pending[2].spec.depends_on = {7};
  view.pending.push_back(job(12, 1'000));
  view.pending[3].spec.depends_on = {9};
  const LiveProblem live = live_problem(view, {}, {});
  ASSERT_EQ(live.problem.tasks.size(), 4u);
  EXPECT_THAT(live.problem.tasks[2].after, ElementsAre(0, 1));
  EXPECT_EQ(live.problem.tasks[2].release, 5 * kTicksPerSecond) << "8 runs";
  EXPECT_THAT(live.problem.tasks[3].after, ElementsAre(1)) << "one of them is one job";
  EXPECT_EQ(live.problem.tasks[3].release, 0);
}

TEST(LiveProblem, AWorkerSuitsByTagsLabelsAndDevices) {
  client::Worker w = worker("w", 1'000);
  w.tags = {"gpu", "ssd"};
  w.labels = {{"zone", "a"}};
  w.gpus = {{"A100", 1000}, {"T4", 1000}};
  struct Case {
    const char* name;
    void (*ask)(client::JobSpec&);
    bool suits;
  };
  const Case cases[] = {
      {"nothing", [](client::JobSpec&) {}, true},
      {"a tag", [](client::JobSpec& j) { j.all_tags = {"gpu"}; }, true},
      {"no such tag",
       [](client::JobSpec& j) {
         j.all_tags = {"gpu", "tpu"};
       },
       false},
      {"one of a group",
       [](client::JobSpec& j) {
         j.any_tags = {{"tpu", "ssd"}};
       },
       true},
      {"none of a group",
       [](client::JobSpec& j) {
         j.any_tags = {{"ssd"}, {"tpu"}};
       },
       false},
      {"unwanted tag", [](client::JobSpec& j) { j.none_tags = {"ssd"}; }, false},
      {"label",
       [](client::JobSpec& j) {
         j.affinity = {{"zone", "a"}};
       },
       true},
      {"another label",
       [](client::JobSpec& j) {
         j.affinity = {{"zone", "b"}};
       },
       false},
      {"unwanted label",
       [](client::JobSpec& j) {
         j.anti_affinity = {{"zone", "a"}};
       },
       false},
      {"excluded", [](client::JobSpec& j) { j.exclude_workers = {"w"}; }, false},
      {"two devices", [](client::JobSpec& j) { j.demand.gpu_count = 2; }, true},
      {"two of a model",
       [](client::JobSpec& j) {
         j.demand.gpu_count = 2;
         j.demand.gpu_models = {"A100"};
       },
       false},
  };
  for (const Case& one : cases) {
    client::JobSpec spec;
    one.ask(spec);
    EXPECT_EQ(suits(w, spec), one.suits) << one.name;
  }
}

/// A worker of four devices, a half of each of which some job has: until 5, 10, 15 and 20 s.
LiveView four_halves(bool told) {
  LiveView view;
  view.now_ms = kNow_ms;
  view.workers = {worker("a", 8'000)};
  view.workers[0].gpus = {{"T4", 500}, {"T4", 500}, {"A100", 500}, {"A100", 500}};
  for (uint16_t i = 0; i < 4; ++i) {
    client::JobDetails& runs = view.running.emplace_back(job(10 + i, 0, 5'000 * (i + 1)));
    runs.job.worker = "a";
    runs.spec.demand.gpu_count = 1;
    runs.spec.demand.gpu_milli = 500;
    if (told) runs.attempts.emplace_back().gpus = {i};
  }
  return view;
}

client::JobDetails wants(int64_t count, int64_t milli, std::vector<std::string> models = {}) {
  client::JobDetails asks = job(7, 0);
  asks.spec.demand.gpu_count = count;
  asks.spec.demand.gpu_milli = milli;
  asks.spec.demand.gpu_models = std::move(models);
  return asks;
}

core::PlanDevices::Fitted on_devices(
    const LiveProblem& live, const std::vector<core::Assigned>& by_sum) {
  const core::JobRange all{0, static_cast<uint32_t>(by_sum.size()), false};
  size_t tries = core::PlanDevices::kTriesMax;
  return devices_of(live, live.problem).fit(all, by_sum, core::PlanDevices::Order::OfStarts, tries);
}

// GPUs were a sum, and two whole ones fitted on four halves at once.
TEST(LiveProblem, JobsStartWhenTheyHaveTheDevicesThatTheyAskFor) {
  struct Case {
    const char* name;
    client::JobDetails job;
    int64_t start_s;
    core::GpuSet gpus;
  };
  const Case cases[] = {
      {"four halves are not two whole ones", wants(2, 1'000), 10, 0b0011},
      {"of the model that it may use", wants(2, 1'000, {"A100"}), 20, 0b1100},
      {"a half goes beside another", wants(1, 500), 0, 0b0001},
      {"more than a half waits for one to end", wants(1, 600), 5, 0b0001},
      {"no device needs none", job(7, 1'000), 0, 0},
  };
  for (const bool told : {true, false}) {
    for (const Case& c : cases) {
      SCOPED_TRACE(
          std::string(c.name) + (told ? "" : ", by a server that does not say who has which"));
      LiveView view = four_halves(told);
      view.pending = {c.job};
      const LiveProblem live = live_problem(view, {}, {});
      ASSERT_EQ(live.problem.tasks.size(), 1u);
      const auto [tasks, gpus, hosts] = on_devices(live, {{0, 0}});
      EXPECT_EQ(tasks[0].start, c.start_s * kTicksPerSecond);
      EXPECT_EQ(gpus[0], c.gpus);
    }
  }
}

TEST(LiveProblem, WhatWaitsForDevicesGoesWhereItHasThemEarlier) {
  LiveView view = four_halves(true);
  view.workers.push_back(worker("b", 8'000));
  view.workers[1].gpus = {{"T4", 1'000}, {"T4", 1'000}};
  view.pending = {wants(2, 1'000), wants(1, 1'000)};
  view.pending[1].job.id = 8;
  view.pending[1].spec.depends_on = {7};
  const LiveProblem live = live_problem(view, {}, {});
  const auto [tasks, gpus, hosts] = on_devices(live, {{0, 0}, {0, 5 * kTicksPerSecond}});
  EXPECT_EQ(tasks[0].worker, 1u);
  EXPECT_EQ(tasks[0].start, 0);
  EXPECT_EQ(tasks[1].start, 5 * kTicksPerSecond);
}

// What others than jobs hold never ends.
TEST(LiveProblem, DevicesOfWhichPlacementsHoldAPartAreNoWholeOnes) {
  LiveView view = four_halves(true);
  view.running.clear();
  view.pending = {wants(1, 1'000)};
  EXPECT_EQ(live_problem(view, {}, {}).left_out.size(), 1u);
  view.pending = {wants(1, 500)};
  EXPECT_THAT(live_problem(view, {}, {}).left_out, IsEmpty());
}

}  // namespace
}  // namespace berth::cli
