#include <CLI/CLI.hpp>

#include "tools/cli/command_tree.h"
#include "tools/cli/place_options.h"

namespace berth::cli {

namespace {

void add_emit(CLI::App& command, PlanAsk& ask) {
  command
      .add_option(
          "--emit", ask.emit, "Print the problem for other planners instead: domain, then problem")
      ->type_name("pddl")
      ->check(CLI::IsMember({"pddl"}));
}

void add_budget(CLI::App& command, PlanAsk& ask, const char* help) {
  command
      .add_option_function<std::string>(
          "--budget",
          [&ask](const std::string& text) { ask.budget = duration_value("--budget", text); },
          help)
      ->type_name("TIME");
}

void add_seed(CLI::App& command, PlanAsk& ask) {
  command
      .add_option_function<std::string>(
          "--seed",
          [&ask](const std::string& text) { ask.seed = count_value("--seed", text, UINT64_MAX); },
          "Of the search's random choices (default 1)")
      ->type_name("N");
}

void add_solve(CLI::App& plan, Invocation& invocation) {
  PlanAsk& ask = invocation.plan;
  CLI::App* solve = add_command(
      plan,
      invocation,
      Command::PlanSolve,
      "solve",
      "Find a schedule for a problem in a file; no server is asked",
      "  berth plan solve --problem shop.json\n"
      "  berth plan solve --problem shop.json --budget 5s --seed 7 --json | jq .cost\n"
      "  berth plan solve --problem small.json --engine exact\n");
  solve->add_option("--problem", ask.problem, "The problem as JSON; - for standard input")
      ->type_name("FILE")
      ->required();
  add_budget(*solve, ask, "Longest time to look for something better (default 1s)");
  add_seed(*solve, ask);
  add_emit(*solve, ask);
  solve
      ->add_option(
          "--engine", ask.engine, "auto (default), greedy, exact (up to 20 tasks) or anytime")
      ->type_name("NAME")
      ->check(CLI::IsMember({"auto", "greedy", "exact", "anytime"}));
}

/// `2:like=gpu-1`.
AddedWorkers added_value(const std::string& text) {
  constexpr std::string_view kLike = ":like=";
  const size_t colon = text.find(kLike);
  if (colon == std::string::npos || colon + kLike.size() == text.size()) {
    throw CLI::ValidationError(
        "--add is '" + text + "': give how many and a worker to copy, as 2:like=gpu-1",
        CLI::ExitCodes::ValidationError);
  }
  const uint64_t count = count_value("--add", text.substr(0, colon), 10'000);
  if (count == 0) {
    throw CLI::ValidationError(
        "--add is '" + text + "', which adds nothing: give 1 or more, or leave it out",
        CLI::ExitCodes::ValidationError);
  }
  return {static_cast<uint32_t>(count), text.substr(colon + kLike.size())};
}

void add_live(CLI::App& plan, Invocation& invocation) {
  CLI::App* history = add_command(
      plan,
      invocation,
      Command::PlanHistory,
      "history",
      "The last plans for jobs, newest first, and whether the planner is at work",
      "  berth plan history --limit 5\n");
  history
      ->add_option_function<std::string>(
          "--limit",
          [&invocation](const std::string& text) {
            invocation.count = static_cast<uint32_t>(count_value("--limit", text, 100));
          },
          "At most so many (default 20)")
      ->type_name("N");
  CLI::App* show = add_command(
      plan,
      invocation,
      Command::PlanShow,
      "show",
      "One plan: what it costs and who runs where from when",
      "  berth plan show              # the newest\n  berth plan show 17 --json\n");
  show->add_option_function<std::string>(
          "PLAN",
          [&invocation](const std::string& text) {
            invocation.plan.id = text == "last" ? 0 : count_value("PLAN", text, UINT64_MAX);
          },
          "Its id, or 'last' (default: the newest)")
      ->type_name("ID");
  CLI::App* explain = add_command(
      plan,
      invocation,
      Command::PlanExplain,
      "explain",
      "Where and when a job is planned, and why not before",
      "  berth plan explain 4711\n  berth plan explain last\n");
  add_selectors(*explain, invocation, /*required=*/true, /*one=*/true);
}

void add_what_if(CLI::App& plan, Invocation& invocation) {
  PlanAsk& ask = invocation.plan;
  CLI::App* what_if = add_command(
      plan,
      invocation,
      Command::PlanWhatIf,
      "what-if",
      "Plan what waits as it is and as it would be; nothing is changed",
      "  berth plan what-if --drain gpu-1\n"
      "  berth plan what-if --add 2:like=gpu-1 --job train.toml --json\n"
      "  berth plan what-if --emit pddl > now.pddl\n");
  what_if->add_option("--drain", ask.drained, "This worker takes no further job; again for more")
      ->type_name("WORKER");
  what_if
      ->add_option_function<std::vector<std::string>>(
          "--add",
          [&ask](const std::vector<std::string>& texts) {
            for (const std::string& text : texts)
              ask.added.push_back(added_value(text));
          },
          "So many further workers like that one, all of them free")
      ->type_name("N:like=WORKER");
  what_if->add_option("--job", ask.job_files, "The jobs of this file are submitted now")
      ->type_name("FILE");
  what_if
      ->add_option_function<std::string>(
          "--assume",
          [&ask](const std::string& text) { ask.assumed = duration_value("--assume", text); },
          "How long a job runs that does not say it (default 1m)")
      ->type_name("TIME");
  add_budget(*what_if, ask, "Longest time to look for each of the two plans (default 1s)");
  add_seed(*what_if, ask);
  add_emit(*what_if, ask);
}

void add_simulate(CLI::App& plan, Invocation& invocation) {
  PlanAsk& ask = invocation.plan;
  CLI::App* simulate = add_command(
      plan,
      invocation,
      Command::PlanSimulate,
      "simulate",
      "Replay a workload log in virtual time: when would each job have started?",
      "  berth plan simulate --swf log.swf --policy easy --out starts.jsonl\n"
      "  berth plan simulate --swf log.swf --skip 1981 --count 1024 --policy plan \\\n"
      "      --estimates learned --out starts.jsonl --json\n");
  simulate->add_option("--swf", ask.swf, "A log in the Standard Workload Format")
      ->type_name("FILE")
      ->required();
  simulate
      ->add_option("--out", ask.out, "A line for each job: {\"job\", \"start_s\"}; - for stdout")
      ->type_name("FILE")
      ->required();
  const auto number = [&](const char* name, auto& to, uint64_t max, const char* help) {
    return simulate
        ->add_option_function<std::string>(
            name,
            [&to, name, max](const std::string& text) { to = count_value(name, text, max); },
            help)
        ->type_name("N");
  };
  const auto not_none = [](const std::string& text) {
    const bool none = !text.empty() && text.find_first_not_of('0') == std::string::npos;
    return none ? "'" + text + "' would replay nothing: give 1 or more, or leave it out" : "";
  };
  number("--skip", ask.skip, UINT32_MAX, "Leave out the first of the jobs that ran");
  number("--count", ask.count, UINT32_MAX, "Replay so many (default: all)")->check(not_none);
  simulate
      ->add_option(
          "--policy",
          ask.policy,
          "Who decides: fcfs, easy, sjbf, or the server: greedy, plan (default)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"fcfs", "easy", "sjbf", "greedy", "plan"}));
  simulate
      ->add_option(
          "--estimates",
          ask.estimates,
          "Run times taken for granted: requested (default), actual, or learned from those that "
          "have ended")
      ->type_name("NAME")
      ->check(CLI::IsMember({"requested", "actual", "learned"}));
  number("--steps", ask.steps, 1'000'000'000, "Of each plan's search (default 20000)");
  number("--seed", ask.seed, UINT64_MAX, "Of the search's random choices (default 1)");
}

}  // namespace

void add_plan_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* plan = add_command(
      app,
      invocation,
      Command::None,
      "plan",
      "Plan ahead: who runs what from when",
      "  berth plan solve --problem shop.json --json\n");
  plan->require_subcommand(1);
  add_solve(*plan, invocation);
  add_simulate(*plan, invocation);
  add_what_if(*plan, invocation);
  add_live(*plan, invocation);
}

}  // namespace berth::cli
