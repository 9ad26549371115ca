#include <memory>

#include "loadgen/agents.h"
#include "loadgen/control.h"
#include "loadgen/engine.h"
#include "loadgen/open_files.h"
#include "loadgen/progress.h"
#include "loadgen/run.h"

namespace berth::loadgen {
namespace {

EngineOptions placing(const RunContext& context, const Workload& workload) {
  const Options& options = context.options;
  EngineOptions engine;
  engine.link = context.link_options(wire::Role::Client, "loadgen");
  engine.lane.scenario = Scenario::Schedule;
  engine.lane.depth = options.depth;
  engine.lane.seed = options.workload.seed;
  engine.lane.match_none = workload.matching() == 0;
  engine.place.policy = options.policy;
  engine.place.run = context.run;
  engine.epoch = context.run;
  engine.lanes = options.connections;
  engine.lanes_of_run = options.connections;
  engine.own_workers = false;  // they belong to the agents
  return engine;
}

std::string setting_of(const Options& options) {
  std::string text = std::to_string(options.agents) + " agents at 3 s";
  if (options.place_rate > 0) {
    text +=
        ", " + std::to_string(static_cast<uint64_t>(options.place_rate)) + " placements/s beside";
  }
  return text;
}

// Holds the agents for the time asked for, with the placements if there are to be any.
Failure hold(
    const RunContext& context,
    LinkLoop& loop,
    const Agents& agents,
    Engine* engine,
    core::Instant start) {
  ArrivalPlan plan;
  plan.per_second = context.options.place_rate;
  plan.start = start;
  plan.end = start + core::Duration{static_cast<int64_t>(context.options.seconds * 1e9)};
  if (engine != nullptr) return engine->drive(plan, context.stop);
  auto over = [&] {
    return context.stop.load(std::memory_order_relaxed) || agents.all_lost();
  };
  (void)loop.run_until(over, plan.end);  // reaching the end is what is wanted
  return {};
}

void fill(const Options& options, const Agents& agents, const Engine* engine, Report& report) {
  report.scenario = options.name;
  report.setting = setting_of(options);
  report.requests = agents.beats();
  report.errors = agents.errors();
  report.first_error = agents.first_error();
  report.latency.add(agents.latency());
  report.add("agents", options.agents);
  report.add("acks", static_cast<double>(agents.latency().count()));
  if (engine == nullptr) return;
  const Tally& tally = engine->tally();
  report.errors += tally.errors;
  if (report.first_error.empty()) report.first_error = tally.first_error;
  report.add("placements", static_cast<double>(tally.placements));
  report.add("placements_per_s", static_cast<double>(tally.placements) / report.seconds);
  report.add("placement_latency_us", tally.latency);
}

Failure measure(
    const RunContext& context,
    LinkLoop& loop,
    Agents& agents,
    Engine* engine,
    Control& control,
    Report& report) {
  if (Failure failure = control.watch(agents.id_prefix())) return failure;
  ServerUsage before;
  if (Failure failure = control.usage(before)) return failure;
  core::Instant start = LinkLoop::now();
  agents.start_measuring();
  Failure held;
  {
    Progress progress(loop, "acks", [&agents] { return agents.latency().count(); });
    held = hold(context, loop, agents, engine, start);
  }
  report.seconds = static_cast<double>((LinkLoop::now() - start).ns) / 1e9;
  agents.stop_measuring();
  fill(context.options, agents, engine, report);
  // The answer comes behind every event that the server has sent before it.
  Failure asked = control.usage(report.server);
  if (!asked) report.server.cpu_s -= before.cpu_s;
  report.add("false_suspicions", static_cast<double>(control.suspicions()));
  report.errors += control.suspicions();
  if (control.suspicions() > 0 && report.first_error.empty()) {
    report.first_error = "the server suspected an agent that was beating";
  }
  return held ? held : asked;
}

}  // namespace

Failure run_hold(const RunContext& context, Report& report) {
  const Options& options = context.options;
  if (Failure failure = allow_connections(uint64_t{options.agents} + options.connections + 1)) {
    return failure;
  }
  Workload workload(options.workload);
  LinkLoop loop;
  Control control(loop, context.link_options(wire::Role::Client, "loadgen"));
  if (Failure failure = control.connect()) return failure;
  Agents agents(loop, workload, context.link_options(wire::Role::Agent, ""), context.run);
  std::unique_ptr<Engine> engine;
  if (options.place_rate > 0) {
    engine = std::make_unique<Engine>(loop, workload, placing(context, workload));
    if (Failure failure = engine->connect()) return failure;
  }
  Failure failure = agents.connect(context.stop);
  if (!failure) failure = measure(context, loop, agents, engine.get(), control, report);
  Failure left = agents.dismiss();
  return failure ? failure : left;
}

}  // namespace berth::loadgen
