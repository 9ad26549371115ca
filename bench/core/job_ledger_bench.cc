// The life of jobs in one process, without store and sockets: submitted in hundreds, assigned,
// accepted, started, completed, with more jobs waiting behind. Method and figures:
// docs/benchmarks.md.

#include "core/jobs/job_ledger.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/tables/partition.h"
#include "wire/spec.h"

namespace berth::core {
namespace {

constexpr uint32_t kWorkers = 64;
constexpr uint32_t kSlots = 8;  // 512 in flight
constexpr uint32_t kPerSubmit = 100;
constexpr wire::ConnectionId kClient{1};

Settings table_settings() {
  Settings settings;
  settings.workers_max = kWorkers + 1;
  return settings;
}

JobSettings job_settings() {
  JobSettings settings;
  settings.finished_max = 10'000;
  return settings;
}

std::vector<uint64_t> small_spec() {
  wire::JobSpec spec;
  const std::string_view command[] = {"true"};
  spec.name = "bench";
  spec.queue = "default";
  spec.command = command;
  wire::SpecEncoder encoder;
  std::span<const std::byte> bytes = encoder.encode(spec);
  std::vector<uint64_t> kept(bytes.size() / 8);
  std::memcpy(kept.data(), bytes.data(), bytes.size());
  return kept;
}

/// A ledger, workers that do at once what they are told, and a client.
class World {
 public:
  World() : spec_(small_spec()) {
    for (uint32_t i = 0; i < kWorkers; ++i)
      names_.push_back("worker-" + std::to_string(i));
    ledger_.on_start(epoch_floor(1));
    ledger_.start(now_);
    std::vector<std::string_view> tags = {"runner:process"};
    for (uint32_t i = 0; i < kWorkers; ++i) {
      wire::Heartbeat beat;
      beat.worker = names_[i];
      beat.epoch = beat.sequence = 1;
      beat.has_profile = true;
      beat.tags = tags;
      beat.capacity.slots = kSlots;
      BeatOutcome outcome;
      owner_.heartbeat(now_.mono, beat, outcome);
      WorkerChanged changed{
          names_[i], wire::WorkerChange::Registered, outcome.worker, outcome.generation};
      ledger_.on_worker_changed(now_, changed, effects_);
      ask({100 + i}, wire::AttachWorker{names_[i], 1, 0, false, {}});
    }
    turn();
  }

  void submit(uint32_t count) {
    const std::vector<std::span<const std::byte>> specs(
        count, std::as_bytes(std::span<const uint64_t>(spec_)));
    ask(kClient, wire::SubmitJobs{{}, specs, false});
  }

  /// Every worker says the next thing of what it was given. How many jobs completed.
  size_t work() {
    size_t completed = 0;
    for (Lease& lease : std::exchange(leases_, {})) {
      wire::ReportItem item;
      item.kind = lease.next;
      item.assignment = lease.id;
      ask(lease.worker, wire::Report{names_[lease.worker.value - 100], {&item, 1}});
      if (lease.next == wire::ReportKind::Completed) {
        ++completed;
        continue;
      }
      lease.next = lease.next == wire::ReportKind::Accepted ? wire::ReportKind::Started
                                                            : wire::ReportKind::Completed;
      leases_.push_back(lease);
    }
    return completed;
  }

  void turn() {
    now_.mono = now_.mono + Duration{100'000};
    if (++turns_ % 500 == 0) ledger_.on_tick(now_, effects_);
    StoreBatch group;
    ledger_.end_turn(now_, group, effects_);
    if (!group.empty()) ledger_.on_durable(now_, group.sequence, effects_);
    for (const Outgoing& out : effects_.messages) {
      const auto* assignments = std::get_if<wire::Assignments>(&out.message);
      if (assignments == nullptr) continue;
      for (const wire::Assignment& one : assignments->items)
        leases_.push_back({out.to, one.id, wire::ReportKind::Accepted});
    }
    effects_.clear();
  }

 private:
  struct Lease {
    wire::ConnectionId worker;
    wire::AssignmentId id;
    wire::ReportKind next;
  };

  void ask(wire::ConnectionId from, const wire::Request& request) {
    ledger_.step(now_, from, {1}, request, effects_);
  }

  std::vector<uint64_t> spec_;
  std::vector<std::string> names_;
  Tables tables_{table_settings()};
  Partition owner_{{0}, tables_.fleet, tables_.names, tables_.settings};
  JobLedger ledger_{tables_, job_settings(), 1};
  Effects effects_;
  Now now_{Instant{} + Duration::seconds(100), 1'000'000};
  std::vector<Lease> leases_;
  uint64_t turns_ = 0;
};

/// Cost of one life cycle, with so many jobs pending all the time.
void life_cycle(benchmark::State& state) {
  const auto pending = static_cast<uint32_t>(state.range(0));
  World world;
  for (uint32_t i = 0; i < pending; i += kPerSubmit) {
    world.submit(kPerSubmit);
    if (i % 10'000 == 0) world.turn();
  }
  uint64_t completed = 0;
  uint64_t owed = 0;
  for (auto _ : state) {
    const size_t now = world.work();
    completed += now;
    for (owed += now; owed >= kPerSubmit; owed -= kPerSubmit)
      world.submit(kPerSubmit);
    world.turn();
  }
  state.SetItemsProcessed(static_cast<int64_t>(completed));
}
BENCHMARK(life_cycle)->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace berth::core

BENCHMARK_MAIN();
