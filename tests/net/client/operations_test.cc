#include <atomic>
#include <future>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <uv.h>

#include "net/client/client.h"
#include "tests/net/client/scripted_server.h"

namespace berth::client {
namespace {

using Answer = std::optional<wire::Reply>;
using testing::ElementsAre;
using testing::HasSubstr;

Options options_for(const ScriptedServer& server) {
  Options options;
  options.endpoints = {server.endpoint()};
  options.backoff_first = Milliseconds(5);
  options.timeout = Milliseconds(20'000);
  return options;
}

template <typename T>
Result<T> wait(std::function<void(Callback<T>)> ask) {
  std::promise<Result<T>> promise;
  ask([&promise](Result<T> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

/// Offers workers w0, w1, … in turn, passing over the excluded; remembers what was released.
class Offers {
 public:
  Answer operator()(const wire::Request& request) {
    std::lock_guard lock(mutex_);
    if (const auto* place = std::get_if<wire::Place>(&request)) {
      const size_t next = place->requirements.exclude_workers.size();
      excluded_.assign(
          place->requirements.exclude_workers.begin(), place->requirements.exclude_workers.end());
      static constexpr const char* kNames[] = {"w0", "w1", "w2", "w3", "w4"};
      return wire::Placed{.worker = kNames[next], .reservation = {100 + next}};
    }
    if (const auto* release = std::get_if<wire::Release>(&request)) {
      frames_ += 1;
      released_.insert(released_.end(), release->reservations.begin(), release->reservations.end());
      return wire::Released{.released = static_cast<uint32_t>(release->reservations.size())};
    }
    if (std::holds_alternative<wire::Ping>(request)) return wire::Pong{};
    return std::nullopt;
  }

  std::mutex mutex_;
  std::vector<std::string> excluded_;
  std::vector<uint64_t> released_;
  int frames_ = 0;
};

TEST(Reask, AsksAgainThreeTimesAtMost) {
  struct Case {
    const char* what;
    int refusals;
    const char* worker;  // or null
    std::vector<uint64_t> released;
  };
  const Case cases[] = {
      {"the first worker takes it", 0, "w0", {}},
      {"the second takes it", 1, "w1", {100}},
      {"the fourth takes it", 3, "w3", {100, 101, 102}},
      {"none of four takes it", 4, nullptr, {100, 101, 102, 103}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    Offers offers;
    ScriptedServer server(std::ref(offers));
    const auto client = BlockingClient::create(options_for(server));
    int asked = 0;
    const Result<Placement> placed = (*client)->place_until_accepted(
        {.task = "t"}, [&](const Placement&) { return asked++ >= each.refusals; });
    if (each.worker != nullptr) {
      ASSERT_TRUE(placed.ok()) << placed.error().message;
      EXPECT_EQ(placed->worker, each.worker);
    } else {
      ASSERT_FALSE(placed.ok());
      EXPECT_EQ(placed.error().code, ErrorCode::WorkersRefused);
      EXPECT_THAT(placed.error().message, HasSubstr("w0, w1, w2, w3"));
    }
    std::lock_guard lock(offers.mutex_);
    EXPECT_EQ(offers.released_, each.released);
  }
}

// Whoever loses the decision has refused; nobody waits for ever.
TEST(Reask, TakesADroppedDecisionForANo) {
  Offers offers;
  ScriptedServer server(std::ref(offers));
  const auto client = Client::create(options_for(server));
  const Result<Placement> placed = wait<Placement>([&](Callback<Placement> done) {
    (*client)->place_until_accepted(
        {.task = "t"}, [](const Placement&, const Accept&) {}, std::move(done));
  });
  ASSERT_FALSE(placed.ok());
  EXPECT_EQ(placed.error().code, ErrorCode::WorkersRefused);
}

TEST(Client, SendsTheReleasesOfOneTurnInOneFrame) {
  Offers offers;
  ScriptedServer server(std::ref(offers));
  const auto client = Client::create(options_for(server));
  // Within one callback, and so within one turn.
  (void)wait<ServerInfo>([&](Callback<ServerInfo> done) {
    (*client)->server([&, done = std::move(done)](Result<ServerInfo> info) {
      for (uint64_t i = 1; i <= 1'000; ++i)
        (*client)->release(i);
      done(std::move(info));
    });
  });
  (void)wait<ServerInfo>([&](Callback<ServerInfo> done) { (*client)->server(std::move(done)); });
  std::lock_guard lock(offers.mutex_);
  EXPECT_EQ(offers.released_.size(), 1'000u);
  EXPECT_EQ(offers.frames_, 1);
}

TEST(Client, PipelinesThousandsFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5'000;
  Offers offers;
  ScriptedServer server(std::ref(offers));
  std::atomic<int> placed{0};
  std::latch done(kThreads * kEach);
  const auto client = Client::create(options_for(server));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        (*client)->place(
            {.task = std::to_string(t * kEach + i), .all_tags = {"gpu", "a100"}},
            [&](Result<Placement> result) {
              if (result.ok()) ++placed;
              done.count_down();
            });
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  done.wait();
  EXPECT_EQ(placed, kThreads * kEach);
}

TEST(Client, AnswersOverloadedAtOnceBeyondItsLimit) {
  ScriptedServer server([](const wire::Request&) { return Answer(); });
  Options options = options_for(server);
  options.pending_max = 2;
  std::vector<ErrorCode> codes;  // before the client, whose end answers what is pending
  std::mutex mutex;
  auto client = Client::create(std::move(options));
  const auto note = [&](const Result<Placement>& result) {
    std::lock_guard lock(mutex);
    codes.push_back(result.error().code);
  };
  for (int i = 0; i < 3; ++i)
    (*client)->place({.task = "t"}, note);
  std::lock_guard lock(mutex);
  EXPECT_THAT(codes, ElementsAre(ErrorCode::Overloaded));
}

TEST(Client, AnswersEverythingPendingWhenItIsDestroyed) {
  ScriptedServer server([](const wire::Request&) { return Answer(); });
  std::atomic<int> stopped{0};
  auto client = Client::create(options_for(server));
  for (int i = 0; i < 100; ++i) {
    (*client)->place({.task = "t"}, [&](const Result<Placement>& result) {
      if (!result && result.error().code == ErrorCode::Stopped) ++stopped;
    });
  }
  (*client)->place_until_accepted(
      {.task = "t"},
      [](const Placement&, const Accept&) {},
      [&](const Result<Placement>& result) {
        if (!result && result.error().code == ErrorCode::Stopped) ++stopped;
      });
  client.value().reset();
  EXPECT_EQ(stopped, 101);
}

TEST(Client, MayBeDestroyedInItsOwnCallback) {
  Offers offers;
  ScriptedServer server(std::ref(offers));
  auto destroyed = std::make_shared<std::promise<void>>();
  std::shared_ptr<Client> client = std::move(Client::create(options_for(server))).value();
  Client& asked = *client;
  asked.server([destroyed, last = std::move(client)](const Result<ServerInfo>&) mutable {
    last.reset();
    destroyed->set_value();
  });
  destroyed->get_future().wait();
}

TEST(BlockingClient, RefusesToWaitForItself) {
  Offers offers;
  ScriptedServer server(std::ref(offers));
  const auto client = BlockingClient::create(options_for(server));
  std::promise<ErrorCode> code;
  (*client)->async().server(
      [&](const Result<ServerInfo>&) { code.set_value((*client)->ping().error().code); });
  EXPECT_EQ(code.get_future().get(), ErrorCode::BadArgument);
}

TEST(Client, RunsOnTheCallersLoopAndLeavesItEmpty) {
  Offers offers;
  ScriptedServer server(std::ref(offers));
  uv_loop_t loop;
  uv_loop_init(&loop);
  auto client = Client::create_on(&loop, options_for(server));
  std::string worker;
  (*client)->place({.task = "t"}, [&](Result<Placement> result) {
    worker = result->worker;
    client.value().reset();
  });
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(worker, "w0");
  EXPECT_EQ(uv_loop_close(&loop), 0);
}

TEST(Watch, MarksAGapWhereSomeMayBeMissingAndWhereAServerHasStarted) {
  std::atomic<int> watches{0};
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    if (!std::holds_alternative<wire::WatchJobs>(request)) return std::nullopt;
    ++watches;
    watches.notify_all();
    return wire::Done{};
  });
  const auto watches_reach = [&](int count) {
    for (int now = watches; now < count; now = watches)
      watches.wait(now);
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> seen;
  const auto client = Client::create(options_for(server));
  const auto seen_reach = [&](size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return seen.size() >= count; });
  };
  (void)wait<Done>([&](Callback<Done> started) {
    (*client)->watch(
        [&](const WorkerEvent& event) {
          std::lock_guard lock(mutex);
          seen.push_back(event.gap ? "gap" : event.worker);
          changed.notify_one();
        },
        std::move(started));
  });
  using wire::EventKind;
  static constexpr wire::JobEvent kSaid[] = {
      {.sequence = 1, .worker = "a", .kind = EventKind::Worker},
      {.sequence = 2, .worker = "b", .kind = EventKind::Worker},
      {.sequence = 3, .kind = EventKind::Server, .server_change = wire::ServerChange::Started},
      {.sequence = 4, .worker = "c", .kind = EventKind::Worker}};
  server.drop_connections();  // before anything was said: where to go on is not known
  seen_reach(1);
  server.send_event(wire::JobEvents{.events = {kSaid, 1}});
  seen_reach(2);
  server.drop_connections();  // it goes on behind "a"
  watches_reach(3);
  server.send_event(wire::JobEvents{.events = {kSaid, 4}});
  seen_reach(5);
  EXPECT_THAT(seen, ElementsAre("gap", "a", "b", "gap", "c"));
}

TEST(Watch, SaysWhenTheServerRefuses) {
  ScriptedServer server([](const wire::Request& request) -> Answer {
    if (!std::holds_alternative<wire::WatchJobs>(request)) return std::nullopt;
    return wire::Refused{.code = wire::Refusal::LimitReached, .message = "too many watchers"};
  });
  const auto client = Client::create(options_for(server));
  const Result<Done> started = wait<Done>(
      [&](Callback<Done> done) { (*client)->watch([](const WorkerEvent&) {}, std::move(done)); });
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().refusal, Refusal::LimitReached);
}

}  // namespace
}  // namespace berth::client
