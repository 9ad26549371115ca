#pragma once

#include <string>

#include "tools/cli/invocation.h"

namespace CLI {
class App;
}

namespace berth::cli {

/// A command of the tree, with its examples; `Command::None` for one that only holds others.
CLI::App* add_command(
    CLI::App& parent,
    Invocation& invocation,
    Command command,
    const char* name,
    const char* help,
    const std::string& examples);

/// JOB, into `job.selectors`; `one`: a single word.
void add_selectors(CLI::App& command, Invocation& invocation, bool required, bool one);

/// `run`, `job …` and `admin …`.
void add_job_commands(CLI::App& app, Invocation& invocation);

/// `plan …`.
void add_plan_commands(CLI::App& app, Invocation& invocation);

/// What the tree alone cannot check about jobs: one sentence, or nothing.
std::string job_arguments_problem(const Invocation& invocation, bool has_command);

}  // namespace berth::cli
