#include "loadgen/options.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include "loadgen/jobs/job_submitter.h"
#include "loadgen/link.h"
#include "wire/tokens.h"

namespace berth::loadgen {
namespace {

struct LoadCommand {
  const char* name;
  Scenario scenario;
  const char* help;
};

constexpr LoadCommand kLoads[] = {
    {"ping", Scenario::Ping, "The ceiling: the cheapest request there is"},
    {"heartbeat", Scenario::Heartbeat, "Heartbeats of the run's workers"},
    {"schedule", Scenario::Schedule, "Placements by two tags, each reserved and released again"},
    {"mixed", Scenario::Mixed, "Half placements, four tenths heartbeats, one tenth pings"},
};

void add_common(CLI::App& command, Options& options) {
  command
      .add_option("--server", options.server, "Where berthd listens, HOST:PORT, or BERTH_SERVER")
      ->capture_default_str();
  command.add_option("--token", options.token, "Secret shared with the server, or BERTH_TOKEN");
  command.add_flag("--json", options.json, "One JSON object on stdout");
}

void add_seconds(CLI::App& command, Options& options) {
  command.add_option("--seconds", options.seconds, "How long")->capture_default_str();
}

void add_connections(CLI::App& command, Options& options) {
  command.add_option("--connections", options.connections, "TCP connections")
      ->capture_default_str();
  command.add_option("--depth", options.depth, "Requests under way on each connection")
      ->capture_default_str();
}

void add_tags(CLI::App& command, Options& options) {
  WorkloadOptions& workload = options.workload;
  command.add_option("--tags", workload.tags, "Distinct tags")->capture_default_str();
  command.add_option("--tags-per-worker", workload.tags_per_worker, "Tags of each worker")
      ->capture_default_str();
  command
      .add_option("--match", workload.match, "Fraction of the workers that match a query's tags")
      ->capture_default_str();
  command.add_option("--slots", workload.slots, "Slots of each worker")->capture_default_str();
  command.add_option("--seed", workload.seed, "Of everything made up")->capture_default_str();
}

void add_policy(CLI::App& command, Options& options) {
  command.add_option_function<std::string>(
      "--policy",
      [&options](const std::string& text) {
        std::optional<wire::Policy> policy = wire::policy_from(text);
        if (!policy) {
          throw CLI::ValidationError(
              "--policy is '" + text + "': give least-loaded, best-fit, fgd, spread or pack",
              CLI::ExitCodes::ValidationError);
        }
        options.policy = *policy;
      },
      "least-loaded, best-fit, fgd, spread or pack");
}

void add_load(CLI::App& app, const LoadCommand& load, Options& options) {
  CLI::App& command = *app.add_subcommand(load.name, load.help);
  add_common(command, options);
  add_connections(command, options);
  add_seconds(command, options);
  command.add_option("--requests", options.requests, "So many requests instead of --seconds")
      ->excludes("--seconds");
  command.add_option(
      "--rate", options.rate, "Open loop: so many requests a second, whatever comes back");
  command.add_option("--threads", options.threads, "Threads of the generator")
      ->capture_default_str();
  command.add_option("--workers", options.workload.workers, "Workers to register")
      ->capture_default_str();
  add_tags(command, options);
  bool beats = load.scenario == Scenario::Heartbeat || load.scenario == Scenario::Mixed;
  bool places = load.scenario == Scenario::Schedule || load.scenario == Scenario::Mixed;
  if (places) add_policy(command, options);
  if (beats) {
    command.add_flag("--full-beats", options.full_beats, "Measured heartbeats carry the profile");
  }
  command.callback([&options, load] {
    options.command = Command::Load;
    options.scenario = load.scenario;
    options.name = load.name;
  });
}

void add_hold(CLI::App& app, Options& options) {
  CLI::App& command = *app.add_subcommand("hold", "Many agents, each on its connection, at 3 s");
  add_common(command, options);
  command.add_option("--agents", options.agents, "Agents to connect")->capture_default_str();
  add_seconds(command, options);
  command.add_option(
      "--place-rate", options.place_rate, "Placements a second made beside, open loop");
  add_connections(command, options);
  add_tags(command, options);
  add_policy(command, options);
  command.callback([&options] {
    options.command = Command::Hold;
    options.scenario = Scenario::Schedule;
    options.name = "hold";
  });
}

void add_replay(CLI::App& app, Options& options) {
  CLI::App& command = *app.add_subcommand("replay", "Places the tasks of a trace, in order");
  add_common(command, options);
  command
      .add_option(
          "--arrivals", options.arrivals, "The trace: nodes, then tasks, one JSON object a line")
      ->required();
  add_policy(command, options);
  command
      .add_option(
          "--batch",
          options.batch,
          "Tasks sent at a time; with policy fgd they are placed together")
      ->capture_default_str();
  command.add_option("--out", options.out, "Where to write who got which task")->required();
  command.callback([&options] {
    options.command = Command::Replay;
    options.name = "replay";
  });
}

void add_jobs(CLI::App& app, Options& options) {
  CLI::App& command =
      *app.add_subcommand("jobs", "Durable jobs, from submit to completed, on simulated workers");
  add_common(command, options);
  command.add_option("--jobs", options.jobs, "How many")->capture_default_str();
  command
      .add_option_function<double>(
          "--seconds",
          [&options](double seconds) { options.seconds = seconds; },
          "Submit for so long instead of --jobs")
      ->excludes("--jobs");
  command.add_option("--in-flight", options.in_flight, "Jobs submitted and not yet completed")
      ->capture_default_str();
  command.add_option("--workers", options.job_workers, "Workers, each on a connection of its own")
      ->capture_default_str();
  command.add_option(
      "--fail", options.fail, "Probability that an attempt fails; the third of a job never does");
  command.add_option("--batch", options.batch, "Jobs in one submit, at most (default 100)");
  command.add_option("--connections", options.connections, "Connections that submit (default 1)");
  command.add_option("--depth", options.depth, "Submits under way on each of them")
      ->capture_default_str();
  command.add_option(
      "--rate", options.rate, "Open loop: so many jobs a second, whatever comes back");
  command.add_option(
      "--pending", options.pending, "First submit so many jobs that no worker can run");
  command.add_flag("--keep", options.keep, "Leave the workers and the pending jobs behind");
  command.add_flag("--reconnect", options.reconnect, "Go on when the server was restarted");
  command.add_option("--seed", options.workload.seed, "Decides which attempts fail")
      ->capture_default_str();
  command.preparse_callback([&options](size_t) {
    // Before the flags are read: these are this command's own defaults.
    options.seconds = 0;
    options.connections = 1;
    options.batch = 100;
  });
  command.callback([&options] {
    options.command = Command::Jobs;
    options.name = "jobs";
  });
}

void add_job_queries(CLI::App& app, Options& options) {
  CLI::App& command = *app.add_subcommand(
      "jobs-query", "Show, explain and list of random jobs that the server has, one at a time");
  add_common(command, options);
  command.add_option("--requests", options.requests, "How many questions (default 3000)");
  command.add_option("--seed", options.workload.seed, "Decides which jobs")->capture_default_str();
  command.preparse_callback([&options](size_t) { options.requests = 3'000; });
  command.callback([&options] {
    options.command = Command::JobQueries;
    options.name = "jobs-query";
  });
}

// Whether the matching workers can hold what is placed and not yet released, if chance sends all of
// it to one pair of tags. A refusal for want of room would be counted as an error of the server.
std::string check_room(const Options& options) {
  const WorkloadOptions& workload = options.workload;
  double matching = workload.match * workload.workers;
  if (matching < 0.5) return "";  // nothing is to be placed at all
  double room = matching * (workload.slots - workload.slots / 2);
  double held = double(options.connections) * double(options.depth + Lane::kReleaseMin);
  if (held <= room) return "";
  return "up to " + std::to_string(static_cast<uint64_t>(held)) +
         " tasks would be held at a time, and the workers that match a query have " +
         std::to_string(static_cast<uint64_t>(room)) +
         " free slots: raise --workers, --match or --slots, or lower --connections or --depth";
}

std::string check_jobs(const Options& options) {
  if (options.seconds == 0 && options.jobs < 1) return "--jobs must be at least 1";
  if (!(options.seconds >= 0 && options.seconds <= 1e6)) return "--seconds must be above 0";
  if (!(options.rate >= 0)) return "a rate cannot be negative";
  if (options.in_flight < 1 || options.in_flight > 1'000'000) {
    return "--in-flight is out of range: give 1 to 1000000";
  }
  if (options.job_workers < 1 || options.job_workers > 10'000) {
    return "--workers is out of range: give 1 to 10000";
  }
  if (!(options.fail >= 0 && options.fail <= 1)) return "--fail is out of range: give 0 to 1";
  if (options.batch < 1 || options.batch > 2'000) return "--batch is out of range: give 1 to 2000";
  if (options.connections < 1 || options.connections > 10'000) {
    return "--connections is out of range: give 1 to 10000";
  }
  if (options.depth < 1 || options.depth > JobSubmitter::kDepthMax) {
    return "--depth is out of range: give 1 to 4096";
  }
  if (options.pending > 10'000'000) return "--pending is out of range: give 0 to 10000000";
  return "";
}

// The sentence that refuses values no command can work with; empty when all is well.
std::string check_values(Options& options) {
  if (options.command == Command::Jobs) return check_jobs(options);
  if (options.command == Command::JobQueries) {
    return options.requests >= 1 ? "" : "--requests must be at least 1";
  }
  if (options.command == Command::Replay) {
    return options.batch >= 1 && options.batch <= 4'096 ? ""
                                                        : "--batch is out of range: give 1 to 4096";
  }
  if (!(options.seconds > 0 && options.seconds <= 1e6)) return "--seconds must be above 0";
  if (!(options.rate >= 0) || !(options.place_rate >= 0)) return "a rate cannot be negative";
  if (options.connections < 1 || options.connections > 10'000) {
    return "--connections is out of range: give 1 to 10000";
  }
  if (options.depth < 1 || options.depth > Lane::kDepthMax) {
    return "--depth is out of range: give 1 to 4096";
  }
  if (options.threads < 1 || options.threads > 64 || options.threads > options.connections) {
    return "--threads is out of range: give 1 to 64, and at most --connections";
  }
  if (options.command == Command::Hold) {
    if (options.agents < 1 || options.agents > 100'000)
      return "--agents is out of range: give 1 to 100000";
    options.workload.workers = options.agents;
  } else if (options.scenario == Scenario::Heartbeat || options.scenario == Scenario::Mixed) {
    if (options.workload.workers < options.connections) {
      return "--workers is below --connections: every connection needs a worker of its own";
    }
  } else if (options.scenario == Scenario::Schedule && options.workload.workers == 0) {
    return "--workers is 0: there would be nothing to place on";
  }
  if (std::string problem = check(options.workload); !problem.empty()) return problem;
  bool places = options.scenario == Scenario::Schedule || options.scenario == Scenario::Mixed;
  bool placing = options.command == Command::Load ? places : options.place_rate > 0;
  return placing ? check_room(options) : "";
}

// CLI11 would read the variables for every command, also after the flag of the one that was given.
void read_environment(Options& options) {
  const char* server = std::getenv("BERTH_SERVER");
  if (server != nullptr && *server != 0) options.server = server;
  const char* token = std::getenv("BERTH_TOKEN");
  if (token != nullptr && *token != 0) options.token = token;
}

// CLI11 calls a misspelt command a missing one.
std::string check_command(const CLI::App& app, const char* word) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == word) return "";
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  return "there is no command '" + std::string(word) + "'; there are " + names;
}

}  // namespace

bool parse_options(int argc, char** argv, Options& options, int& exit_code) {
  read_environment(options);  // first: the help shows what stands as the default
  CLI::App app("Drives a berth server and says how well it did.", "berth-loadgen");
  app.set_version_flag("--version", "berth-loadgen " BERTH_VERSION);
  app.require_subcommand(1);
  for (const LoadCommand& load : kLoads)
    add_load(app, load, options);
  add_hold(app, options);
  add_replay(app, options);
  add_jobs(app, options);
  add_job_queries(app, options);
  app.footer(
      "Examples:\n"
      "  berth-loadgen ping --connections 8 --depth 64 --seconds 3\n"
      "  berth-loadgen schedule --workers 10000 --rate 150000 --depth 1 --json\n"
      "  berth-loadgen hold --agents 10000 --seconds 60 --place-rate 50000\n"
      "  berth-loadgen replay --arrivals trace.jsonl --policy fgd --out placed.jsonl\n"
      "  berth-loadgen jobs --jobs 1000000 --in-flight 512 --workers 8\n"
      "  berth-loadgen jobs --jobs 2000 --in-flight 1 --batch 1      # one at a time\n"
      "  berth-loadgen jobs --pending 1000000 --keep && berth-loadgen jobs-query\n\n"
      "Its commands have a --help of their own.");
  if (argc > 1 && argv[1][0] != '-') {
    if (std::string problem = check_command(app, argv[1]); !problem.empty()) {
      std::fprintf(stderr, "berth-loadgen: %s; see --help\n", problem.c_str());
      exit_code = kExitUsage;
      return false;
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      exit_code = app.exit(error);  // prints the help or the version
    } else {
      std::fprintf(stderr, "berth-loadgen: %s; see --help\n", error.what());
      exit_code = kExitUsage;
    }
    return false;
  }
  std::string problem = check_values(options);
  if (problem.empty()) return true;
  std::fprintf(stderr, "berth-loadgen: %s\n", problem.c_str());
  exit_code = kExitUsage;
  return false;
}

}  // namespace berth::loadgen
