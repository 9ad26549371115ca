// Plans of durable jobs in one process: from a snapshot of busy workers and waiting jobs to a whole
// plan, before any search for a better one. Method and figures: docs/benchmarks.md.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/base/rng.h"
#include "core/jobs/job_ledger.h"
#include "core/plan/job_plan.h"
#include "core/tables/partition.h"
#include "wire/spec.h"

namespace berth::core {
namespace {

constexpr Ticks kS = kTicksPerSecond;
constexpr size_t kSlots = static_cast<size_t>(Resource::Slots);
constexpr size_t kCpu = static_cast<size_t>(Resource::Cpu);
constexpr uint32_t kTags = 4;

/// Workers of 4 slots and 16 cores, all busy, every other one with a tag; jobs of eight kinds.
JobSnapshot busy_fleet(uint32_t hosts, uint32_t jobs) {
  Rng rng(1);
  JobSnapshot world;
  world.seed = 1;
  world.move_price = 0.05;
  world.fragmentation_price = 0.01;
  world.hosts.resize(hosts);
  for (uint32_t host = 0; host < hosts; ++host) {
    SnapshotHost& one = world.hosts[host];
    one.worker = host;
    one.node.capacity[kSlots] = 4;
    one.node.capacity[kCpu] = 16'000;
    one.node.free[kCpu] = 8'000;
    one.names_begin = static_cast<uint32_t>(world.names.size());
    if (host % 2 == 0) world.names.push_back(NameId{1 + host / 2 % kTags});
    one.names_end = static_cast<uint32_t>(world.names.size());
    for (uint32_t slot = 0; slot < 4; ++slot) {
      HoldingJob& runs = world.holding.emplace_back();
      runs.job = 1'000'000 + world.holding.size();
      runs.host = host;
      runs.until = static_cast<Ticks>(1 + rng.below(600)) * kS;
      runs.holding.amounts[kSlots] = 1;
      runs.holding.amounts[kCpu] = 2'000;
    }
  }
  for (uint32_t kind = 0; kind < 8; ++kind) {
    SnapshotQuery& asked = world.queries.emplace_back();
    asked.query.demand.amounts[kSlots] = 1 + kind % 2;
    asked.query.demand.amounts[kCpu] = 1'000 * (1 + kind);
    if (kind % 2 == 1) asked.query.all = {NameId{1 + kind / 2}};
  }
  for (uint32_t id = 0; id < jobs; ++id) {
    WaitingJob& job = world.waiting.emplace_back();
    job.job = 1 + id;
    job.query = static_cast<uint32_t>(rng.below(8));
    job.duration = static_cast<Ticks>(5 + rng.below(1'000)) * kS;
    job.waited = static_cast<Ticks>(jobs - id) * 100'000;
  }
  world.pending = jobs;
  return world;
}

void whole_plan(benchmark::State& state) {
  const JobSnapshot world =
      busy_fleet(static_cast<uint32_t>(state.range(0)), static_cast<uint32_t>(state.range(1)));
  size_t planned = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto snapshot = std::make_unique<JobSnapshot>(world);
    state.ResumeTiming();
    const JobPlan plan = plan_jobs(std::move(snapshot), 0);
    planned = plan.starts.size();
    if (!plan.fault.empty()) state.SkipWithError(plan.fault.c_str());
  }
  state.counters["planned"] = static_cast<double>(planned);
}
BENCHMARK(whole_plan)
    ->ArgNames({"workers", "jobs"})
    ->Args({100, 500})
    ->Args({200, 10'000})
    ->Args({1'000, 1'000})
    ->Args({10'000, 10'000})
    ->Unit(benchmark::kMillisecond);

/// Without the last workers, so many that 100 planned jobs have lost their place.
JobSnapshot after_a_loss(JobSnapshot world, std::map<uint64_t, PlannedStart>& before) {
  std::vector<size_t> jobs_on(world.hosts.size());
  for (const PlannedStart& start : plan_jobs(std::make_unique<JobSnapshot>(world), 0).starts) {
    before[start.job] = start;
    ++jobs_on[start.worker];
  }
  for (size_t lost = 0; lost < 100; world.hosts.pop_back())
    lost += jobs_on[world.hosts.size() - 1];
  const auto left = static_cast<uint32_t>(world.hosts.size());
  std::erase_if(world.holding, [&](const HoldingJob& one) { return one.host >= left; });
  for (WaitingJob& job : world.waiting) {
    const PlannedStart& start = before[job.job];
    if (start.worker < left) job.previous_host = start.worker;
    job.previous_start = start.start;
  }
  world.cause = wire::PlanCause::WorkerLost;
  world.previous_plan = 1;
  return world;
}

/// How much later those start than they were to that have lost their place is in seconds, a mean.
void repair(benchmark::State& state) {
  std::map<uint64_t, PlannedStart> before;
  const JobSnapshot world = after_a_loss(
      busy_fleet(static_cast<uint32_t>(state.range(0)), static_cast<uint32_t>(state.range(1))),
      before);
  const auto steps = static_cast<uint64_t>(state.range(2));
  JobPlan plan;
  for (auto _ : state) {
    state.PauseTiming();
    auto snapshot = std::make_unique<JobSnapshot>(world);
    state.ResumeTiming();
    plan = plan_jobs(std::move(snapshot), steps);
  }
  double later_s = 0;
  for (const PlannedStart& start : plan.starts) {
    if (start.change != wire::PlanChange::Added) continue;
    later_s += static_cast<double>(start.start - before[start.job].start) / kS;
  }
  state.counters["lost"] = plan.diff.added;
  state.counters["moved"] = plan.diff.moved;
  state.counters["cost"] = plan.cost;
  state.counters["later_s"] = later_s / std::max<double>(plan.diff.added, 1);
}
BENCHMARK(repair)
    ->ArgNames({"workers", "jobs", "steps"})
    ->ArgsProduct({{100, 1'000}, {1'000}, {0, 200'000, 800'000}})
    ->Args({1'000, 10'000, 0})
    ->Args({1'000, 10'000, 800'000})
    ->Unit(benchmark::kMillisecond);

/// A ledger whose workers are all busy, with as many jobs waiting. Every other one that runs has
/// outlived the shortest time that it was expected to take.
class Fleet {
 public:
  explicit Fleet(uint32_t workers) : tables_(table_settings(workers)) {
    ledger_.on_start(epoch_floor(1));
    ledger_.start(now_);
    for (uint32_t i = 0; i < workers; ++i)
      add_worker(i);
    turn();
    submit(2 * workers);
    while (turn()) {}
    start_all();
    pass(Duration::seconds(120));
  }

  std::unique_ptr<JobSnapshot> snapshot() {
    pass(Duration::seconds(2));
    return ledger_.take_snapshot(now_);
  }
  void apply(const JobPlan& plan) { ledger_.on_plan(now_, plan); }
  /// False: nothing is left to do.
  bool turn() {
    StoreBatch group;
    const bool more = !ledger_.end_turn(now_, group, effects_);
    if (!group.empty()) ledger_.on_durable(now_, group.sequence, effects_);
    for (const Outgoing& out : effects_.messages) {
      const auto* assignments = std::get_if<wire::Assignments>(&out.message);
      if (assignments == nullptr) continue;
      for (const wire::Assignment& one : assignments->items)
        assigned_.emplace_back(out.to, one.id);
    }
    effects_.clear();
    return more;
  }

 private:
  static Settings table_settings(uint32_t workers) {
    Settings settings;
    settings.workers_max = workers + 1;
    return settings;
  }

  void pass(Duration time) {
    now_.mono = now_.mono + time;
    now_.wall_ms += time.ms();
  }

  void start_all() {
    for (wire::ReportKind kind : {wire::ReportKind::Accepted, wire::ReportKind::Started}) {
      for (const auto& [worker, id] : assigned_) {
        wire::ReportItem item;
        item.kind = kind;
        item.assignment = id;
        const wire::Report report{names_[worker.value - kFirstWorker], {&item, 1}};
        ledger_.step(now_, worker, {1}, report, effects_);
      }
      (void)turn();
    }
  }

  void add_worker(uint32_t number) {
    const std::string& name = names_.emplace_back("worker-" + std::to_string(number));
    const std::string_view tags[] = {"runner:process"};
    wire::Heartbeat beat;
    beat.worker = name;
    beat.epoch = beat.sequence = 1;
    beat.has_profile = true;
    beat.tags = tags;
    beat.capacity.slots = 1;
    BeatOutcome outcome;
    owner_.heartbeat(now_.mono, beat, outcome);
    const WorkerChanged changed{
        name, wire::WorkerChange::Registered, outcome.worker, outcome.generation};
    ledger_.on_worker_changed(now_, changed, effects_);
    const wire::AttachWorker attach{name, 1, 0, false, {}};
    ledger_.step(now_, {kFirstWorker + number}, {1}, attach, effects_);
    effects_.clear();
  }

  void submit(uint32_t count) {
    Rng rng(1);
    for (uint32_t job = 0; job < count; ++job) {
      const std::string_view command[] = {"true"};
      wire::JobSpec spec;
      spec.name = "bench";
      spec.queue = "default";
      spec.command = command;
      spec.estimated_ms = static_cast<uint32_t>(5'000 + rng.below(600'000));
      wire::SpecEncoder encoder;
      const std::span<const std::byte> bytes = encoder.encode(spec);
      std::vector<uint64_t> kept(bytes.size() / 8);
      std::memcpy(kept.data(), bytes.data(), bytes.size());
      const std::span<const std::byte> specs[] = {std::as_bytes(std::span(kept))};
      ledger_.step(now_, {1}, {1}, wire::SubmitJobs{{}, specs, false}, effects_);
      if (job % 1'000 == 999) (void)turn();
    }
  }

  static constexpr uint64_t kFirstWorker = 100;

  std::deque<std::string> names_;
  std::vector<std::pair<wire::ConnectionId, wire::AssignmentId>> assigned_;
  Tables tables_;
  Partition owner_{{0}, tables_.fleet, tables_.names, tables_.settings};
  JobLedger ledger_{tables_, JobSettings{}, 1};
  Effects effects_;
  Now now_{Instant{} + Duration::seconds(100), 1'000'000};
};

/// What the ledger's thread has to do for a plan: `part` 0 the snapshot, 1 taking the plan in, 2
/// the turn after that.
void ledger_part(benchmark::State& state) {
  const auto workers = static_cast<uint32_t>(state.range(0));
  Fleet fleet(workers);
  size_t planned = 0;
  for (auto _ : state) {
    const auto time_from = std::chrono::steady_clock::now;
    auto began = time_from();
    std::unique_ptr<JobSnapshot> snapshot = fleet.snapshot();
    std::array<std::chrono::duration<double>, 3> took{};
    took[0] = time_from() - began;
    const JobPlan plan = plan_jobs(std::move(snapshot), 0);
    planned = plan.starts.size();
    began = time_from();
    fleet.apply(plan);
    took[1] = time_from() - began;
    began = time_from();
    while (fleet.turn()) {}
    took[2] = time_from() - began;
    state.SetIterationTime(took[static_cast<size_t>(state.range(1))].count());
  }
  state.counters["planned"] = static_cast<double>(planned);
}
BENCHMARK(ledger_part)
    ->ArgNames({"workers", "part"})
    ->Args({10'000, 0})
    ->Args({10'000, 1})
    ->Args({10'000, 2})
    ->UseManualTime()
    ->Iterations(30)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace berth::core
