#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "net/forms/times.h"
#include "tools/cli/commands.h"
#include "tools/cli/live_plan.h"
#include "tools/cli/live_problem.h"
#include "tools/cli/live_view.h"
#include "tools/cli/pddl.h"
#include "tools/cli/plan_problem.h"
#include "tools/cli/plan_text.h"
#include "tools/cli/table.h"

namespace berth::cli {

namespace {

using core::Ticks;

// ---- The answer -----------------------------------------------------------------------------

bool is_new(const std::string& job) {
  return job.starts_with("new-");
}

struct Fate {
  bool planned = false;
  std::string worker;
  std::vector<uint16_t> gpus;
  double start_s = 0;
  double end_s = 0;
  bool late = false;
};

/// One job, as it is and as it would be.
struct Line {
  std::string job;
  std::string name;
  Fate before;
  Fate after;

  /// It could run, or is supposed to, and no worker is left that could ever run it.
  bool stranded() const { return !after.planned && (before.planned || is_new(job)); }
  bool moves() const { return before.planned && after.planned && before.worker != after.worker; }
  double shift_s() const {
    return before.planned && after.planned ? after.start_s - before.start_s : 0;
  }
};

std::vector<uint16_t> indexes_of(core::GpuSet gpus) {
  std::vector<uint16_t> all;
  for (uint16_t i = 0; i < core::kGpusMax; ++i) {
    if ((gpus >> i & 1) != 0) all.push_back(i);
  }
  return all;
}

Fate fate_of(const LiveProblem& live, const LivePlan& planned, const std::string& job) {
  const auto& tasks = live.problem.tasks;
  for (uint32_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].id != job) continue;
    const auto [worker, start] = planned.tasks[i];
    const Ticks end = start + live.problem.duration_on(i, worker);
    return {
        true,
        live.problem.workers[worker].id,
        indexes_of(planned.gpus[i]),
        seconds_of(start),
        seconds_of(end),
        end > tasks[i].deadline};
  }
  return {};
}

Json fate_json(const Fate& fate) {
  if (!fate.planned) return nullptr;
  return {
      {"worker", fate.worker},
      {"gpus", fate.gpus},
      {"start_s", fate.start_s},
      {"end_s", fate.end_s},
      {"late", fate.late}};
}

std::string when(double seconds) {
  return seconds < 0.001 ? "now" : "+" + format_length(static_cast<int64_t>(seconds * 1'000));
}

struct Totals {
  size_t moved = 0;
  size_t earlier = 0;
  size_t later = 0;
  size_t late_before = 0;
  size_t late_after = 0;
  size_t stranded = 0;
  double end_before_s = 0;
  double end_after_s = 0;
};

Totals total(const std::vector<Line>& lines) {
  constexpr double kNoticed_s = 0.001;
  Totals totals;
  for (const Line& line : lines) {
    totals.moved += line.moves() ? 1 : 0;
    totals.earlier += line.shift_s() < -kNoticed_s ? 1 : 0;
    totals.later += line.shift_s() > kNoticed_s ? 1 : 0;
    totals.late_before += line.before.late ? 1 : 0;
    totals.late_after += line.after.late ? 1 : 0;
    totals.stranded += line.stranded() ? 1 : 0;
    totals.end_before_s = std::max(totals.end_before_s, line.before.end_s);
    totals.end_after_s = std::max(totals.end_after_s, line.after.end_s);
  }
  return totals;
}

/// A number wherever a job has one; those that are supposed have a name instead.
Json job_key(const std::string& job) {
  if (is_new(job)) return {{"new", job}};
  return {{"job_id", std::stoull(job)}};
}

std::string answer_json(const std::vector<Line>& lines, const LiveProblem& live) {
  Json jobs = Json::array();
  for (const Line& line : lines) {
    Json& one = jobs.emplace_back(job_key(line.job));
    one["name"] = line.name;
    one["before"] = fate_json(line.before);
    one["after"] = fate_json(line.after);
  }
  Json left_out = Json::array();
  for (const LiveProblem::LeftOut& one : live.left_out)
    left_out.emplace_back(job_key(one.job))["why"] = one.why;
  const Totals totals = total(lines);
  return to_line(
      {{"jobs", std::move(jobs)},
       {"left_out", std::move(left_out)},
       {"moved", totals.moved},
       {"earlier", totals.earlier},
       {"later", totals.later},
       {"late_before", totals.late_before},
       {"late_after", totals.late_after},
       {"stranded", totals.stranded},
       {"end_before_s", totals.end_before_s},
       {"end_after_s", totals.end_after_s},
       {"assumed", live.assumed}});
}

std::string answer_text(
    const std::vector<Line>& lines, const LiveProblem& live, const PlanAsk& ask) {
  Table table({{"JOB"}, {"NAME"}, {"WORKER"}, {"START"}, {"WAS"}, {"END"}, {""}});
  for (const Line& line : lines) {
    const Fate& now = line.after;
    std::string was = line.before.planned ? when(line.before.start_s) : "-";
    if (line.moves()) was += " on " + line.before.worker;
    table.add(
        {line.job,
         line.name,
         now.planned ? now.worker + gpus_text(now.gpus) : "-",
         now.planned ? when(now.start_s) : "never",
         was,
         now.planned ? when(now.end_s) : "-",
         now.late ? "late" : ""});
  }
  std::string text = lines.empty() ? "" : table.text(isatty(STDOUT_FILENO) == 1);
  for (const LiveProblem::LeftOut& one : live.left_out)
    text += "job " + one.job + ": " + one.why + "\n";
  const Totals totals = total(lines);
  text += std::to_string(lines.size()) + " jobs: " + std::to_string(totals.moved) +
          " on another worker, " + std::to_string(totals.earlier) + " earlier, " +
          std::to_string(totals.later) + " later; " + std::to_string(totals.late_after) +
          " late (" + std::to_string(totals.late_before) + " as it is); " +
          (totals.stranded == 0 ? "all done " : "the rest done ") + when(totals.end_after_s) +
          " (" + when(totals.end_before_s) + " as it is)\n";
  if (live.assumed > 0) {
    text += std::to_string(live.assumed) +
            " jobs do not say how long they run: " + format_length(ask.assumed.count()) +
            " is assumed (--assume)\n";
  }
  return text + "nothing was changed\n";
}

std::vector<Line> compare(
    const LiveProblem& before,
    const LivePlan& as_it_is,
    const LiveProblem& after,
    const LivePlan& supposed) {
  std::vector<Line> lines;
  for (size_t i = 0; i < before.problem.tasks.size(); ++i) {
    const std::string& job = before.problem.tasks[i].id;
    lines.push_back(
        {job, before.names[i], fate_of(before, as_it_is, job), fate_of(after, supposed, job)});
  }
  for (size_t i = 0; i < after.problem.tasks.size(); ++i) {
    const std::string& job = after.problem.tasks[i].id;
    if (!is_new(job)) continue;
    Line& line = lines.emplace_back();
    line.job = job;
    line.name = after.names[i];
    line.after = fate_of(after, supposed, job);
  }
  for (const LiveProblem::LeftOut& one : after.left_out) {
    if (is_new(one.job)) lines.emplace_back().job = one.job;
  }
  return lines;
}

}  // namespace

Exit run_plan_what_if(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const PlanAsk& ask = session.invocation().plan;
  client::Result<LiveView> view = fetch_view(*berth);
  if (!view) return session.fail(view.error());
  const client::Result<Supposed> supposed = read_supposed(ask, *berth, view.value());
  if (!supposed) return session.fail(supposed.error());
  const LiveOptions options{.assumed = ask.assumed};
  const LiveProblem after = live_problem(*view, *supposed, options);
  if (!ask.emit.empty()) {
    const Pddl pddl = to_pddl(after.problem);
    return write_out(pddl.domain + "\n" + pddl.problem) ? Exit::Ok : Exit::Failed;
  }
  const LiveProblem before = live_problem(*view, {}, options);
  const LivePlan as_it_is = plan_live(before, {.budget = ask.budget, .seed = ask.seed});
  const LivePlan changed = plan_live(after, {ask.budget, ask.seed, &before, &as_it_is});
  const std::vector<Line> lines = compare(before, as_it_is, after, changed);
  const std::string out =
      session.invocation().json ? answer_json(lines, after) : answer_text(lines, after, ask);
  if (!write_out(out)) return Exit::Failed;
  const size_t stranded = total(lines).stranded;
  if (stranded == 0) return Exit::Ok;
  std::fprintf(
      stderr,
      "berth: %zu of the jobs could not run anywhere then; add a worker that suits them, or drain "
      "fewer\n",
      stranded);
  return Exit::CannotBePlaced;
}

}  // namespace berth::cli
