// Placement in one process: no sockets, no encoding. Method and figures: docs/benchmarks.md.

#include "core/placement/placement.h"

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/base/rng.h"
#include "core/placement/fgd.h"
#include "core/placement/search.h"
#include "core/tables/partition.h"
#include "core/tables/tables.h"

namespace berth::core {
namespace {

constexpr uint32_t kTags = 32;
constexpr uint32_t kTagsPerWorker = 5;

/// A fleet with mixed load: 16-slot workers with `kTagsPerWorker` tags, each running 0 to 12 tasks.
/// One worker in five has both `hot0` and `hot1`; none has both `cold0` and `cold1`.
struct World {
  explicit World(uint32_t workers, uint16_t shards = 1) : tables(settings(workers, shards)) {
    for (uint16_t i = 0; i < shards; ++i) {
      partitions.push_back(std::make_unique<Partition>(
          wire::ShardId{i}, tables.fleet, tables.names, tables.settings));
    }
    Rng rng(1);
    for (uint32_t i = 0; i < workers; ++i)
      add(i, rng);
  }

  static Settings settings(uint32_t workers, uint16_t shards) {
    Settings settings;
    settings.shards = shards;
    settings.workers_max = workers + 1;
    return settings;
  }

  void add(uint32_t i, Rng& rng) {
    std::string id = "worker-" + std::to_string(i);
    std::vector<std::string> tags = {i % 2 == 0 ? "cold0" : "cold1"};
    if (rng.below(5) == 0) {
      tags.emplace_back("hot0");
      tags.emplace_back("hot1");
    }
    while (tags.size() < kTagsPerWorker)
      tags.push_back("t" + std::to_string(rng.below(kTags)));
    std::vector<std::string_view> views(tags.begin(), tags.end());
    wire::Heartbeat beat;
    beat.worker = id;
    beat.epoch = 1;
    beat.sequence = 1;
    beat.has_profile = true;
    beat.address = "10.0.0.1:9000";
    beat.tags = views;
    beat.capacity.slots = 16;
    beat.capacity.cpu_milli = 16'000;
    beat.capacity.memory_mib = 65'536;
    beat.current_tasks = static_cast<int64_t>(rng.below(13));
    BeatOutcome outcome;
    partitions[tables.fleet.owner_of(id).value]->heartbeat(Instant{1}, beat, outcome);
  }

  Tables tables;
  std::vector<std::unique_ptr<Partition>> partitions;
};

/// One thread's client: places and releases, with a new task id each time.
class Client {
 public:
  Client(Tables& tables, uint32_t thread, std::vector<std::string_view> tags)
      : tables_(tables), placement_(tables, thread, thread), tags_(std::move(tags)) {
    task_ = "task-" + std::to_string(thread) + "-0000000000";
    place_.task = task_;
    place_.requirements.all_tags = tags_;
  }

  wire::Reply place() {
    for (size_t i = task_.size(); ++task_[--i] > '9';)
      task_[i] = '0';
    std::string_view error;
    const TaskKey key = placement_.expect(task_);
    compile_query(place_, tables_.names, query_, text_, error);
    return placement_.place({Instant{1}, 0}, place_, key, query_, text_);
  }

  void release(wire::ReservationId id) {
    wire::Release release;
    release.reservations = {&id.value, 1};
    placement_.release(release);
    text_.clear();
  }

  wire::Place& request() { return place_; }
  void clear() { text_.clear(); }

 private:
  Tables& tables_;
  Placement placement_;
  std::vector<std::string_view> tags_;
  std::string task_;
  wire::Place place_;
  Query query_;
  Arena text_;
};

/// Made when first asked for. `copy`: another one that looks the same.
World& world(uint32_t workers, uint16_t shards = 1, int copy = 0) {
  static std::map<std::tuple<uint32_t, uint16_t, int>, World> worlds;
  return worlds.try_emplace({workers, shards, copy}, workers, shards).first->second;
}

void place_and_release(benchmark::State& state) {
  World& fleet = world(static_cast<uint32_t>(state.range(0)));
  Client client(fleet.tables, 0, {"hot0", "hot1"});
  for (auto step : state) {
    wire::Reply reply = client.place();
    client.release(std::get<wire::Placed>(reply).reservation);
  }
}
BENCHMARK(place_and_release)->Arg(500)->Arg(1'000)->Arg(10'000)->Arg(100'000);

void place_with_resources(benchmark::State& state) {
  World& fleet = world(static_cast<uint32_t>(state.range(0)));
  Client client(fleet.tables, 0, {"hot0", "hot1"});
  client.request().demand.cpu_milli = 500;
  client.request().demand.memory_mib = 1'024;
  for (auto step : state) {
    wire::Reply reply = client.place();
    client.release(std::get<wire::Placed>(reply).reservation);
  }
}
BENCHMARK(place_with_resources)->Arg(10'000)->Arg(100'000);

void no_match(benchmark::State& state) {
  World& fleet = world(static_cast<uint32_t>(state.range(0)));
  Search search(fleet.tables.fleet, fleet.tables.names, 0, false, 1);
  TypicalTasks typical;
  Query query;
  query.all = {
      fleet.tables.names.find(NameKind::Tag, "cold0"),
      fleet.tables.names.find(NameKind::Tag, "cold1")};
  std::vector<WorkerIndex> skip;
  for (auto step : state)
    benchmark::DoNotOptimize(search.choose(query, typical, skip).found);
}
BENCHMARK(no_match)->Arg(10'000)->Arg(100'000);

/// More kinds of query than are remembered, each met for the first time again and again.
void no_match_many_queries(benchmark::State& state) {
  World& fleet = world(static_cast<uint32_t>(state.range(0)));
  Search search(fleet.tables.fleet, fleet.tables.names, 0, false, 1);
  TypicalTasks typical;
  std::vector<Query> queries(1'000);
  NameId cold[] = {
      fleet.tables.names.find(NameKind::Tag, "cold0"),
      fleet.tables.names.find(NameKind::Tag, "cold1")};
  for (size_t i = 0; i < queries.size(); ++i) {
    queries[i].all = {cold[0], cold[1]};
    queries[i].none = {
        NameId{static_cast<uint32_t>(1 + i % fleet.tables.names.count())},
        NameId{static_cast<uint32_t>(1 + i / 8 % fleet.tables.names.count())}};
  }
  std::vector<WorkerIndex> skip;
  size_t at = 0;
  for (auto step : state) {
    benchmark::DoNotOptimize(search.choose(queries[at++ % 1'000], typical, skip).found);
  }
}

void no_match_explained(benchmark::State& state) {
  World& fleet = world(static_cast<uint32_t>(state.range(0)));
  Client client(fleet.tables, 0, {"cold0", "cold1"});
  for (auto step : state) {
    wire::Reply reply = client.place();
    benchmark::DoNotOptimize(reply);
    client.clear();
  }
}
BENCHMARK(no_match_many_queries)->Arg(10'000)->Arg(100'000);
BENCHMARK(no_match_explained)->Arg(10'000)->Arg(100'000);

void heartbeat(benchmark::State& state) {
  World& fleet = world(static_cast<uint32_t>(state.range(0)));
  bool full = state.range(1) != 0;
  static uint64_t sequence = 1;
  std::vector<std::string> ids;
  for (int64_t i = 0; i < state.range(0); ++i)
    ids.push_back("worker-" + std::to_string(i));
  std::vector<std::string_view> tags = {"cold0", "hot0", "hot1", "t1", "t2"};
  wire::Heartbeat beat;
  beat.epoch = 1;
  beat.has_profile = full;
  beat.address = "10.0.0.1:9000";
  beat.tags = tags;
  beat.capacity.slots = 16;
  beat.current_tasks = 3;
  beat.usage = {1000, 2000, 0};
  BeatOutcome outcome;
  size_t at = 0;
  int64_t now = 1;
  for (auto step : state) {
    if (at == ids.size()) at = 0;
    if (at == 0) ++sequence;
    beat.worker = ids[at++];
    beat.sequence = sequence;
    outcome = BeatOutcome{};
    fleet.partitions[0]->heartbeat(Instant{++now}, beat, outcome);
  }
}
BENCHMARK(heartbeat)
    ->ArgNames({"workers", "profile"})
    ->Args({10'000, 1})
    ->Args({10'000, 0})
    ->Args({500, 0});

/// Threads on shared tables, each preferring another shard's segments; or, for what this machine
/// could do at best, each on tables of its own.
void place_by_threads(benchmark::State& state, bool shared) {
  World& fleet = world(10'000, 2, shared ? 0 : state.thread_index());
  Client client(fleet.tables, static_cast<uint32_t>(state.thread_index()), {"hot0", "hot1"});
  for (auto step : state) {
    wire::Reply reply = client.place();
    if (const auto* placed = std::get_if<wire::Placed>(&reply)) client.release(placed->reservation);
  }
  state.SetItemsProcessed(state.iterations());
}
void make_worlds(const benchmark::State&) {
  world(10'000, 2, 0);
  world(10'000, 2, 1);
}
BENCHMARK_CAPTURE(place_by_threads, shared, true)
    ->Setup(make_worlds)
    ->ThreadRange(1, 2)
    ->UseRealTime();
BENCHMARK_CAPTURE(place_by_threads, apart, false)
    ->Setup(make_worlds)
    ->ThreadRange(1, 2)
    ->UseRealTime();

}  // namespace
}  // namespace berth::core

BENCHMARK_MAIN();
