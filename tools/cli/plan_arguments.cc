#include <CLI/CLI.hpp>

#include "tools/cli/command_tree.h"
#include "tools/cli/place_options.h"

namespace berth::cli {

namespace {

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
  solve
      ->add_option_function<std::string>(
          "--budget",
          [&ask](const std::string& text) { ask.budget = duration_value("--budget", text); },
          "Longest time to look for something better (default 1s)")
      ->type_name("TIME");
  solve
      ->add_option_function<std::string>(
          "--seed",
          [&ask](const std::string& text) { ask.seed = count_value("--seed", text, UINT64_MAX); },
          "Of the search's random choices (default 1)")
      ->type_name("N");
  solve
      ->add_option(
          "--engine", ask.engine, "auto (default), greedy, exact (up to 20 tasks) or anytime")
      ->type_name("NAME")
      ->check(CLI::IsMember({"auto", "greedy", "exact", "anytime"}));
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
}

}  // namespace berth::cli
