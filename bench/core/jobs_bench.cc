// What a pending job costs: memory, and the steps of its way to a worker, in the structures of
// core/jobs alone. No ledger, no store, no sockets.

#include <malloc.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/base/rng.h"
#include "core/jobs/check_spec.h"
#include "core/jobs/deadlines.h"
#include "core/jobs/dispatch_queue.h"
#include "core/jobs/job_table.h"
#include "wire/spec.h"

namespace {

// What is allocated now, as the allocator rounds it: unlike resident memory this does not depend on
// what ran before.
size_t allocated_bytes = 0;

}  // namespace

// Not in line: compilers would see `free` meet `new`.
[[gnu::noinline]] void* operator new(size_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  allocated_bytes += malloc_usable_size(memory);
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  allocated_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  operator delete(memory);
}
void* operator new[](size_t bytes) {
  return operator new(bytes);
}
void operator delete[](void* memory) noexcept {
  operator delete(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  operator delete(memory);
}

namespace berth::core {
namespace {

constexpr size_t kSpecBytes = 200;

/// Jobs that wait, in their table and their queue.
class Pending {
 public:
  /// `mixed`: of four priorities, half of them with a deadline; else all alike but for their age.
  Pending(size_t classes, bool mixed) : mixed_(mixed), rng_(1), spec_(kSpecBytes) {
    for (size_t i = 0; i < classes; ++i) {
      wire::JobSpec spec;
      spec.demand.cpu_milli = static_cast<int64_t>(i);
      append_class_key(spec, keys_.emplace_back());
    }
  }

  /// As a submit does: the record, its spec, the class, the queue.
  void add() {
    Job& job = table_.add({++last_id_}, 1);
    job.spec = SpecRef(spec_);
    job.like = queue_.class_of(keys_[last_id_ % keys_.size()]);
    if (mixed_) {
      job.priority = static_cast<int32_t>(rng_.below(4));
      job.deadline_at_ms = static_cast<int64_t>(rng_.below(2) * rng_.below(1'000'000));
    }
    queue_.add(job.like, {job.priority, job.deadline_at_ms, job.id});
  }

  /// As dispatch does. What ran is dropped.
  void take_next() {
    const auto [like, turn] = *queue_.next();
    Job* job = table_.find(turn.id);
    queue_.remove(job->like, turn);
    table_.drop(turn.id);
  }

  DispatchQueue& queue() { return queue_; }

 private:
  bool mixed_;
  Rng rng_;
  std::vector<std::byte> spec_;
  std::vector<std::string> keys_;
  JobTable table_;
  DispatchQueue queue_;
  uint64_t last_id_ = 0;
};

double ns_since(std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double, std::nano> passed = std::chrono::steady_clock::now() - start;
  return passed.count();
}

/// Fills up to the number of jobs, then adds and takes by the hundred around it.
void pending_jobs(benchmark::State& state) {
  constexpr int kBatch = 100;
  const auto jobs = static_cast<size_t>(state.range(0));
  const size_t before = allocated_bytes;
  auto pending =
      std::make_unique<Pending>(static_cast<size_t>(state.range(1)), state.range(2) != 0);
  for (size_t i = 0; i < jobs; ++i)
    pending->add();
  state.counters["bytes_per_job"] =
      static_cast<double>(allocated_bytes - before) / static_cast<double>(jobs);

  double add_ns = 0;
  double take_ns = 0;
  double rounds = 0;
  for (auto _ : state) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kBatch; ++i)
      pending->add();
    add_ns += ns_since(start);
    start = std::chrono::steady_clock::now();
    for (int i = 0; i < kBatch; ++i)
      pending->take_next();
    take_ns += ns_since(start);
    rounds += kBatch;
  }
  state.counters["add_ns"] = add_ns / rounds;
  state.counters["next_find_remove_drop_ns"] = take_ns / rounds;
  state.SetItemsProcessed(static_cast<int64_t>(rounds));
}
BENCHMARK(pending_jobs)
    ->ArgNames({"jobs", "classes", "mixed"})
    ->ArgsProduct({{1'000, 1'000'000}, {1, 1'000}, {0, 1}});

/// A million elements in one record: each is taken from the front, as when it is assigned.
void elements_of_an_array(benchmark::State& state) {
  const std::vector<std::byte> spec(kSpecBytes);
  const size_t before = allocated_bytes;
  JobTable table;
  DispatchQueue queue;
  const JobClass like = queue.class_of("like");
  wire::JobId next{1};
  auto begin = [&] {  // once in a million
    table.add(next, kArrayMax).spec = SpecRef(spec);
    queue.add(like, {0, 0, next}, kArrayMax);
  };
  begin();
  state.counters["bytes_of_a_million"] = static_cast<double>(allocated_bytes - before);
  for (auto _ : state) {
    Job& rest = *table.find(next);
    const bool last = rest.count == 1;
    queue.remove(like, {0, 0, next}, rest.count);
    Job& element = table.take_out(rest, next);
    ++next.value;
    if (!last) queue.add(like, {0, 0, next}, rest.count);
    table.drop(element.id);
    if (last) begin();
  }
}
BENCHMARK(elements_of_an_array);

/// Nothing fits: every class is tried and blocked, then something is freed.
void block_and_unblock(benchmark::State& state) {
  const auto classes = static_cast<size_t>(state.range(0));
  const auto tried = static_cast<size_t>(state.range(1));
  Pending pending(classes, true);
  for (size_t i = 0; i < classes; ++i)
    pending.add();
  for (auto _ : state) {
    for (size_t i = 0; i < tried; ++i)
      pending.queue().block(pending.queue().next()->first);
    pending.queue().unblock_all();
  }
  state.SetItemsProcessed(static_cast<int64_t>(tried) * state.iterations());
}
BENCHMARK(block_and_unblock)
    ->ArgNames({"classes", "tried"})
    ->Args({1, 1})
    ->Args({1'000, 16})
    ->Args({1'000, 1'000})
    ->Args({100'000, 16});

/// Leases of running jobs: renewed at each word of their workers.
void renew_lease(benchmark::State& state) {
  const auto jobs = static_cast<uint64_t>(state.range(0));
  const size_t before = allocated_bytes;
  Deadlines deadlines;
  Rng rng(1);
  int64_t now = 0;
  for (uint64_t job = 0; job < jobs; ++job)
    deadlines.set(DeadlineKind::Lease, job, {++now + 30'000});
  state.counters["bytes_each"] =
      static_cast<double>(allocated_bytes - before) / static_cast<double>(jobs);
  for (auto _ : state)
    deadlines.set(DeadlineKind::Lease, rng.below(jobs), {++now + 30'000});
}
BENCHMARK(renew_lease)->ArgName("jobs")->Arg(1'000)->Arg(1'000'000);

/// A job as people write it.
struct Typical {
  Typical() {
    spec.name = "train-resnet-50";
    spec.queue = "batch";
    spec.labels = labels;
    spec.command = command;
    spec.env = env;
    spec.demand.cpu_milli = 4'000;
    spec.demand.memory_mib = 8'192;
    spec.requirements.all_tags = tags;
  }

  static constexpr std::string_view command[] = {"python3", "train.py", "--epochs", "90"};
  static constexpr std::string_view tags[] = {"linux", "ssd"};
  static constexpr wire::Label env[] = {{"OMP_NUM_THREADS", "4"}};
  static constexpr wire::Label labels[] = {{"team", "vision"}};
  wire::JobSpec spec;
};

void class_key(benchmark::State& state) {
  Typical typical;
  std::string key;
  for (auto _ : state) {
    key.clear();
    append_class_key(typical.spec, key);
    benchmark::DoNotOptimize(key.data());
  }
  state.counters["bytes"] = static_cast<double>(key.size());
}
BENCHMARK(class_key);

void check_one_submit(benchmark::State& state) {
  Typical typical;
  wire::SpecEncoder encoder;
  const std::span<const std::byte> bytes = encoder.encode(typical.spec);
  SubmitCheck check;
  Arena text;
  for (auto _ : state) {
    std::string_view problem;
    text.clear();
    if (!check.check({.specs = {&bytes, 1}}, text, problem)) state.SkipWithError("refused");
  }
  state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(check_one_submit);

}  // namespace
}  // namespace berth::core
