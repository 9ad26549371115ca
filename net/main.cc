#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <uv.h>

#include "net/config/server_config.h"
#include "net/log/log.h"
#include "net/server.h"
#include "net/service_manager.h"

// berthd: reads its settings, serves until a signal comes, and tells the service manager.
namespace berth::net {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int complain(const std::string& problem, int code) {
  std::fprintf(stderr, "berthd: %s\n", problem.c_str());
  return code;
}

/// What the main thread's loop looks after.
struct Watch {
  Watch(Server& watched, const ServiceManager& told) : server(watched), manager(told) {}

  Server& server;
  const ServiceManager& manager;
  uv_loop_t loop;
  uv_signal_t terminate;
  uv_signal_t interrupt;
  uv_timer_t watchdog;
  core::Duration silence_max = {0};
};

// Every connection is a descriptor: take as many as we are allowed to.
void raise_descriptor_limit(uint32_t connections_max) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < connections_max + 64ull) {
    BERTH_LOG(
        Warning,
        "fewer file descriptors than connections allowed; raise the limit (ulimit -Hn)",
        {{"descriptors", limit.rlim_max}, {"max_connections", connections_max}});
  }
}

void on_signal(uv_signal_t* handle, int number) {
  BERTH_LOG(Info, "stopping", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
  uv_stop(handle->loop);
}

// Silent when a loop hangs: then the service manager restarts us.
void on_watchdog(uv_timer_t* handle) {
  const auto* watch = static_cast<const Watch*>(handle->data);
  const core::Duration silence = watch->server.slowest_loop();
  if (silence < watch->silence_max) {
    watch->manager.notify("WATCHDOG=1");
  } else {
    BERTH_LOG(Error, "a loop does not turn", {{"for_ms", silence.ms()}});
  }
}

void serve_until_signal(Server& server, const ServiceManager& manager) {
  Watch watch(server, manager);
  uv_loop_init(&watch.loop);
  uv_signal_init(&watch.loop, &watch.terminate);
  uv_signal_init(&watch.loop, &watch.interrupt);
  uv_timer_init(&watch.loop, &watch.watchdog);
  watch.watchdog.data = &watch;
  uv_signal_start(&watch.terminate, on_signal, SIGTERM);
  uv_signal_start(&watch.interrupt, on_signal, SIGINT);
  if (const std::optional<uint64_t> ms = manager.watchdog_ms()) {
    watch.silence_max = core::Duration::milliseconds(static_cast<int64_t>(*ms));
    uv_timer_start(&watch.watchdog, on_watchdog, *ms / 2, *ms / 2);
  }

  std::printf(
      "ready wire=%s http=%s console=%s\n",
      server.wire_address().c_str(),
      server.http_address().c_str(),
      server.console_address().c_str());
  std::fflush(stdout);
  manager.notify("READY=1");
  uv_run(&watch.loop, UV_RUN_DEFAULT);
  manager.notify("STOPPING=1");

  // The signals stay caught while the server stops: a second one must not cut answers short.
  server.stop();
  uv_close(reinterpret_cast<uv_handle_t*>(&watch.terminate), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&watch.interrupt), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&watch.watchdog), nullptr);
  uv_run(&watch.loop, UV_RUN_DEFAULT);
  uv_loop_close(&watch.loop);
}

int serve(const ServerConfig& config) {
  // Peers go away while we write; that is an error code, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  log::start(config.log_level, config.log_format);
  raise_descriptor_limit(config.connections_max + (config.http ? config.http_connections_max : 0));
  const ServiceManager manager;
  Server server(config);
  std::string problem;
  if (!server.start(problem)) return complain(problem, kExitFailed);
  BERTH_LOG(
      Info,
      "serving",
      {{"software", kServerSoftware},
       {"wire", server.wire_address()},
       {"http", server.http_address()},
       {"console", server.console_address()},
       {"shards", config.settings.shards}});
  serve_until_signal(server, manager);
  BERTH_LOG(Info, "stopped");
  return EXIT_SUCCESS;
}

int run(const std::vector<std::string>& arguments) {
  ServerConfig config;
  OptionTable options = server_options(config);
  OptionTable::Action action = OptionTable::Action::Run;
  std::string problem;
  const auto environment = [](const char* name) -> const char* {
    return std::getenv(name);
  };
  if (!options.load(arguments, environment, action, problem)) {
    return complain(problem, kExitUsage);
  }
  if (action == OptionTable::Action::Help) {
    std::fputs(options.help().c_str(), stdout);
    return EXIT_SUCCESS;
  }
  if (action == OptionTable::Action::Version) {
    std::puts(kServerSoftware);
    return EXIT_SUCCESS;
  }
  if (!finish_config(config, problem)) return complain(problem, kExitUsage);
  if (action == OptionTable::Action::Run) return serve(config);
  std::fputs(options.print().c_str(), stdout);
  if (action == OptionTable::Action::CheckConfig) {
    std::fputs("berthd: the configuration is good\n", stderr);
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace berth::net

int main(int argc, char** argv) {
  return berth::net::run(std::vector<std::string>(argv + 1, argv + argc));
}
