#include "net/config/server_config.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <thread>

#include "core/tables/counters.h"
#include "net/text/units.h"
#include "net/text/whole_file.h"
#include "wire/tokens.h"

namespace berth::net {
namespace {

constexpr uint16_t kShardsMax = core::kThreadsMax - core::kOtherThreads;

using Set = std::function<bool(std::string_view, std::string&)>;
using Get = std::function<std::string()>;

bool fail(std::string& problem, std::string text) {
  problem = std::move(text);
  return false;
}

template <typename Number>
Option count_row(std::string name, std::string help, Number& target, uint64_t min, uint64_t max) {
  const Set set = [&target, min, max](std::string_view text, std::string& problem) {
    const std::optional<uint64_t> value = parse_count(text, max);
    if (!value || *value < min) {
      return fail(
          problem, "is not a number from " + std::to_string(min) + " to " + std::to_string(max));
    }
    target = static_cast<Number>(*value);
    return true;
  };
  return {std::move(name), "N", std::move(help), set, [&target] {
            return std::to_string(target);
          }};
}

constexpr core::Duration kMillisecond{1'000'000};

Option duration_row(
    std::string name,
    std::string help,
    core::Duration& target,
    core::Duration least = kMillisecond) {
  const Set set = [&target, least](std::string_view text, std::string& problem) {
    const std::optional<core::Duration> value = parse_duration(text);
    if (!value) return fail(problem, std::string("is not ") + kDurationForm);
    // Of less than a millisecond nothing would be left in a message.
    const bool part = value->ns > 0 && *value < kMillisecond;
    if (*value < least || part) {
      return fail(
          problem,
          "is shorter than 1ms, the shortest" +
              std::string(least.ns == 0 ? " but 0, which is none" : ""));
    }
    if (value->ms() > std::numeric_limits<uint32_t>::max())
      return fail(problem, "is longer than 49 days, the most that messages can tell");
    target = *value;
    return true;
  };
  return {std::move(name), "TIME", std::move(help), set, [&target] {
            return format_duration(target);
          }};
}

Option address_row(std::string name, std::string help, HostPort& target, uint16_t port) {
  const Set set = [&target, port](std::string_view text, std::string& problem) {
    std::string why;
    // The sentence already quotes the text.
    return parse_host_port(text, port, target, why) || fail(problem, "is no address: " + why);
  };
  return {std::move(name), "HOST:PORT", std::move(help), set, [&target] {
            return format_host_port(target);
          }};
}

/// A port that may be off.
Option port_row(
    std::string name, std::string help, std::optional<HostPort>& target, uint16_t port) {
  const Set set = [&target, port](std::string_view text, std::string& problem) {
    if (text == "off") {
      target.reset();
      return true;
    }
    HostPort parsed;
    std::string why;
    if (!parse_host_port(text, port, parsed, why)) {
      return fail(problem, "is neither an address nor 'off': " + why);
    }
    target = parsed;
    return true;
  };
  return {std::move(name), "HOST:PORT|off", std::move(help), set, [&target] {
            return target ? format_host_port(*target) : std::string("off");
          }};
}

Option names_row(std::string name, std::string help, std::vector<std::string>& target) {
  const Set set = [&target](std::string_view text, std::string& problem) {
    std::vector<std::string> names;
    for (const std::string_view piece : split_list(text)) {
      if (piece.find_first_of(":/ []") != piece.npos) {
        return fail(problem, "is not a list of names such as berth.example.org, without ports");
      }
      names.emplace_back(piece);
    }
    target = std::move(names);
    return true;
  };
  return {std::move(name), "NAME[,NAME]", std::move(help), set, [&target] {
            std::string text;
            for (const std::string& each : target)
              text += (text.empty() ? "" : ",") + each;
            return text;
          }};
}

Option text_row(std::string name, std::string help, std::string& target) {
  const Set set = [&target](std::string_view text, std::string&) {
    target = text;
    return true;
  };
  return {std::move(name), "FILE", std::move(help), set, [&target] {
            return target;
          }};
}

Option switch_row(std::string name, std::string help, bool& target) {
  const Set set = [&target](std::string_view text, std::string& problem) {
    if (text != "true" && text != "false") return fail(problem, "is neither true nor false");
    target = text == "true";
    return true;
  };
  return {std::move(name), "", std::move(help), set, [&target] {
            return std::string(target ? "true" : "false");
          }};
}

Option frame_bytes_row(uint32_t& target) {
  const Set set = [&target](std::string_view text, std::string& problem) {
    constexpr uint64_t kMin = 4'096;
    constexpr uint64_t kMax = 64u << 20;
    const std::optional<uint64_t> value = parse_bytes(text);
    if (!value || *value < kMin || *value > kMax || *value % 8 != 0) {
      return fail(problem, "is not a size from 4KiB to 64MiB in whole multiples of 8 bytes");
    }
    target = static_cast<uint32_t>(*value);
    return true;
  };
  return {"max-frame-bytes", "SIZE", "largest message a peer may send", set, [&target] {
            return std::to_string(target);
          }};
}

Option bodies_row(size_t& target) {
  const Set set = [&target](std::string_view text, std::string& problem) {
    constexpr uint64_t kMin = 16u << 20;  // the largest body, and room to receive it in
    constexpr uint64_t kMax = uint64_t{64} << 30;
    const std::optional<uint64_t> value = parse_bytes(text);
    if (!value || *value < kMin || *value > kMax) {
      return fail(problem, "is not a size from 16MiB to 64GiB");
    }
    target = *value;
    return true;
  };
  return {
      "http-bodies-max",
      "SIZE",
      "bodies of HTTP requests under way, all together; beyond it large ones are told to come "
      "later",
      set,
      [&target] {
        return std::to_string(target);
      }};
}

Option level_row(log::Level& target) {
  const Set set = [&target](std::string_view text, std::string& problem) {
    return log::parse_level(text, target) ||
           fail(problem, "is not one of debug, info, warning, error, off");
  };
  return {"log-level", "LEVEL", "debug, info, warning, error or off", set, [&target] {
            return std::string(log::level_name(target));
          }};
}

Option format_row(log::Format& target) {
  const Set set = [&target](std::string_view text, std::string& problem) {
    return log::parse_format(text, target) || fail(problem, "is not one of auto, text, json");
  };
  return {"log-format", "FORMAT", "auto, text or json; auto is text on a terminal", set, [&target] {
            return std::string(log::format_name(target));
          }};
}

Option objective_row(wire::PlanObjective& target) {
  const Set set = [&target](std::string_view text, std::string& problem) {
    const std::optional<wire::PlanObjective> objective = wire::plan_objective_from(text);
    if (!objective) {
      return fail(problem, "is not one of slowdown, deadlines, makespan, workers");
    }
    target = *objective;
    return true;
  };
  return {"plan-objective", "NAME", "what plans make small", set, [&target] {
            return std::string(wire::plan_objective_token(target));
          }};
}

/// A factor, such as 0.05.
Option price_row(std::string name, std::string help, double& target) {
  const Set set = [&target](std::string_view text, std::string& problem) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // The negation is true of what is no number, too.
    if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1)) {
      return fail(problem, "is not a number from 0 to 1, such as 0.05");
    }
    target = value;
    return true;
  };
  return {std::move(name), "NUMBER", std::move(help), set, [&target] {
            std::array<char, 32> text{};
            const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), target);
            return std::string(text.data(), end);
          }};
}

Option store_row(StoreChoice& target) {
  const Set set = [&target](std::string_view text, std::string& problem) {
    return parse_store(text, target, problem);
  };
  return {
      "store",
      "sqlite:PATH|memory",
      "where jobs are kept; memory forgets them at a stop",
      set,
      [&target] {
        return format_store(target);
      }};
}

bool read_file(const char* flag, const std::string& path, std::string& text, std::string& problem) {
  return read_whole_file(path, text, problem) ||
         fail(problem, std::string(flag) + " " + problem + "; name a readable file");
}

bool read_token(const std::string& path, std::string& token, std::string& problem) {
  if (!read_file("--token-file", path, token, problem)) return false;
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ')
    token.pop_back();
  if (token.empty()) {
    return fail(problem, "--token-file '" + path + "' is empty; put the shared secret in it");
  }
  return true;
}

bool read_typical_tasks(
    const std::string& path, std::vector<TypicalTaskLine>& lines, std::string& problem) {
  std::string text;
  if (!read_file("--fgd-tasks", path, text, problem)) return false;
  return parse_typical_tasks(text, path, lines, problem) || fail(problem, "--fgd-tasks " + problem);
}

bool check_address(const char* flag, const HostPort& where, std::string& problem) {
  sockaddr_storage address;
  if (resolve(where, address, problem)) return true;
  problem = std::string(flag) + " " + problem + "; name an address of this machine";
  return false;
}

bool is_loopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr);
  }
  const auto& four = reinterpret_cast<const sockaddr_in&>(address);
  return (ntohl(four.sin_addr.s_addr) >> 24) == 127;
}

// Whoever can reach the port can do everything: without a secret that is this machine alone.
bool check_http(const ServerConfig& config, std::string& problem) {
  if (!config.http) return true;
  sockaddr_storage address;
  if (!check_address("--http", *config.http, problem)) return false;
  if (!resolve(*config.http, address, problem)) return false;
  if (!config.token.empty() || is_loopback(address)) return true;
  return fail(
      problem,
      "--http " + format_host_port(*config.http) +
          " can be reached by others, who need no secret; name a file with one by --token-file, or "
          "serve 127.0.0.1 alone");
}

}  // namespace

bool parse_store(std::string_view text, StoreChoice& choice, std::string& problem) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (text == "memory") {
    choice.path.clear();
    return true;
  }
  if (!text.starts_with(kSqlite) || text.size() == kSqlite.size() || text.ends_with('/')) {
    return fail(problem, "is neither sqlite:PATH, of a file, nor memory");
  }
  choice.path = text.substr(kSqlite.size());
  return true;
}

std::string format_store(const StoreChoice& choice) {
  return choice.path.empty() ? "memory" : "sqlite:" + choice.path;
}

ServerConfig::ServerConfig() {
  const unsigned cores = std::thread::hardware_concurrency();
  settings.shards = static_cast<uint16_t>(std::clamp<unsigned>(cores, 2, kShardsMax + 1) - 1);
}

namespace {

void add_job_rows(OptionTable& table, core::JobSettings& jobs) {
  table.add(count_row("max-jobs", "jobs that have not ended", jobs.jobs_max, 1, 100'000'000));
  table.add(count_row(
      "keep-finished", "jobs that are kept after their end", jobs.finished_max, 0, 100'000'000));
  table.add(duration_row("keep-finished-for", "and for how long at most", jobs.finished_age));
  table.add(duration_row(
      "accept-within", "time a worker has to accept an assignment", jobs.accept_within));
  table.add(
      duration_row("job-lease", "silence about a running job after which it is lost", jobs.lease));
  table.add(duration_row(
      "cooldown-base",
      "rest of a worker that failed a job; doubles with each failure in a row; 0: none",
      jobs.cooldown_base,
      core::Duration{0}));
  table.add(duration_row("cooldown-max", "longest of these", jobs.cooldown_cap, core::Duration{0}));
}

void add_plan_rows(OptionTable& table, core::PlanSettings& plan) {
  table.add(switch_row("planner", "plan durable jobs that wait for capacity", plan.on));
  table.add(objective_row(plan.objective));
  table.add(price_row(
      "plan-fragmentation",
      "price of workers that are left over with nothing of use to anybody, in the objective's "
      "units",
      plan.fragmentation_price));
  table.add(price_row(
      "plan-move-price",
      "price of a job on another worker than before, in jobs' mean cost",
      plan.move_price));
  table.add(duration_row("plan-budget", "time for one plan, 10ms to 5s", plan.budget));
  table.add(duration_row("plan-period", "time between plans while jobs wait", plan.period));
  table.add(count_row(
      "plan-pending", "waiting jobs that are reason for one at once", plan.pending, 1, 10'000));
  table.add(count_row(
      "plan-patience",
      "times its length that the first in the queue is passed over at most",
      plan.patience,
      0,
      1'000'000));
}

}  // namespace

OptionTable server_options(ServerConfig& config) {
  core::Settings& s = config.settings;
  OptionTable table(
      "berthd",
      "berthd, the server of Berth: tells every task where to run.",
      "Every setting is also a variable (BERTH_MAX_WORKERS) and a key of the file (max_workers).\n"
      "Examples:\n"
      "  berthd\n"
      "  berthd --listen 0.0.0.0:7640 --token-file /etc/berth/token --shards 4\n"
      "  berthd --config /etc/berth/berthd.toml --check-config");
  table.add(address_row(
      "listen",
      "where clients and agents connect; port 0 takes a free one",
      config.listen,
      kWirePort));
  table.add(port_row(
      "http",
      "where HTTP is served; port 0 takes a free one; beyond this machine only with --token-file",
      config.http,
      kHttpPort));
  table.add(names_row(
      "http-host",
      "further names that HTTP clients may ask for this server by",
      config.http_hosts));
  table.add(count_row(
      "http-connections-max",
      "HTTP connections, streams of events among them",
      config.http_connections_max,
      1,
      1'000'000));
  table.add(bodies_row(config.http_bodies_max));
  table.add(duration_row(
      "heartbeat-timeout",
      "silence after which a worker of the HDCF API gets nothing, and loses its jobs",
      config.heartbeat_timeout));
  table.add(port_row(
      "console", "where people type commands; port 0 takes a free one", config.console, 0));
  table.add(store_row(config.store));
  table.add(count_row("shards", "threads that serve", s.shards, 1, kShardsMax));
  table.add(duration_row(
      "suspicious-after", "silence after which a worker is a last resort", s.suspicious_after));
  table.add(
      duration_row("offline-after", "silence after which a worker gets nothing", s.offline_after));
  table.add(count_row("max-workers", "rows of the worker table", s.workers_max, 1, 1'000'000));
  table.add(count_row(
      "max-names", "distinct tags, labels, models and resources", s.names_max, 64, 1'000'000));
  table.add(count_row(
      "max-connections", "connections over all shards", config.connections_max, 1, 1'000'000));
  table.add(frame_bytes_row(config.frame_bytes_max));
  table.add(count_row(
      "max-reservations", "reservations held at once", s.reservations_max, 1, 10'000'000));
  table.add(count_row("max-waiting", "requests that wait at once", s.waiting_max, 1, 1'000'000));
  table.add(count_row("max-list-rows", "workers of one page", s.list_rows_max, 1, 5'000));
  table.add(
      duration_row("hold-default", "life of a reservation that asks for none", s.hold_default));
  table.add(duration_row("hold-max", "longest life of a reservation", s.hold_max));
  table.add(duration_row("wait-max", "longest that a request may wait", s.wait_max));
  add_job_rows(table, config.jobs);
  add_plan_rows(table, config.jobs.plan);
  table.add(duration_row(
      "handshake-timeout", "time a connection has to say Hello", config.handshake_timeout));
  table.add(text_row(
      "token-file",
      "file with the secret that peers must know; none: no secret",
      config.token_file));
  table.add(
      switch_row("scatter", "choose at random among the three least loaded within 5 %", s.scatter));
  table.add(text_row(
      "fgd-tasks",
      "file with the typical tasks of policy fgd; none: learn them from requests",
      config.fgd_tasks));
  table.add(level_row(config.log_level));
  table.add(format_row(config.log_format));
  return table;
}

bool finish_config(ServerConfig& config, std::string& problem) {
  const core::Settings& s = config.settings;
  if (s.suspicious_after >= s.offline_after) {
    return fail(
        problem,
        "--offline-after " + format_duration(s.offline_after) +
            " must be longer than --suspicious-after " + format_duration(s.suspicious_after));
  }
  if (s.hold_default > s.hold_max) {
    return fail(
        problem,
        "--hold-default " + format_duration(s.hold_default) + " is longer than --hold-max " +
            format_duration(s.hold_max) + "; raise --hold-max");
  }
  if (config.heartbeat_timeout.ns <= 0 || config.heartbeat_timeout > core::kOwnOfflineAfterMax) {
    return fail(
        problem,
        "--heartbeat-timeout " + format_duration(config.heartbeat_timeout) +
            " is not longer than 0 and at most " + format_duration(core::kOwnOfflineAfterMax));
  }
  const core::Duration budget = config.jobs.plan.budget;
  if (budget < core::Duration::milliseconds(10) || budget > core::Duration::seconds(5)) {
    return fail(
        problem, "--plan-budget " + format_duration(budget) + " is not between 10ms and 5s");
  }
  config.jobs.offline_after = s.offline_after;
  if (!check_address("--listen", config.listen, problem)) return false;
  if (config.console && !check_address("--console", *config.console, problem)) return false;
  if (!config.token_file.empty() && !read_token(config.token_file, config.token, problem)) {
    return false;
  }
  if (!check_http(config, problem)) return false;
  return config.fgd_tasks.empty() ||
         read_typical_tasks(config.fgd_tasks, config.typical_tasks, problem);
}

}  // namespace berth::net
