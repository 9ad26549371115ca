#include <atomic>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/client/client.h"
#include "net/server.h"

// The SDK against the whole server, in this process.

namespace berth::client {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::unique_ptr<net::Server> start_server(uint16_t shards = 1) {
  net::ServerConfig config;
  config.listen = {"127.0.0.1", 0};
  config.http.reset();
  config.console.reset();
  config.settings.shards = shards;
  config.store.path.clear();
  config.log_level = net::log::Level::Error;
  auto server = std::make_unique<net::Server>(config);
  std::string problem;
  EXPECT_TRUE(server->start(problem)) << problem;
  return server;
}

std::unique_ptr<BlockingClient> connect(std::vector<std::string> endpoints) {
  Options options;
  options.endpoints = std::move(endpoints);
  options.backoff_first = Milliseconds(5);
  options.timeout = Milliseconds(60'000);  // of a test that has failed
  return std::move(BlockingClient::create(std::move(options))).value();
}

Heartbeat beat_of(std::string worker, int64_t slots, std::vector<std::string> tags = {}) {
  Heartbeat beat{.worker = std::move(worker), .epoch = 1, .sequence = 1};
  beat.profile = Profile{.address = "10.0.0.1:9", .tags = std::move(tags)};
  beat.profile->labels = {{"zone", "a"}};
  beat.profile->capacity = {.slots = slots, .cpu_milli = 64'000, .memory_mib = 65'536};
  beat.profile->capacity.gpu_models = {"A100", "A100"};
  beat.profile->capacity.custom = {{"licences", 3}};
  beat.profile->agent_version = "test/1";
  return beat;
}

class RealServer : public testing::Test {
 protected:
  void register_workers(int count, int64_t slots) {
    for (int i = 0; i < count; ++i) {
      const std::string worker = std::string("w").append(std::to_string(i));
      ASSERT_TRUE(berth_->heartbeat(beat_of(worker, slots, {"gpu"})).ok());
    }
  }

  int64_t free_slots() {
    int64_t free = 0;
    const Result<WorkerPage> page = berth_->list_workers({});
    for (const Worker& worker : page->workers)
      free += worker.free.slots;
    return free;
  }

  std::unique_ptr<net::Server> server_ = start_server(2);
  std::unique_ptr<BlockingClient> berth_ = connect({server_->wire_address()});
};

TEST_F(RealServer, TakesAndGivesEverythingTheTypesHold) {
  ASSERT_TRUE(berth_->heartbeat(beat_of("w", 8, {"gpu", "ssd"})).ok());
  PlaceRequest request{.task = "t", .policy = Policy::BestFit};
  request.all_tags = {"gpu"};
  request.any_tags = {{"ssd", "nvme"}};
  request.none_tags = {"spot"};
  request.affinity = {{"zone", "a"}};
  request.demand = {.slots = 2, .cpu_milli = 1'500, .memory_mib = 1'024};
  request.demand.gpu_count = 1;
  request.demand.gpu_milli = 250;
  request.demand.gpu_models = {"A100"};
  request.demand.custom = {{"licences", 2}};
  request.hold = Milliseconds(60'000);
  request.explain = true;
  const Result<Placement> placed = berth_->place(request);
  ASSERT_TRUE(placed.ok()) << placed.error().message;
  EXPECT_EQ(placed->worker, "w");
  EXPECT_EQ(placed->address, "10.0.0.1:9");
  EXPECT_EQ(placed->gpus.size(), 1u);
  EXPECT_GT(placed->expires_in, Milliseconds(30'000));
  EXPECT_EQ(placed->explanation.workers, 1u);
  EXPECT_TRUE(berth_->place(request)->repeated);

  const Result<Worker> worker = berth_->show_worker("w");
  ASSERT_TRUE(worker.ok());
  EXPECT_THAT(worker->tags, UnorderedElementsAre("gpu", "ssd"));
  EXPECT_EQ(worker->free.slots, 6);
  EXPECT_EQ(worker->free.cpu_milli, 62'500);
  EXPECT_EQ(worker->free.custom.at(0).amount, 1);
  EXPECT_EQ(worker->gpus.size(), 2u);
  EXPECT_EQ(worker->agent_version, "test/1");

  EXPECT_EQ(berth_->release({.tasks = {"t", "never"}})->released, 1u);
  EXPECT_EQ(berth_->show_worker("w")->free.slots, 8);
  EXPECT_EQ(berth_->tags()->size(), 2u);
  EXPECT_FALSE(berth_->stats()->empty());
  EXPECT_GT(berth_->ping()->count(), 0);
  EXPECT_EQ(berth_->server()->endpoint, server_->wire_address());
}

TEST_F(RealServer, TakesARequestIdForARepetitionOfTheSameJobsAlone) {
  SubmitRequest request{.jobs = {{.command = {"true"}}}, .request = "nightly"};
  const auto first = berth_->submit(request);
  ASSERT_TRUE(first) << first.error().message;
  const auto again = berth_->submit(request);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->jobs[0].first, first->jobs[0].first);
  request.jobs[0].command = {"false"};
  const auto other = berth_->submit(request);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().refusal, Refusal::Conflict);
  EXPECT_NE(other.error().message.find("'nightly' was used for other jobs"), std::string::npos);

  SubmitRequest soon{.jobs = {{.command = {"true"}}}, .request = "soon", .digest = 1};
  for (const int64_t at_ms : {4'000'000'000'000, 4'000'000'000'001}) {
    soon.jobs[0].scheduled_at_ms = at_ms;
    const auto same = berth_->submit(soon);
    ASSERT_TRUE(same) << same.error().message;
    EXPECT_EQ(same->repeated, at_ms == 4'000'000'000'001);
  }
}

TEST_F(RealServer, SaysWhyThereIsNoPlace) {
  register_workers(3, 1);
  PlaceRequest request{.task = "t"};
  request.all_tags = {"fpga"};
  const Result<Placement> placed = berth_->place(request);
  ASSERT_FALSE(placed.ok());
  EXPECT_EQ(placed.error().code, ErrorCode::CannotBePlaced);
  EXPECT_EQ(placed.error().no_place, NoPlace::Eliminated);
  ASSERT_EQ(placed.error().explanation.eliminated.size(), 1u);
  EXPECT_EQ(placed.error().explanation.eliminated[0].requirement, "tag:fpga");
  EXPECT_EQ(placed.error().explanation.eliminated[0].workers, 3u);
}

// Thousands at once, from several threads, on two shards: every one answered, none over capacity,
// and everything free again when it was given back.
TEST_F(RealServer, AnswersThousandsInThePipeAndNeverPlacesOverCapacity) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2'000;
  constexpr int kSlots = 4'000;  // for 8,000 requests
  register_workers(10, kSlots / 10);
  std::mutex mutex;
  std::set<ReservationId> held;
  int refused = 0;
  std::latch answered(kThreads * kEach);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        PlaceRequest request{.task = std::to_string(t) + "-" + std::to_string(i)};
        request.hold = Milliseconds(600'000);
        berth_->async().place(request, [&](const Result<Placement>& placed) {
          std::lock_guard lock(mutex);
          if (placed) {
            held.insert(placed->reservation);
          } else if (placed.error().code == ErrorCode::CannotBePlaced) {
            ++refused;
          }
          answered.count_down();
        });
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  answered.wait();
  EXPECT_EQ(held.size(), static_cast<size_t>(kSlots));
  EXPECT_EQ(refused, kThreads * kEach - kSlots);
  EXPECT_EQ(free_slots(), 0);

  const Result<Released> released = berth_->release({.reservations = {held.begin(), held.end()}});
  EXPECT_EQ(released->released, static_cast<uint32_t>(kSlots));
  EXPECT_EQ(free_slots(), kSlots);
}

TEST_F(RealServer, OffersATaskToFourWorkersAndHoldsNothingWhenAllRefuse) {
  register_workers(6, 1);
  std::set<std::string> asked;
  const Result<Placement> placed =
      berth_->place_until_accepted({.task = "t"}, [&](const Placement& offer) {
        asked.insert(offer.worker);
        return false;
      });
  ASSERT_FALSE(placed.ok());
  EXPECT_EQ(placed.error().code, ErrorCode::WorkersRefused);
  EXPECT_EQ(asked.size(), 4u);
  EXPECT_EQ(free_slots(), 6);

  const Result<Placement> taken =
      berth_->place_until_accepted({.task = "t"}, [&](const Placement&) { return true; });
  EXPECT_TRUE(taken.ok());
}

TEST_F(RealServer, GivesAWaitingRequestThePlaceThatIsReleased) {
  register_workers(1, 1);
  const Result<Placement> first = berth_->place({.task = "first", .hold = Milliseconds(600'000)});
  ASSERT_TRUE(first.ok());
  std::future<Result<Placement>> waiting =
      berth_->async().place({.task = "second", .wait = Milliseconds(600'000)});
  berth_->async().release(first->reservation);
  const Result<Placement> second = waiting.get();
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_EQ(second->worker, "w0");
}

// The first server dies with requests in the pipe: all of them are answered, by the second.
TEST(TwoServers, LoseNoPlacementWhenTheFirstDies) {
  constexpr int kRequests = 2'000;
  std::unique_ptr<net::Server> first = start_server();
  const std::unique_ptr<net::Server> second = start_server();
  for (const net::Server* each : {first.get(), second.get()}) {
    ASSERT_TRUE(connect({each->wire_address()})->heartbeat(beat_of("w", kRequests)).ok());
  }
  std::atomic<int> placed{0};
  std::latch answered(kRequests);
  const auto berth = connect({first->wire_address(), second->wire_address()});
  for (int i = 0; i < kRequests; ++i) {
    if (i == kRequests / 2) first.reset();
    berth->async().place({.task = std::to_string(i)}, [&](const Result<Placement>& result) {
      if (result.ok()) ++placed;
      answered.count_down();
    });
  }
  answered.wait();
  EXPECT_EQ(placed, kRequests);
  EXPECT_EQ(berth->server()->endpoint, second->wire_address());
}

TEST_F(RealServer, TellsWatchersWhatHappensToWorkers) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<WorkerChange> seen;
  std::promise<bool> started;
  berth_->async().watch(
      [&](const WorkerEvent& event) {
        std::lock_guard lock(mutex);
        seen.push_back(event.change);
        changed.notify_one();
      },
      [&](const Result<Done>& result) { started.set_value(result.ok()); });
  ASSERT_TRUE(started.get_future().get());
  register_workers(1, 1);
  ASSERT_TRUE(berth_->set_worker("w0", WorkerAction::Drain, "new disk").ok());
  ASSERT_TRUE(berth_->set_worker("w0", WorkerAction::Forget, "").ok());
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !seen.empty() && seen.back() == WorkerChange::Forgotten; });
    EXPECT_THAT(seen, testing::Contains(WorkerChange::Registered));
    EXPECT_THAT(seen, testing::Contains(WorkerChange::Draining));
  }
  berth_.reset();  // before what its events are noted in
}

}  // namespace
}  // namespace berth::client
