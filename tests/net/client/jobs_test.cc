#include <atomic>
#include <future>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/client/client.h"
#include "tests/net/client/scripted_server.h"

namespace berth::client {
namespace {

using Answer = std::optional<wire::Reply>;
using testing::ElementsAre;
using testing::HasSubstr;

Options options_for(const std::string& endpoint) {
  Options options;
  options.endpoints = {endpoint};
  options.backoff_first = Milliseconds(5);
  options.backoff_max = Milliseconds(20);
  options.timeout = Milliseconds(60'000);  // of a test that has failed
  return options;
}

std::unique_ptr<BlockingClient> connect(Options options) {
  Result<std::unique_ptr<BlockingClient>> client = BlockingClient::create(std::move(options));
  EXPECT_TRUE(client.ok());
  return std::move(client).value();
}

JobSpec job_of(std::vector<std::string> command) {
  return {.command = std::move(command)};
}

/// Every field of a job set to something of its own.
JobSpec full_job() {
  JobSpec job{.name = "n", .queue = "q", .tenant = "t", .labels = {{"team", "a"}}};
  job.command = {"sh", "-c", "exit 3"};
  job.image = "busybox";
  job.env = {{"A", "1"}, {"B", "x=y"}};
  job.working_dir = "w";
  job.stdin_text = "in";
  job.runner = Runner::Container;
  job.network = true;
  job.policy = Policy::Spread;
  job.demand = {.slots = 2, .cpu_milli = 1'500, .memory_mib = 64, .disk_mib = 7};
  job.demand.network_mbit = 9;
  job.demand.gpu_count = 1;
  job.demand.gpu_milli = 250;
  job.demand.gpu_models = {"A100"};
  job.demand.custom = {{"licences", 2}};
  job.all_tags = {"gpu"};
  job.any_tags = {{"a", "b"}, {"c"}};
  job.none_tags = {"spot"};
  job.affinity = {{"zone", "a"}};
  job.anti_affinity = {{"rack", "1"}};
  job.spread_by = "zone";
  job.exclude_workers = {"w9"};
  job.priority = -5;
  job.scheduled_at_ms = 1'000;
  job.deadline_at_ms = 2'000;
  job.estimated = Milliseconds(3'000);
  job.timeout = Milliseconds(4'000);
  job.attempts_max = 5;
  job.retry_base = Milliseconds(6);
  job.retry_cap = Milliseconds(7);
  job.kill_grace = Milliseconds(8);
  job.checkpointable = true;
  job.depends_on = {11, 12};
  job.depends_on_items = {0};
  job.array = ArrayIndexes{3, 8};
  job.artifacts = {"out.txt"};
  job.meta = {{"k", "v"}};
  return job;
}

/// Keeps what is submitted and shows it again.
class Keeper {
 public:
  Answer operator()(const wire::Request& request) {
    std::lock_guard lock(mutex_);
    if (const auto* submit = std::get_if<wire::SubmitJobs>(&request)) {
      requests_.emplace_back(submit->request);
      specs_.clear();
      submitted_.clear();
      for (const auto& spec : submit->specs) {
        specs_.emplace_back(spec.begin(), spec.end());
        submitted_.push_back({.first = {100 + submitted_.size()}, .count = 1});
      }
      return wire::JobsSubmitted{.jobs = submitted_};
    }
    if (const auto* show = std::get_if<wire::ShowJob>(&request)) {
      wire::JobDetails details;
      details.row.id = show->job;
      details.row.forecast = {.start_at_ms = 60, .start_early_ms = 30, .start_late_ms = 90};
      details.row.forecast.planned = true;
      details.spec = specs_.at(show->job.value - 100);
      return details;
    }
    return std::nullopt;
  }

  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::vector<std::byte>> specs_;
  std::vector<wire::SubmittedJob> submitted_;
};

TEST(Jobs, ComeBackAsTheyWereSubmitted) {
  Keeper keeper;
  ScriptedServer server(std::ref(keeper));
  const auto client = connect(options_for(server.endpoint()));
  const JobSpec job = full_job();
  const Result<SubmitResult> submitted = client->submit({.jobs = {job_of({"true"}), job}});
  ASSERT_TRUE(submitted.ok()) << submitted.error().message;
  ASSERT_EQ(submitted->jobs.size(), 2u);
  EXPECT_EQ(submitted->jobs[1].first, 101u);

  const Result<JobDetails> details = client->show_job(101);
  ASSERT_TRUE(details.ok()) << details.error().message;
  const JobSpec& kept = details->spec;
  EXPECT_EQ(kept.command, job.command);
  EXPECT_EQ(kept.env[1].value, "x=y");
  EXPECT_EQ(kept.runner, Runner::Container);
  EXPECT_EQ(kept.demand.gpu_models, job.demand.gpu_models);
  EXPECT_EQ(kept.any_tags, job.any_tags);
  EXPECT_EQ(kept.affinity[0].value, "a");
  EXPECT_EQ(kept.anti_affinity[0].key, "rack");
  EXPECT_EQ(kept.depends_on, job.depends_on);
  EXPECT_EQ(kept.depends_on_items, job.depends_on_items);
  EXPECT_EQ(kept.array->last, 8u);
  const JobForecast& forecast = details->job.forecast;
  EXPECT_TRUE(forecast.planned);
  EXPECT_EQ(forecast.start_at_ms, 60);
  EXPECT_EQ(forecast.start_early_ms, 30);
  EXPECT_EQ(forecast.start_late_ms, 90);
  // The same spec gives the same bytes: whatever is not compared above is the same as well.
  const Result<SubmitResult> again = client->submit({.jobs = {job_of({"true"}), kept}});
  ASSERT_TRUE(again.ok());
  const std::vector<std::byte> first = keeper.specs_[1];
  ASSERT_TRUE(client->submit({.jobs = {job_of({"true"}), job}}).ok());
  EXPECT_EQ(keeper.specs_[1], first);
  EXPECT_EQ(encoded_bytes(job), first.size());
}

TEST(Jobs, GetARequestIdOfTheirOwnUnlessTheCallerHasOne) {
  Keeper keeper;
  ScriptedServer server(std::ref(keeper));
  const auto client = connect(options_for(server.endpoint()));
  ASSERT_TRUE(client->submit({.jobs = {job_of({"true"})}}).ok());
  ASSERT_TRUE(client->submit({.jobs = {job_of({"true"})}}).ok());
  ASSERT_TRUE(client->submit({.jobs = {job_of({"true"})}, .request = "mine"}).ok());
  EXPECT_EQ(keeper.requests_[0].size(), 32u);
  EXPECT_NE(keeper.requests_[0], keeper.requests_[1]);
  EXPECT_EQ(keeper.requests_[2], "mine");
}

// Nobody knows whether the first arrived; the id makes the second harmless.
TEST(Jobs, AreSubmittedAgainUnderTheSameIdWhenTheConnectionIsLost) {
  Keeper keeper;
  ScriptedServer* self = nullptr;
  std::atomic<int> submits{0};
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    Answer answer = keeper(request);
    if (!std::holds_alternative<wire::SubmitJobs>(request) || ++submits > 1) return answer;
    self->drop_connections();
    return std::nullopt;
  });
  self = &server;
  const auto client = connect(options_for(server.endpoint()));
  ASSERT_TRUE(client->submit({.jobs = {job_of({"true"})}}).ok());
  ASSERT_EQ(keeper.requests_.size(), 2u);
  EXPECT_EQ(keeper.requests_[0], keeper.requests_[1]);
}

// A request that was never sent gives up with the rounds; one that a server may have taken does
// not.
TEST(Jobs, AreInsistedOnWhileTheirServerIsAwayOnceTheyWereSent) {
  std::promise<void> taken;
  auto first = std::make_unique<ScriptedServer>([&](const wire::Request& request) -> Answer {
    if (std::holds_alternative<wire::SubmitJobs>(request)) taken.set_value();
    return std::nullopt;
  });
  Options options = options_for(first->endpoint());
  options.rounds_max = 1;
  const auto client = connect(std::move(options));
  std::future<Result<SubmitResult>> submit =
      client->async().submit(SubmitRequest{.jobs = {job_of({"true"})}});
  taken.get_future().wait();
  const uint16_t port = first->port();
  first.reset();
  while (client->ping().ok()) {}
  EXPECT_EQ(client->submit({.jobs = {job_of({"true"})}}).error().code, ErrorCode::Unreachable);
  Keeper keeper;
  ScriptedServer second(std::ref(keeper), port);
  const Result<SubmitResult> submitted = submit.get();
  ASSERT_TRUE(submitted.ok()) << submitted.error().message;
}

TEST(Jobs, AreSelectedByEveryFilter) {
  wire::ListJobs seen;
  std::string name;
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    if (const auto* list = std::get_if<wire::ListJobs>(&request)) {
      seen = *list;
      name = list->name;
      static const wire::JobRow rows[] = {
          {.id = {7}, .state = wire::JobState::Failed, .worker = "w", .unsatisfiable = true}};
      return wire::JobPage{.rows = rows, .next_cursor = 8};
    }
    return std::nullopt;
  });
  const auto client = connect(options_for(server.endpoint()));
  JobFilter filter{.states = {JobState::Failed, JobState::Aborted}, .name = "train-"};
  filter.limit = 5;
  filter.newest_first = true;
  const Result<JobPage> page = client->list_jobs(filter);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(seen.states, 1u << 6 | 1u << 7);
  EXPECT_EQ(name, "train-");
  EXPECT_EQ(seen.limit, 5u);
  EXPECT_TRUE(seen.newest_first);
  ASSERT_EQ(page->jobs.size(), 1u);
  EXPECT_EQ(page->jobs[0].state, JobState::Failed);
  EXPECT_EQ(page->jobs[0].worker, "w");
  EXPECT_EQ(page->next_cursor, 8u);
}

TEST(Jobs, AreAbortedAndRetriedByRanges) {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  wire::JobAction action = wire::JobAction::Retry;
  std::string reason;
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    const auto* change = std::get_if<wire::ChangeJobs>(&request);
    if (change == nullptr) return std::nullopt;
    action = change->action;
    reason = change->reason;
    ranges.clear();
    for (const wire::JobRange& range : change->jobs)
      ranges.emplace_back(range.first.value, range.last.value);
    return wire::JobsChanged{.changed = 3, .unchanged = 2, .unknown = 1};
  });
  const auto client = connect(options_for(server.endpoint()));
  const Result<JobsChanged> aborted =
      client->abort_jobs({.jobs = {{1, 4}, {9, 9}}, .reason = "enough"});
  ASSERT_TRUE(aborted.ok());
  EXPECT_EQ(aborted->changed, 3u);
  EXPECT_EQ(aborted->unknown, 1u);
  EXPECT_EQ(action, wire::JobAction::Abort);
  EXPECT_EQ(reason, "enough");
  EXPECT_THAT(ranges, ElementsAre(std::pair(1, 4), std::pair(9, 9)));
  ASSERT_TRUE(client->retry_jobs({{5, 5}}).ok());
  EXPECT_EQ(action, wire::JobAction::Retry);
}

/// Counts with `running` jobs that have not ended.
wire::JobCounts counts_of(uint64_t running, uint64_t failed = 0) {
  wire::JobCounts counts;
  counts.by_state[2] = running;
  counts.by_state[6] = failed;
  counts.first_failed = {failed};
  counts.done = running == 0;
  return counts;
}

TEST(Waits, GoOnAcrossLostConnectionsUntilAllHaveEnded) {
  ScriptedServer* self = nullptr;
  std::atomic<int> asked{0};
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    if (!std::holds_alternative<wire::WaitJobs>(request)) return std::nullopt;
    switch (++asked) {
      case 1: return counts_of(2);
      case 2: self->drop_connections(); return std::nullopt;
      case 3: return counts_of(1, 1);
      default: return counts_of(0, 1);
    }
  });
  self = &server;
  const auto client = connect(options_for(server.endpoint()));
  std::vector<uint64_t> running;
  const Result<JobCounts> counts =
      client->wait_jobs({.jobs = {{1, 3}}, .on_progress = [&](const JobCounts& each) {
                           running.push_back(each.of(JobState::Running));
                         }});
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  EXPECT_TRUE(counts->done);
  EXPECT_EQ(counts->first_failed, 1u);
  EXPECT_THAT(running, ElementsAre(2, 1, 0));
}

TEST(Waits, EndAtTheirTimeoutOrWithARefusal) {
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    const auto* wait = std::get_if<wire::WaitJobs>(&request);
    if (wait == nullptr) return std::nullopt;
    if (wait->jobs[0].first.value == 9) {
      return wire::Refused{.code = wire::Refusal::NotFound, .message = "no job 9"};
    }
    return counts_of(1);
  });
  const auto client = connect(options_for(server.endpoint()));
  const auto late = client->wait_jobs({.jobs = {{1, 1}}, .timeout = Milliseconds(30)});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::TimedOut);
  const auto unknown = client->wait_jobs({.jobs = {{9, 9}}});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().refusal, Refusal::NotFound);
}

TEST(Waits, EndWithTheClient) {
  std::promise<void> asked;
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    if (std::holds_alternative<wire::WaitJobs>(request)) asked.set_value();
    return std::nullopt;
  });
  auto client = connect(options_for(server.endpoint()));
  std::future<Result<JobCounts>> wait = client->async().wait_jobs(WaitRequest{.jobs = {{1, 1}}});
  asked.get_future().wait();
  client.reset();
  EXPECT_EQ(wait.get().error().code, ErrorCode::Stopped);
}

}  // namespace
}  // namespace berth::client
