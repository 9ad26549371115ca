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
    simulate
        ->add_option_function<std::string>(
            name,
            [&to, name, max](const std::string& text) { to = count_value(name, text, max); },
            help)
        ->type_name("N");
  };
  number("--skip", ask.skip, UINT32_MAX, "Leave out the first of the jobs that ran");
  number("--count", ask.count, UINT32_MAX, "Replay so many (default: all)");
  simulate->add_option("--policy", ask.policy, "Which start: fcfs, easy, sjbf or plan (default)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"fcfs", "easy", "sjbf", "plan"}));
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
}

}  // namespace berth::cli
