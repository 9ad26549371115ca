#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <sstream>

#include <nlohmann/json.hpp>

#include "loadgen/audit.h"
#include "loadgen/control.h"
#include "loadgen/progress.h"
#include "loadgen/replay.h"
#include "loadgen/run.h"
#include "loadgen/trace.h"
#include "net/text/whole_file.h"

namespace berth::loadgen {
namespace {

Failure open_failed(const std::string& path) {
  return {kExitUsage, "cannot open '" + path + "': " + std::strerror(errno)};
}

Failure load(const std::string& path, Trace& trace) {
  std::string text;
  std::string problem;
  if (!net::read_whole_file(path, text, problem)) {
    return {kExitUsage, "--arrivals " + problem + "; name a trace"};
  }
  std::istringstream in(std::move(text));
  if (read_trace(in, trace, problem)) return {};
  return {kExitUsage, "--arrivals '" + path + "': " + problem};
}

Failure write_answers(const std::string& path, const Trace& trace, const Replay& replay) {
  std::ofstream out(path);
  if (!out) return open_failed(path);
  for (size_t i = 0; i < replay.answers().size(); ++i) {
    const Answer& answer = replay.answers()[i];
    nlohmann::ordered_json line;
    line["pod"] = trace.tasks[i].pod;
    line["node"] = answer.placed ? nlohmann::ordered_json(answer.node) : nlohmann::ordered_json();
    line["gpus"] = answer.gpus;
    out << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  }
  out.close();
  if (out) return {};
  return {kExitFailed, "cannot write '" + path + "': " + std::strerror(errno)};
}

void fill(const Options& options, const Trace& trace, const Replay& replay, Report& report) {
  Audit audit(trace);
  const std::span<const Answer> answers = replay.answers();
  for (size_t from = 0; from < answers.size(); from += options.batch) {
    const size_t count = std::min<size_t>(options.batch, answers.size() - from);
    audit.check(std::span(trace.tasks).subspan(from, count), answers.subspan(from, count));
  }
  report.scenario = options.name;
  report.setting = std::to_string(trace.nodes.size()) + " nodes, " +
                   std::to_string(trace.tasks.size()) + " tasks, " + std::to_string(options.batch) +
                   " at a time";
  report.requests = replay.answers().size();
  report.errors = audit.violations() + audit.wrong_refusals();
  report.first_error = audit.first_problem();
  report.latency.add(replay.latency());
  report.add("placed", static_cast<double>(audit.placed()));
  report.add("refused", static_cast<double>(audit.refused()));
  report.add("violations", static_cast<double>(audit.violations()));
  report.add("wrong_refusals", static_cast<double>(audit.wrong_refusals()));
  Report::Extra allocated{"gpu_allocated_percent", 0, {}};
  for (auto [mark, percent] : audit.allocated_percent()) {
    allocated.parts.emplace_back(std::to_string(mark), percent);
  }
  if (!allocated.parts.empty()) report.extras.push_back(std::move(allocated));
}

Failure measure(
    const RunContext& context, LinkLoop& loop, Replay& replay, Control& control, Report& report) {
  ServerUsage before;
  if (Failure failure = control.usage(before)) return failure;
  core::Instant start = LinkLoop::now();
  Failure placed;
  {
    Progress progress(loop, "tasks", [&replay] { return replay.answers().size(); });
    placed = replay.place(context.stop);
  }
  report.seconds = static_cast<double>((LinkLoop::now() - start).ns) / 1e9;
  if (placed) return placed;
  if (Failure failure = control.usage(report.server)) return failure;
  report.server.cpu_s -= before.cpu_s;
  return {};
}

}  // namespace

Failure run_replay(const RunContext& context, Report& report) {
  const Options& options = context.options;
  Trace trace;
  if (Failure failure = load(options.arrivals, trace)) return failure;
  LinkLoop loop;
  Control control(loop, context.link_options(wire::Role::Client, "loadgen"));
  if (Failure failure = control.connect()) return failure;
  Replay replay(
      loop,
      trace,
      {context.link_options(wire::Role::Client, "loadgen"),
       options.policy,
       options.batch,
       context.run});
  if (Failure failure = replay.connect()) return failure;
  Failure failure = replay.enroll(context.stop);
  if (!failure) failure = measure(context, loop, replay, control, report);
  if (!replay.answers().empty()) fill(options, trace, replay, report);
  Failure written = write_answers(options.out, trace, replay);
  Failure left = replay.dismiss();
  for (Failure* each : {&failure, &written, &left}) {
    if (*each) return *each;
  }
  return {};
}

}  // namespace berth::loadgen
