#include "agent/options.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "agent/proc_file.h"
#include "core/settings.h"
#include "net/text/units.h"

namespace berth::agent {

namespace {

constexpr uint16_t kWirePort = 7640;
constexpr int kExitUsage = 2;

using Problem = std::string;  ///< completes "--flag VALUE", or tells of it; empty: none

/// One flag. `read` is given each value once and answers what is wrong with it.
struct Flag {
  const char* name;
  const char* value;  ///< what stands for the value in the help; empty: it takes none
  const char* help;
  Problem (*read)(const std::string& value, Options& options);
  bool repeated = false;  ///< its variable holds a comma-separated list
};

Problem check_name(std::string_view what, std::string_view text, size_t bytes_max) {
  if (text.empty()) return std::string(what) + " is empty; name it";
  if (text.size() > bytes_max) {
    return std::string(what) + " has " + std::to_string(text.size()) + " bytes; use at most " +
           std::to_string(bytes_max);
  }
  for (unsigned char c : text) {
    if (c < 0x20 || c == 0x7F)
      return std::string(what) + " holds a control character; leave it out";
  }
  return {};
}

Problem read_servers(const std::string& value, Options& options) {
  options.servers.clear();
  for (std::string_view server : net::split_list(value)) {
    net::HostPort parsed;
    std::string problem;
    if (!net::parse_host_port(server, kWirePort, parsed, problem)) return problem;
    bool known = false;
    for (const net::HostPort& other : options.servers) {
      known |= other.host == parsed.host && other.port == parsed.port;
    }
    if (!known) options.servers.push_back(parsed);
  }
  return options.servers.empty() ? "names no server; give HOST:PORT" : "";
}

Problem read_id(const std::string& value, Options& options) {
  options.id = value;
  return check_name("the id", value, core::kIdBytesMax);
}

Problem read_address(const std::string& value, Options& options) {
  options.wanted.address = value;
  return check_name("the address", value, core::kAddressBytesMax);
}

Problem read_tags(const std::string& value, Options& options) {
  for (std::string_view tag : net::split_list(value)) {
    if (Problem problem = check_name("the tag", tag, core::kNameBytesMax); !problem.empty()) {
      return problem;
    }
    options.wanted.tags.emplace_back(tag);
  }
  // Some room is left for the tags of the machine itself.
  constexpr size_t kMost = core::kTagsPerWorkerMax - 24;
  if (options.wanted.tags.size() <= kMost) return {};
  return "names " + std::to_string(options.wanted.tags.size()) + " tags; use at most " +
         std::to_string(kMost);
}

Problem read_label(const std::string& value, Options& options) {
  auto label = net::parse_label(value);
  if (!label) return std::string("is not ") + net::kLabelForm;
  if (Problem problem = check_name("the label", value, core::kNameBytesMax); !problem.empty()) {
    return problem;
  }
  for (const NamedText& other : options.wanted.labels) {
    if (other.key == label->first) return "gives label " + other.key + " again; give it once";
  }
  options.wanted.labels.push_back({std::string(label->first), std::string(label->second)});
  if (options.wanted.labels.size() <= core::kLabelsPerWorkerMax) return {};
  return "is one label too many; use at most " + std::to_string(core::kLabelsPerWorkerMax);
}

Problem read_max_tasks(const std::string& value, Options& options) {
  std::optional<uint64_t> count = net::parse_count(value, core::kSlotsMax);
  if (!count || *count == 0) {
    return "is not a whole number from 1 to " + std::to_string(core::kSlotsMax);
  }
  options.wanted.max_tasks = static_cast<int64_t>(*count);
  return {};
}

Problem read_custom(const std::string& value, Options& options) {
  auto pair = net::parse_label(value);
  std::optional<uint64_t> amount =
      pair ? net::parse_count(pair->second, core::kAmountMax) : std::nullopt;
  if (!amount) {
    return "is not NAME=NUMBER, as in licences=4, with at most " + std::to_string(core::kAmountMax);
  }
  if (Problem problem = check_name("the name", pair->first, core::kNameBytesMax);
      !problem.empty()) {
    return problem;
  }
  for (const NamedCount& other : options.wanted.custom) {
    if (other.name == pair->first) return "gives resource " + other.name + " again; give it once";
  }
  options.wanted.custom.push_back({std::string(pair->first), static_cast<int64_t>(*amount)});
  if (options.wanted.custom.size() <= core::kCustomMax) return {};
  return "is one resource too many; use at most " + std::to_string(core::kCustomMax);
}

Problem read_interval(const std::string& value, Options& options) {
  std::optional<core::Duration> interval = net::parse_duration(value);
  if (!interval) return std::string("is not ") + net::kDurationForm;
  bool usable =
      *interval >= core::Duration::milliseconds(10) && *interval <= core::Duration::seconds(3600);
  if (!usable) return "is out of range; use 10ms to 1h";
  options.interval = *interval;
  return {};
}

Problem read_state_dir(const std::string& value, Options& options) {
  options.state_dir = value;
  return value.empty() ? "is empty; name a directory" : "";
}

Problem read_token_file(const std::string& value, Options& options) {
  std::optional<std::string> token = read_text(value);
  if (!token) return "cannot be read; check the path and its permissions";
  if (token->empty()) return "holds no token; write one line into it";
  options.token = *token;
  return {};
}

Problem one_of(const std::string& value, std::initializer_list<const char*> known) {
  std::string list;
  for (const char* word : known) {
    if (value == word) return {};
    list.append(list.empty() ? "" : ", ").append(word);
  }
  return "is not known; use one of " + list;
}

Problem read_run_as(const std::string& value, Options& options) {
  options.run_as = value;
  if (net::parse_count(value, UINT32_MAX - 1)) return {};  // a number; the runner looks at it
  const passwd* user = getpwnam(value.c_str());
  if (user == nullptr) return "is no user of this machine; make it, or name another";
  if (geteuid() == 0 || user->pw_uid == geteuid()) return {};
  return "needs an agent that runs as root; start it so, or leave this out";
}

Problem read_task_cgroup(const std::string& value, Options& options) {
  std::filesystem::path group(value);
  options.task_cgroup = value;
  bool usable =
      group.is_absolute() && group.has_relative_path() && group == group.lexically_normal();
  return usable ? ""
                : "is no group as /proc/PID/cgroup names them; give one, as in "
                  "/berth.slice/berth-tasks.service";
}

Problem read_images(const std::string& value, Options& options) {
  options.images = value;
  return options.images.is_absolute() ? "" : "is not an absolute path; give one";
}

Problem read_docker_socket(const std::string& value, Options& options) {
  options.docker_socket = value == "none" ? "" : value;
  bool usable = options.docker_socket.empty() || options.docker_socket.is_absolute();
  return usable ? "" : "is neither an absolute path nor none; give one";
}

Problem read_on_server_loss(const std::string& value, Options& options) {
  options.stop_on_server_loss = value == "stop";
  return one_of(value, {"keep", "stop"});
}

/// From one second to a year.
Problem read_long_duration(const std::string& value, core::Duration& duration) {
  std::optional<core::Duration> parsed = net::parse_duration(value);
  if (!parsed) return std::string("is not ") + net::kDurationForm;
  duration = *parsed;
  bool usable = duration >= core::Duration::seconds(1) &&
                duration <= core::Duration::seconds(int64_t{366} * 24 * 3600);
  return usable ? "" : "is out of range; use 1s to 8784h";
}

Problem read_server_loss_after(const std::string& value, Options& options) {
  return read_long_duration(value, options.server_loss_after);
}

Problem read_keep_outputs(const std::string& value, Options& options) {
  return read_long_duration(value, options.keep_outputs);
}

Problem read_output_max(const std::string& value, Options& options) {
  std::optional<uint64_t> bytes = net::parse_bytes(value);
  if (!bytes) return std::string("is not ") + net::kSizeForm;
  options.output_bytes_max = *bytes;
  bool usable = *bytes >= 4096 && *bytes <= uint64_t{1} << 40;
  return usable ? "" : "is out of range; use 4KiB to 1024GiB";
}

Problem read_log_level(const std::string& value, Options& options) {
  options.log_level = value;
  return one_of(value, {"debug", "info", "warning", "error"});
}

Problem read_log_format(const std::string& value, Options& options) {
  options.log_format = value;
  return one_of(value, {"auto", "text", "json"});
}

constexpr Flag kFlags[] = {
    {"--server",
     "HOST:PORT[,...]",
     "servers to register with, all of them; jobs come from the first [127.0.0.1:7640]",
     read_servers},
    {"--id",
     "ID",
     "name of this worker [host name and a suffix kept in the state directory]",
     read_id},
    {"--address", "HOST:PORT", "where clients reach its tasks [the host name]", read_address},
    {"--tags", "a,b", "tags beside those of the machine: linux, x86_64, gpu, A100", read_tags},
    {"--label", "KEY=VALUE", "a label such as zone=eu-1a; may be repeated", read_label, true},
    {"--max-tasks", "N", "slots to offer [one for each whole core]", read_max_tasks},
    {"--custom",
     "NAME=NUMBER",
     "an amount of something else to hand out; may be repeated",
     read_custom,
     true},
    {"--interval", "DURATION", "time between heartbeats, less or more a tenth [3s]", read_interval},
    {"--state-dir",
     "DIR",
     "keeps the id and epoch [$STATE_DIRECTORY or ~/.local/state/berth]",
     read_state_dir},
    {"--run-as", "USER", "run tasks as this user; needs root [the agent's own]", read_run_as},
    {"--task-cgroup",
     "GROUP",
     "control group of version 2 for the tasks [the agent's own]",
     read_task_cgroup},
    {"--images", "DIR", "images that jobs name without a path are here", read_images},
    {"--docker-socket",
     "PATH",
     "an engine that runs images which are no files, or none [/var/run/docker.sock]",
     read_docker_socket},
    {"--on-server-loss",
     "keep|stop",
     "what becomes of tasks while no server is there [keep]",
     read_on_server_loss},
    {"--server-loss-after",
     "DURATION",
     "with --on-server-loss stop: how long they go on [5m]",
     read_server_loss_after},
    {"--output-max",
     "SIZE",
     "what is kept of a task's stdout, and of its stderr [64MiB]",
     read_output_max},
    {"--keep-outputs",
     "DURATION",
     "how long outputs are kept after the end [24h]",
     read_keep_outputs},
    {"--stop-tasks-on-exit", "", "stop the tasks when told to stop; else they go on", nullptr},
    {"--no-jobs", "", "run no jobs: offer places alone", nullptr},
    {"--token-file", "FILE", "file that holds the secret shared with the servers", read_token_file},
    {"--log-level", "LEVEL", "debug, info, warning or error [info]", read_log_level},
    {"--log-format",
     "FORMAT",
     "auto, text or json; auto: text on a terminal [auto]",
     read_log_format},
    {"--print-profile", "", "print what would be advertised, and why; then exit", nullptr},
    {"--json", "", "with --print-profile: as one JSON object", nullptr},
    {"--version", "", "print the version; then exit", nullptr},
    {"--help", "", "print this help; then exit", nullptr},
};

std::string variable_of(const Flag& flag) {
  std::string name = "BERTH_";
  for (const char* c = flag.name + 2; *c != 0; ++c) {
    name += *c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(*c)));
  }
  return name;
}

std::string help() {
  std::ostringstream text;
  text << "usage: berth-agent [--server HOST:PORT[,...]] [options]\n\n"
          "Tells Berth's servers what this machine can run and that it is alive, and runs its "
          "jobs.\n\noptions:\n";
  for (const Flag& flag : kFlags) {
    std::string left = std::string("  ") + flag.name + " " + flag.value;
    left.resize(std::max<size_t>(left.size() + 1, 28), ' ');
    text << left << flag.help << "\n";
  }
  text << "\nEvery option with a value may also be given as a variable: BERTH_SERVER, "
          "BERTH_MAX_TASKS\n"
          "and so on; lists there are separated by commas. The flag wins.\n\nexamples:\n"
          "  berth-agent --server 10.0.0.1:7640,10.0.0.2:7640 --label zone=eu-1a --label rack=r7\n"
          "  berth-agent --tags ssd,batch --max-tasks 16 --custom licences=4\n"
          "  berth-agent --print-profile --json\n\nexit codes:\n"
          "  0  told to stop    2  usage, or a state directory that cannot be used\n"
          "  6  a newer agent runs as the same worker\n";
  return text.str();
}

const Flag* find_flag(const std::string& name) {
  for (const Flag& flag : kFlags) {
    if (name == flag.name) return &flag;
  }
  return nullptr;
}

Parsed usage(const std::string& sentence) {
  return {false, kExitUsage, "berth-agent: " + sentence + "\n"};
}

Parsed unknown(const std::string& argument, const std::string& name) {
  if (name.size() < 2 || name[0] != '-') {
    return usage(
        "'" + argument + "' is not expected here; every value follows its option, see --help");
  }
  std::vector<std::string_view> known;
  for (const Flag& flag : kFlags)
    known.push_back(flag.name);
  std::string_view nearest = net::nearest_word(name, known);
  std::string remedy =
      nearest.empty() ? "see --help" : "did you mean " + std::string(nearest) + "?";
  return usage("unknown option " + name + "; " + remedy);
}

/// A flag without a value.
void set_switch(const std::string& name, Options& options) {
  if (name == "--print-profile") options.print_profile = true;
  if (name == "--json") options.json = true;
  if (name == "--no-jobs") options.jobs = false;
  if (name == "--stop-tasks-on-exit") options.stop_tasks_on_exit = true;
}

/// `--max-tasks 'x' is not a number`, but `--id '': the id is empty`.
std::string sentence(const std::string& name, const std::string& value, const Problem& problem) {
  bool has_subject = problem.starts_with("the ") || problem.starts_with("'");
  return name + " '" + value + (has_subject ? "': " : "' ") + problem;
}

/// Values from the environment, for flags that were not given.
Problem read_environment(
    const Environment& environment, const std::map<std::string, int>& given, Options& options) {
  for (const Flag& flag : kFlags) {
    if (flag.read == nullptr || given.contains(flag.name)) continue;
    std::string variable = variable_of(flag);
    const char* text = environment(variable.c_str());
    if (text == nullptr || *text == 0) continue;
    std::vector<std::string> values{text};
    if (flag.repeated) {
      std::vector<std::string_view> pieces = net::split_list(text);
      values.assign(pieces.begin(), pieces.end());
    }
    for (const std::string& value : values) {
      Problem problem = flag.read(value, options);
      if (!problem.empty()) return sentence(variable, value, problem);
    }
  }
  return {};
}

/// Empty when nothing says where a user's state goes.
std::filesystem::path default_state_dir(const Environment& environment) {
  auto get = [&environment](const char* name) {
    const char* text = environment(name);
    return std::string(text == nullptr ? "" : text);
  };
  // systemd gives a list when a unit names several directories; the first is ours.
  std::string given = get("STATE_DIRECTORY");
  if (!given.empty()) return given.substr(0, given.find(':'));
  std::filesystem::path state = get("XDG_STATE_HOME");
  if (!state.empty()) return state / "berth";
  std::filesystem::path home = get("HOME");
  return home.empty() ? home : home / ".local/state/berth";
}

}  // namespace

Parsed parse_options(
    const std::vector<std::string>& arguments,
    const Environment& environment,
    const std::string& version,
    Options& options) {
  std::map<std::string, int> given;
  for (size_t i = 0; i < arguments.size(); ++i) {
    size_t equals = arguments[i].find('=');
    std::string name = arguments[i].substr(0, equals);
    if (name == "-h") name = "--help";
    const Flag* flag = find_flag(name);
    if (flag == nullptr) return unknown(arguments[i], name);
    if (name == "--help") return {false, 0, help()};
    if (name == "--version") return {false, 0, version + "\n"};
    if (flag->read == nullptr) {
      if (equals != std::string::npos) return usage(name + " takes no value; leave it out");
      set_switch(name, options);
      continue;
    }
    if (equals == std::string::npos && i + 1 == arguments.size()) {
      return usage(name + " needs a value: " + name + " " + flag->value);
    }
    if (given[name]++ > 0 && !flag->repeated) {
      return usage(name + " is given twice; give it once");
    }
    std::string value =
        equals == std::string::npos ? arguments[++i] : arguments[i].substr(equals + 1);
    Problem problem = flag->read(value, options);
    if (!problem.empty()) return usage(sentence(name, value, problem));
  }
  Problem problem = read_environment(environment, given, options);
  if (!problem.empty()) return usage(problem);
  if (options.json && !options.print_profile)
    return usage("--json goes with --print-profile alone");
  if (given.contains("--server-loss-after") && !options.stop_on_server_loss) {
    return usage("--server-loss-after goes with --on-server-loss stop alone");
  }
  if (options.servers.empty()) options.servers.push_back({"127.0.0.1", kWirePort});
  if (options.state_dir.empty()) options.state_dir = default_state_dir(environment);
  if (options.state_dir.empty()) {
    return usage("no state directory: HOME is not set; name one with --state-dir");
  }
  return {true, 0, {}};
}

}  // namespace berth::agent
