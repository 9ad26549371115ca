#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/agent.h"
#include "agent/identity.h"
#include "net/log/log.h"

namespace berth::agent {

namespace {

constexpr int kExitUsage = 2;
const std::string kSoftware = "berth-agent " BERTH_VERSION;

void write_log(LogLevel level, const std::string& text) {
  // Not limited in rate: the lines at the start are many and all wanted, the session counts its
  // own.
  net::log::Site site;
  net::log::Level as = level == LogLevel::Info      ? net::log::Level::Info
                       : level == LogLevel::Warning ? net::log::Level::Warning
                                                    : net::log::Level::Error;
  if (net::log::enabled(as)) net::log::write(site, as, text);
}

nlohmann::json as_json(const std::string& id, const Advertised& told) {
  const Profile& profile = told.profile;
  nlohmann::json labels = nlohmann::json::object();
  for (const NamedText& label : profile.labels)
    labels[label.key] = label.value;
  nlohmann::json custom = nlohmann::json::object();
  for (const NamedCount& each : profile.custom)
    custom[each.name] = each.amount;
  nlohmann::json why = nlohmann::json::array();
  for (const Line& line : told.lines)
    why.push_back({{"what", line.what}, {"why", line.why}});
  return {
      {"worker_id", id},
      {"address", profile.address},
      {"tags", profile.tags},
      {"labels", labels},
      {"slots", profile.slots},
      {"cpu_milli", profile.cpu_milli},
      {"memory_mib", profile.memory_mib},
      {"disk_mib", profile.disk_mib},
      {"network_mbit", profile.network_mbit},
      {"gpu_models", profile.gpu_models},
      {"custom", custom},
      {"software", profile.software},
      {"why", why}};
}

int print_profile(const Options& options) {
  Nvml nvml;
  Platform platform = read_platform(nvml, kSoftware);
  if (options.jobs) platform.backends = probe_backends(runner_settings(options, {}));
  Sampler sampler("/", nearest_directory(options.state_dir));
  Advertised told = advertise(options.wanted, platform, sampler.read_machine());
  std::string id = peek_id(options.state_dir, options.id, platform.host);
  std::string text;
  if (options.json) {
    // Host names and labels may hold bytes that are not UTF-8; they are shown as U+FFFD.
    text = as_json(id, told).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  } else {
    text = "worker " + id + ": " +
           (options.id.empty() ? "host name and persisted suffix" : "given by --id") + "\n";
    for (const Line& line : told.lines)
      text += line.what + ": " + line.why + "\n";
  }
  std::fputs(text.c_str(), stdout);
  return 0;
}

int run(const Options& options) {
  net::log::Level level = net::log::Level::Info;
  net::log::Format format = net::log::Format::Auto;
  (void)net::log::parse_level(options.log_level, level);  // checked by parse_options
  (void)net::log::parse_format(options.log_format, format);
  net::log::start(level, format);

  std::random_device device;
  uint64_t random = (uint64_t{device()} << 32) | device();
  char host[256] = "";
  (void)gethostname(host, sizeof host - 1);  // fails only for a short buffer
  auto wall = std::chrono::system_clock::now().time_since_epoch();
  auto wall_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count();
  Identity identity(options.state_dir, options.id, host, random, static_cast<uint64_t>(wall_ns));
  if (!identity.error().empty()) {
    std::fprintf(stderr, "berth-agent: %s\n", identity.error().c_str());
    return kExitUsage;
  }
  const Life& life = identity.life();
  write_log(
      LogLevel::Info,
      kSoftware + " as worker " + life.worker + ", life " + std::to_string(life.epoch) + ": " +
          identity.why());
  Agent agent(options, life, identity.jobs_directory(), random, write_log);
  return agent.run();
}

}  // namespace

}  // namespace berth::agent

int main(int argc, char** argv) {
  using namespace berth::agent;
  // A server may go while we write to it; that is an error code, not our end. Tasks get it back.
  std::signal(SIGPIPE, SIG_IGN);
  Options options;
  Parsed parsed = parse_options(
      {argv + 1, argv + argc},
      [](const char* name) { return std::getenv(name); },
      kSoftware,
      options);
  if (!parsed.run) {
    std::fputs(parsed.text.c_str(), parsed.code == 0 ? stdout : stderr);
    return parsed.code;
  }
  int code = options.print_profile ? print_profile(options) : run(options);
  std::fflush(stdout);
  // Without waiting for a resolver thread that may hang in a lookup for many seconds.
  _exit(code);
}
