#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "loadgen/control.h"
#include "loadgen/engine.h"
#include "loadgen/progress.h"
#include "loadgen/run.h"

namespace berth::loadgen {
namespace {

// The engines of a run, one for each thread, and the steps they take together.
class Crew {
 public:
  Crew(const RunContext& context, const Workload& workload) : context_(context) {
    const Options& options = context.options;
    for (uint32_t i = 0; i < options.threads; ++i) {
      loops_.push_back(std::make_unique<LinkLoop>());
      engines_.push_back(
          std::make_unique<Engine>(*loops_.back(), workload, engine_options(workload, i)));
    }
  }

  LinkLoop& main_loop() { return *loops_.front(); }
  const std::vector<std::unique_ptr<Engine>>& engines() const { return engines_; }

  // `step(engine, index)` on every engine at once, each on a thread; the first on this one.
  template <typename Step>
  Failure all(Step step) {
    std::vector<Failure> failures(engines_.size());
    std::vector<std::thread> threads;
    for (uint32_t i = 1; i < engines_.size(); ++i) {
      threads.emplace_back([&, i] { failures[i] = step(*engines_[i], i); });
    }
    failures[0] = step(*engines_[0], 0u);
    for (std::thread& thread : threads)
      thread.join();
    auto failed = std::find_if(
        failures.begin(), failures.end(), [](const Failure& f) { return static_cast<bool>(f); });
    return failed == failures.end() ? Failure{} : *failed;
  }

  uint64_t answered() const {
    uint64_t sum = 0;
    for (const auto& engine : engines_)
      sum += engine->answered();
    return sum;
  }

  // This engine's share of the whole plan.
  ArrivalPlan plan(core::Instant start, uint32_t index) const {
    const Options& options = context_.options;
    ArrivalPlan plan;
    plan.start = start;
    if (options.rate > 0) {
      plan.per_second = options.rate / options.threads;
      // Evenly between those of the others.
      plan.start = start + core::Duration{static_cast<int64_t>(1e9 * index / options.rate)};
    }
    if (options.requests > 0) {
      plan.requests_max =
          options.requests / options.threads + (index < options.requests % options.threads);
    } else {
      plan.end = start + core::Duration{static_cast<int64_t>(options.seconds * 1e9)};
    }
    return plan;
  }

 private:
  EngineOptions engine_options(const Workload& workload, uint32_t index) const {
    const Options& options = context_.options;
    EngineOptions engine;
    engine.link = context_.link_options(wire::Role::Client, "loadgen");
    engine.lane.scenario = options.scenario;
    engine.lane.depth = options.depth;
    engine.lane.seed = options.workload.seed;
    engine.lane.match_none = workload.matching() == 0;
    engine.lane.full_beats = options.full_beats;
    engine.place.policy = options.policy;
    engine.place.run = context_.run;
    engine.epoch = context_.run;
    engine.lanes_of_run = options.connections;
    engine.first_lane = options.connections * index / options.threads;
    engine.lanes = options.connections * (index + 1) / options.threads - engine.first_lane;
    return engine;
  }

  const RunContext& context_;
  std::vector<std::unique_ptr<LinkLoop>> loops_;
  std::vector<std::unique_ptr<Engine>> engines_;
};

std::string setting_of(const Options& options) {
  std::string text = std::to_string(options.connections) + " connections × depth " +
                     std::to_string(options.depth) + ", " +
                     std::to_string(options.workload.workers) + " workers";
  if (options.rate > 0) {
    text += ", open loop at " + std::to_string(static_cast<uint64_t>(options.rate)) + "/s";
  }
  return text;
}

void fill(const Options& options, const Crew& crew, core::Instant start, Report& report) {
  Tally tally;
  core::Instant end = start;
  for (const auto& engine : crew.engines()) {
    tally.add(engine->tally());
    end = std::max(end, engine->done_at());
  }
  report.scenario = options.name;
  report.setting = setting_of(options);
  report.seconds = static_cast<double>((end - start).ns) / 1e9;
  report.requests = tally.requests;
  report.errors = tally.errors;
  report.first_error = tally.first_error;
  report.latency.add(tally.latency);
  if (options.scenario == Scenario::Mixed || options.scenario == Scenario::Schedule) {
    report.add("placements", static_cast<double>(tally.placements));
    report.add("releases", static_cast<double>(tally.releases));
  }
  if (options.scenario == Scenario::Mixed) {
    report.add("heartbeats", static_cast<double>(tally.heartbeats));
  }
}

Failure measure(const RunContext& context, Crew& crew, Control& control, Report& report) {
  ServerUsage before;
  if (Failure failure = control.usage(before)) return failure;
  core::Instant start = LinkLoop::now();
  Failure driven;
  {
    Progress progress(crew.main_loop(), "requests", [&crew] { return crew.answered(); });
    driven = crew.all([&](Engine& engine, uint32_t index) {
      return engine.drive(crew.plan(start, index), context.stop);
    });
  }
  fill(context.options, crew, start, report);
  if (driven) return driven;
  if (Failure failure = control.usage(report.server)) return failure;
  report.server.cpu_s -= before.cpu_s;
  return {};
}

}  // namespace

Failure run_load(const RunContext& context, Report& report) {
  Workload workload(context.options.workload);
  Crew crew(context, workload);
  Control control(crew.main_loop(), context.link_options(wire::Role::Client, "loadgen"));
  if (Failure failure = control.connect()) return failure;
  if (Failure failure = crew.all([](Engine& engine, uint32_t) { return engine.connect(); })) {
    return failure;
  }
  Failure failure = crew.all([&](Engine& engine, uint32_t) { return engine.enroll(context.stop); });
  if (!failure) failure = measure(context, crew, control, report);
  // Whatever happened, what was registered does not stay.
  Failure left = crew.all([](Engine& engine, uint32_t) { return engine.dismiss(); });
  return failure ? failure : left;
}

}  // namespace berth::loadgen
