#include "tools/cli/arguments.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "core/settings.h"
#include "net/text/units.h"
#include "tools/cli/command_tree.h"
#include "tools/cli/place_options.h"

namespace berth::cli {
namespace {

// ---- The tree -------------------------------------------------------------------------------

void add_common_options(CLI::App& app, Invocation& invocation) {
  app.add_option("--server", invocation.server, "Servers; the first that answers is asked")
      ->type_name("HOST:PORT[,...]")
      ->envname("BERTH_SERVER");
  app.add_option(
         "--token-file", invocation.token_file, "File with the secret shared with the server")
      ->type_name("FILE")
      ->envname("BERTH_TOKEN_FILE");
  app.add_option_function<std::string>(
         "--timeout",
         [&invocation](const std::string& text) {
           invocation.timeout = duration_value("--timeout", text);
         },
         "Longest time for an answer (default 5s)")
      ->type_name("TIME");
  app.add_flag("--json", invocation.json, "Answer as JSON");
}

void add_worker_name(CLI::App& command, Invocation& invocation) {
  command.add_option("worker", invocation.worker, "The worker's id")->type_name("ID")->required();
}

void add_worker_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* worker = add_command(
      app,
      invocation,
      Command::None,
      "worker",
      "List, show and take out workers",
      "  berth worker list --tag gpu\n  berth worker drain node-7 --reason 'new disk'\n");
  worker->require_subcommand(1);

  CLI::App* list = add_command(
      *worker,
      invocation,
      Command::WorkerList,
      "list",
      "All workers, or those with given tags",
      "  berth worker list\n  berth worker list --tag gpu --tag a100 --limit 20 --json\n");
  list->add_option_function<std::vector<std::string>>(
          "--tag",
          [&invocation](const std::vector<std::string>& values) {
            for (const std::string& value : values) {
              for (const std::string_view tag : net::split_list(value)) {
                invocation.list.tags.emplace_back(tag);
              }
            }
          },
          "Only workers that have this tag; repeat for more")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("TAG");
  list->add_option_function<std::string>(
          "--limit",
          [&invocation](const std::string& text) {
            invocation.list.limit = static_cast<uint32_t>(count_value("--limit", text, 1'000'000));
          },
          "At most so many (default: all)")
      ->type_name("N");

  CLI::App* show = add_command(
      *worker,
      invocation,
      Command::WorkerShow,
      "show",
      "Everything about one worker",
      "  berth worker show node-7\n  berth worker show node-7 --json | jq .free\n");
  add_worker_name(*show, invocation);

  struct Change {
    Command command;
    const char* name;
    const char* help;
    const char* example;
  };
  const Change changes[] = {
      {Command::WorkerCordon,
       "cordon",
       "Give a worker no new tasks",
       "cordon node-7 --reason 'noisy fan'"},
      {Command::WorkerDrain,
       "drain",
       "Take a worker out: no new tasks, and tell its agent",
       "drain node-7 --reason 'new disk'"},
      {Command::WorkerUndrain,
       "undrain",
       "Let a cordoned or drained worker take tasks again",
       "undrain node-7"},
      {Command::WorkerForget,
       "forget",
       "Remove a worker from the table until it beats again",
       "forget node-7"},
  };
  for (const Change& change : changes) {
    CLI::App* added = add_command(
        *worker,
        invocation,
        change.command,
        change.name,
        change.help,
        std::string("  berth worker ") + change.example + "\n");
    add_worker_name(*added, invocation);
    added->add_option("--reason", invocation.reason, "Why; shown to whoever asks")
        ->type_name("TEXT");
  }
}

void add_placing_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* place = add_command(
      app,
      invocation,
      Command::Place,
      "place",
      "Ask where a task should run, and hold the place",
      "  berth place --task t1 --tags gpu --any 'A100|H100' --cpu 2 --memory 4GiB\n"
      "  berth place --task t2 --gpu 0.5 --policy fgd --hold 30s --json\n"
      "  berth place --task t3 --tags gpu --wait 1m --explain\n");
  add_place_options(*place, invocation.place);

  CLI::App* release = add_command(
      app,
      invocation,
      Command::Release,
      "release",
      "Give held places back",
      "  berth release --task t1\n  berth release --reservation 1073741825\n");
  release->add_option("--task", invocation.release.tasks, "By task; repeat for more")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("ID");
  release
      ->add_option(
          "--reservation", invocation.release.reservations, "By reservation; repeat for more")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("ID");
  release->require_option(1, 0);
}

void add_interval(CLI::App& command, Invocation& invocation) {
  command
      .add_option_function<std::string>(
          "--interval",
          [&invocation](const std::string& text) {
            invocation.interval =
                std::max(client::Milliseconds(1), duration_value("--interval", text));
          },
          "Time between two (default 1s)")
      ->type_name("TIME");
}

void add_count(CLI::App& command, Invocation& invocation, const char* help) {
  command
      .add_option_function<std::string>(
          "--count",
          [&invocation](const std::string& text) {
            invocation.count = static_cast<uint32_t>(count_value("--count", text, 1'000'000'000));
          },
          help)
      ->type_name("N");
}

void add_looking_commands(CLI::App& app, Invocation& invocation) {
  add_command(
      app,
      invocation,
      Command::Stats,
      "stats",
      "The numbers of the server",
      "  berth stats\n  berth stats --json\n");
  add_command(
      app,
      invocation,
      Command::Tags,
      "tags",
      "Every tag and how many workers have it",
      "  berth tags\n");
  CLI::App* watch = add_command(
      app,
      invocation,
      Command::Watch,
      "watch",
      "Print what happens to workers as it happens",
      "  berth watch\n  berth watch --json --count 10\n");
  add_count(*watch, invocation, "End after so many events (default: never)");
  CLI::App* events = add_command(
      app,
      invocation,
      Command::Events,
      "events",
      "Print what happens to jobs, workers, plans and the server as it happens",
      "  berth events --kind worker --kind server\n  berth events --json --after 1099511627790\n");
  events
      ->add_option(
          "--kind", invocation.kinds, "Only events of this kind; may be repeated (default: all)")
      ->type_name("KIND")
      ->check(CLI::IsMember({"job", "worker", "plan", "server"}));
  events->add_option("--worker", invocation.worker, "Only events that name this worker")
      ->type_name("ID");
  events->add_option("--after", invocation.job.after, "Go on after this sequence number")
      ->type_name("N");
  add_count(*events, invocation, "End after so many events (default: never)");
  CLI::App* top = add_command(
      app,
      invocation,
      Command::Top,
      "top",
      "A live table of the workers; q leaves",
      "  berth top\n  berth top --interval 500ms\n");
  add_interval(*top, invocation);
  CLI::App* ping = add_command(
      app,
      invocation,
      Command::Ping,
      "ping",
      "Measure the round trip to the server",
      "  berth ping\n  berth ping --count 100 --interval 10ms --json\n");
  add_count(*ping, invocation, "So many pings (default 4)");
  add_interval(*ping, invocation);
}

void add_other_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* console = add_command(
      app,
      invocation,
      Command::Console,
      "console",
      "Talk to the server's console, with history",
      "  berth console\n  berth console 127.0.0.1:7642\n  echo workers | berth console\n");
  console->add_option("address", invocation.console, "The console (default 127.0.0.1:7642)")
      ->type_name("HOST:PORT")
      ->envname("BERTH_CONSOLE");
  CLI::App* completion = add_command(
      app,
      invocation,
      Command::Completion,
      "completion",
      "Print a completion script for a shell",
      "  source <(berth completion bash)\n"
      "  berth completion zsh > \"${fpath[1]}/_berth\"\n"
      "  berth completion fish > ~/.config/fish/completions/berth.fish\n");
  completion->add_option("shell", invocation.shell, "bash, zsh or fish")
      ->type_name("SHELL")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  add_command(
      app,
      invocation,
      Command::Version,
      "version",
      "The version of this program",
      "  berth version\n");
}

// ---- What went wrong ------------------------------------------------------------------------

std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? "berth" : path_of(*parent) + " " + app.get_name();
}

const CLI::App& deepest(const CLI::App& app) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  return parsed.empty() ? app : deepest(*parsed.front());
}

bool takes_command(const CLI::App& app) {
  const std::string path = path_of(app);
  return path == "berth run" || path == "berth job submit";
}

/// Usage lines that show the task's command, which CLI11 never gets to see, and `jobs...` for
/// "one or more".
class UsageFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string text = CLI::Formatter::make_usage(app, std::move(name));
    if (takes_command(*app)) text.insert(text.find_last_not_of('\n') + 1, " -- CMD [ARG...]");
    return text;
  }

  std::string make_option_usage(const CLI::Option* option) const override {
    const std::string name =
        make_option_name(option, true) + (option->get_expected_max() > 1 ? "..." : "");
    return option->get_required() ? name : "[" + name + "]";
  }
};

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames())
        names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* each : app.get_subcommands(nullptr))
    names.push_back(each->get_name());
  return names;
}

std::string usage_error(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App& command = deepest(root);
  std::string said = error.what();
  const std::vector<std::string> left = root.remaining(true);
  const bool option = !left.empty() && left.front().starts_with("-");
  if (!left.empty()) {
    const std::string word = left.front().substr(0, left.front().find('='));
    const std::vector<std::string> names = option ? option_names(command) : command_names(command);
    const std::string_view nearest =
        net::nearest_word(word, std::vector<std::string_view>(names.begin(), names.end()));
    said = (option ? "unknown option '" : "unknown word '") + word + "' after '" +
           path_of(command) + "'";
    if (!nearest.empty()) {
      said += "; did you mean '" + std::string(nearest) + "'?";
    } else if (!option && takes_command(command)) {
      said += "; a command stands behind --: " + path_of(command) + " -- " + word;
    }
  }
  return "berth: " + said + "\nSee '" + path_of(command) + " --help'.\n";
}

}  // namespace

std::unique_ptr<CLI::App> make_arguments(Invocation& invocation) {
  auto app = std::make_unique<CLI::App>("Finds every task a place to run.", "berth");
  app->set_version_flag("--version", "berth " BERTH_VERSION);
  app->formatter(std::make_shared<UsageFormatter>());
  app->require_subcommand(1);
  app->footer(
      "Examples:\n"
      "  berth worker list\n"
      "  berth place --task t1 --tags gpu --memory 4GiB\n"
      "  berth run --cpu 2 -- make test\n"
      "  BERTH_SERVER=10.0.0.1,10.0.0.2 berth stats --json\n\n"
      "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 unreachable, 6 conflict,\n"
      "7 cannot be placed, 8 timed out; 'run' ends with its task's, or 125 when Berth failed");
  add_common_options(*app, invocation);
  add_placing_commands(*app, invocation);
  add_worker_commands(*app, invocation);
  add_job_commands(*app, invocation);
  add_plan_commands(*app, invocation);
  add_looking_commands(*app, invocation);
  add_other_commands(*app, invocation);
  return app;
}

std::optional<Ending> parse_arguments(std::vector<std::string> words, Invocation& invocation) {
  const std::unique_ptr<CLI::App> app = make_arguments(invocation);
  // What follows `--` is the task's; CLI11 would take a word such as `[a,b]` to pieces.
  const auto end = std::find(words.begin(), words.end(), "--");
  const bool has_command = end != words.end();
  if (has_command) invocation.job.draft.spec.command.assign(end + 1, words.end());
  words.erase(end, words.end());
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app->parse(words);
  } catch (const CLI::CallForHelp&) {
    const CLI::App& command = deepest(*app);
    const CLI::App* parent = command.get_parent();
    return Ending{.out = command.help(parent == nullptr ? "" : path_of(*parent))};
  } catch (const CLI::CallForAllHelp&) {
    return Ending{.out = app->help("", CLI::AppFormatMode::All)};
  } catch (const CLI::CallForVersion& version) {
    return Ending{.out = std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return Ending{.code = Exit::Usage, .err = usage_error(*app, error)};
  }
  if (const auto endpoints = client::parse_endpoints(invocation.server); !endpoints) {
    return Ending{
        .code = Exit::Usage,
        .err = "berth: --server: " + endpoints.error().message + "\nSee 'berth --help'.\n"};
  }
  if (const std::string problem = job_arguments_problem(invocation, has_command);
      !problem.empty()) {
    const CLI::App& command = deepest(*app);
    return Ending{
        .code = Exit::Usage,
        .err = "berth: " + problem + "\nSee '" + path_of(command) + " --help'.\n"};
  }
  return std::nullopt;
}

}  // namespace berth::cli
