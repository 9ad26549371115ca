#include <chrono>
#include <cstdio>
#include <string>

#include "core/plan/engine/exact_search.h"
#include "core/plan/engine/solver.h"
#include "net/forms/job_fields.h"
#include "tools/cli/commands.h"
#include "tools/cli/pddl.h"
#include "tools/cli/plan_problem.h"
#include "tools/cli/table.h"

namespace berth::cli {

namespace {

using core::EngineChoice;
using core::Problem;
using core::Schedule;
using Clock = std::chrono::steady_clock;

// Between two looks at the clock: a millisecond or less.
constexpr uint64_t kStepsPerLook = 10'000;

Exit say(const Invocation& invocation, Exit exit, const char* token, const std::string& sentence) {
  std::fprintf(stderr, "berth: %s\n", sentence.c_str());
  if (invocation.json) (void)write_out(to_line({{"error", token}, {"message", sentence}}));
  return exit;
}

EngineChoice choice_named(const std::string& name) {
  if (name == "greedy") return EngineChoice::Greedy;
  if (name == "exact") return EngineChoice::Exact;
  return name == "anytime" ? EngineChoice::Anytime : EngineChoice::Auto;
}

/// In the unit of the answer: seconds, weighted seconds or workers.
double shown_cost(const Problem& problem, double cost) {
  return problem.goal == core::Goal::WorkersUsed ? cost : cost / core::kTicksPerSecond;
}

/// Planned as long as the budget lasts.
struct Answer {
  Schedule schedule;
  double bound = 0;
  bool proved = false;
  double elapsed_s = 0;
};

Json answer_json(const Problem& problem, const std::string& engine, const Answer& answer) {
  Json assignments = Json::array();
  for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
    const auto [worker, start] = answer.schedule.tasks[task];
    assignments.push_back(
        {{"task", problem.tasks[task].id},
         {"worker", problem.workers[worker].id},
         {"start_s", seconds_of(start)},
         {"duration_s", seconds_of(problem.duration_on(task, worker))}});
  }
  return {
      {"assignments", std::move(assignments)},
      {"cost", shown_cost(problem, answer.schedule.cost)},
      {"bound", shown_cost(problem, answer.bound)},
      {"proved", answer.proved},
      {"engine", engine},
      {"elapsed_s", answer.elapsed_s}};
}

std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", number);
  return text;
}

std::string answer_text(const Problem& problem, const std::string& engine, const Answer& answer) {
  Table table({{"TASK"}, {"WORKER"}, {"START", Table::Align::Right}, {"END", Table::Align::Right}});
  for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
    const auto [worker, start] = answer.schedule.tasks[task];
    table.add(
        {problem.tasks[task].id,
         problem.workers[worker].id,
         number_text(seconds_of(start)) + "s",
         number_text(seconds_of(start + problem.duration_on(task, worker))) + "s"});
  }
  const double cost = shown_cost(problem, answer.schedule.cost);
  const double bound = shown_cost(problem, answer.bound);
  std::string line = "cost " + number_text(cost);
  if (answer.proved) {
    line += ", proved best";
  } else {
    line += ", no schedule costs less than " + number_text(bound);
    if (bound > 0) line += " (gap " + number_text((cost / bound - 1) * 100) + " %)";
  }
  return table.text() + line + "; " + engine + ", " + number_text(answer.elapsed_s) + "s\n";
}

/// What every schedule has to keep to, besides capacities and `after`: `meets all deadlines`.
std::string rules_of(const Problem& problem) {
  bool dated = false;
  bool held = false;
  for (const Problem::Task& task : problem.tasks) {
    const bool dateless = task.deadline >= core::kNever;
    dated = dated || !dateless;
    held = held || (dateless && task.after.empty() && problem.goal == core::Goal::WorkersUsed);
  }
  if (!held) return "meets all deadlines";
  return std::string(dated ? "meets all deadlines and " : "") +
         "starts every task without a deadline at its release, as workers_used asks for";
}

std::string why_none(const Problem& problem, EngineChoice choice, bool certain) {
  const std::string rules = rules_of(problem);
  const bool held = rules.find("release") != std::string::npos;
  const std::string remedy =
      held ? "give such tasks a deadline_s, or add workers" : "check the deadlines, or add workers";
  if (certain) return "no schedule " + rules + ": " + remedy;
  const bool greedy = choice == EngineChoice::Greedy;
  return "no schedule that " + rules + " was found: " +
         (greedy ? "--engine greedy makes but one, choose auto" : "raise --budget") + "; or " +
         remedy;
}

}  // namespace

Exit run_plan_solve(const Invocation& invocation) {
  const PlanAsk& ask = invocation.plan;
  const Clock::time_point began = Clock::now();
  std::string text;
  std::string fault;
  Problem problem;
  if (!read_whole_file(ask.problem, text, fault) || !read_problem(text, problem, fault)) {
    return say(invocation, Exit::Usage, "bad_problem", fault);
  }
  if (const std::string why = core::unschedulable(problem); !why.empty()) {
    return say(invocation, Exit::CannotBePlaced, "infeasible", why);
  }
  if (!ask.emit.empty()) {
    const Pddl pddl = to_pddl(problem);
    return write_out(pddl.domain + "\n" + pddl.problem) ? Exit::Ok : Exit::Failed;
  }
  const EngineChoice choice = choice_named(ask.engine);
  if (choice == EngineChoice::Exact && problem.tasks.size() > core::kExactTasksMax) {
    return say(
        invocation,
        Exit::Usage,
        "bad_request",
        "--engine exact takes up to " + std::to_string(core::kExactTasksMax) +
            " tasks, the problem has " + std::to_string(problem.tasks.size()) +
            ": use --engine auto");
  }
  const auto engine = core::make_engine(problem, choice, core::Rng(ask.seed));
  while (Clock::now() - began < ask.budget && engine->advance(kStepsPerLook)) {}
  if (engine->best() == nullptr) {
    const bool certain = engine->bound() > 1e300;
    return say(invocation, Exit::CannotBePlaced, "infeasible", why_none(problem, choice, certain));
  }
  Answer answer = {*engine->best(), engine->bound(), engine->proved()};
  answer.elapsed_s = std::chrono::duration<double>(Clock::now() - began).count();
  std::string name = ask.engine == "auto" ? "auto" : ask.engine;
  if (choice != EngineChoice::Exact) name += "/" + std::string(core::search_name(problem));
  const std::string out = invocation.json ? to_line(answer_json(problem, name, answer))
                                          : answer_text(problem, name, answer);
  return write_out(out) ? Exit::Ok : Exit::Failed;
}

}  // namespace berth::cli
