#include <condition_variable>
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

// Events 1 to 9, of jobs 101 to 109.
wire::JobEvents events(uint64_t first, uint64_t last) {
  static const std::vector<wire::JobEvent> all = [] {
    std::vector<wire::JobEvent> made;
    for (uint64_t i = 1; i <= 9; ++i)
      made.push_back({.sequence = i, .job = {100 + i}, .state = wire::JobState::Running});
    return made;
  }();
  return {std::span(all).subspan(first - 1, last - first + 1)};
}

/// What came to one watcher: `5` for an event, `gap` for a gap.
class Seen {
 public:
  std::function<void(const JobEvent&)> taker() {
    return [this](const JobEvent& event) {
      std::lock_guard lock(mutex_);
      story_.push_back(event.gap ? "gap" : std::to_string(event.sequence));
      changed_.notify_all();
    };
  }

  std::vector<std::string> wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [&] { return story_.size() >= count; });
    return story_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> story_;
};

/// Agrees to every watch but those from before `kept_from`; remembers what was asked.
struct Watched {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<uint64_t> afters;
  std::vector<size_t> ranges;
  uint64_t kept_from = 0;

  Answer operator()(const wire::Request& request) {
    const auto* watch = std::get_if<wire::WatchJobs>(&request);
    if (watch == nullptr) return std::nullopt;
    std::lock_guard lock(mutex);
    afters.push_back(watch->after);
    ranges.push_back(watch->jobs.size());
    changed.notify_all();
    if (watch->after != 0 && watch->after < kept_from) {
      return wire::Refused{.code = wire::Refusal::Stale, .message = "gone"};
    }
    return wire::Done{};
  }

  std::vector<uint64_t> wait_for(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(60), [&] { return afters.size() >= count; });
    return afters;
  }
};

class JobWatches : public testing::Test {
 protected:
  JobWatches() : server_(std::ref(watched_)) {
    Options options;
    options.endpoints = {server_.endpoint()};
    options.backoff_first = Milliseconds(5);
    options.backoff_max = Milliseconds(20);
    client_ = std::move(Client::create(std::move(options))).value();
  }

  WatchId watch(JobWatchRequest request, Seen& seen) {
    std::promise<Result<Done>> started;
    const WatchId id =
        client_->watch_jobs(std::move(request), seen.taker(), [&](const Result<Done>& result) {
          started.set_value(result);
        });
    EXPECT_TRUE(started.get_future().get().ok());
    return id;
  }

  Watched watched_;
  ScriptedServer server_;
  std::unique_ptr<Client> client_;
};

TEST_F(JobWatches, GoOnWhereTheyWereAfterALostConnection) {
  Seen seen;
  watch({}, seen);
  server_.send_event(events(1, 3));
  seen.wait_for(3);
  server_.drop_connections();
  EXPECT_THAT(watched_.wait_for(2), ElementsAre(0, 3));
  // What comes twice is told once.
  server_.send_event(events(2, 5));
  EXPECT_THAT(seen.wait_for(5), ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(JobWatches, SayWhenTheServerNoLongerHasWhatCameInBetween) {
  Seen seen;
  watch({}, seen);
  server_.send_event(events(1, 2));
  seen.wait_for(2);
  {
    std::lock_guard lock(watched_.mutex);
    watched_.kept_from = 5;
  }
  server_.drop_connections();
  EXPECT_THAT(watched_.wait_for(3), ElementsAre(0, 2, 0));
  seen.wait_for(3);
  server_.send_event(events(7, 7));
  EXPECT_THAT(seen.wait_for(4), ElementsAre("1", "2", "gap", "7"));
}

// Nothing had come yet, so that there is no place to go on from.
TEST_F(JobWatches, SayThatEventsMayBeLostWhenNoneHadCome) {
  Seen seen;
  watch({}, seen);
  server_.drop_connections();
  EXPECT_THAT(seen.wait_for(1), ElementsAre("gap"));
}

TEST_F(JobWatches, ResumeWhereTheCallerSays) {
  Seen seen;
  watch({.after = 4}, seen);
  EXPECT_THAT(watched_.wait_for(1), ElementsAre(4));
  server_.send_event(events(3, 6));
  EXPECT_THAT(seen.wait_for(2), ElementsAre("5", "6"));
}

TEST_F(JobWatches, TellTheCallerWhoComesTooLateToResume) {
  watched_.kept_from = 5;
  Seen seen;
  watch({.after = 4}, seen);
  EXPECT_THAT(seen.wait_for(1), ElementsAre("gap"));
}

TEST_F(JobWatches, ShareOneWatchOnTheWireAndGetWhatEachWants) {
  Seen some;
  Seen all;
  const WatchId first = watch({.jobs = {{102, 103}, {105, 105}}}, some);
  watch({}, all);
  EXPECT_EQ(watched_.ranges, (std::vector<size_t>{2, 0}));
  server_.send_event(events(1, 5));
  EXPECT_THAT(all.wait_for(5), ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_THAT(some.wait_for(3), ElementsAre("2", "3", "5"));
  client_->unwatch(first);
  server_.send_event(events(6, 9));
  EXPECT_EQ(all.wait_for(9).size(), 9u);
  EXPECT_EQ(some.wait_for(3).size(), 3u);
}

}  // namespace
}  // namespace berth::client
