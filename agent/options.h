#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "agent/advertise.h"
#include "core/base/time.h"
#include "net/address.h"

namespace berth::agent {

struct Options {
  std::vector<net::HostPort> servers;
  std::string id;  ///< empty: host name and a persisted suffix
  Wanted wanted;
  core::Duration interval = core::Duration::seconds(3);
  std::filesystem::path state_dir;
  std::string token;
  std::string log_level = "info";
  std::string log_format = "auto";

  // Jobs.
  bool jobs = true;              ///< false: places alone
  std::string run_as;            ///< user that tasks run as; empty: the agent's own
  std::string task_cgroup;       ///< group of version 2 for tasks; empty: the agent's own
  std::filesystem::path images;  ///< where relative names of images are looked for; empty: none
  std::filesystem::path docker_socket = "/var/run/docker.sock";  ///< empty: without an engine
  bool stop_on_server_loss = false;
  core::Duration server_loss_after = core::Duration::seconds(300);  ///< for stopping them
  bool stop_tasks_on_exit = false;
  uint64_t output_bytes_max = uint64_t{64} << 20;  ///< of stdout, and of stderr
  core::Duration keep_outputs = core::Duration::seconds(24 * 3600);

  bool print_profile = false;
  bool json = false;
};

/// How parsing ended: go on with `Options`, or print `text` and exit with `code`.
struct Parsed {
  bool run = false;
  int code = 0;
  std::string text;
};

/// Reads a variable of the environment; null when it is not set.
using Environment = std::function<const char*(const char* name)>;

/// Flags, then BERTH_* variables, then defaults. `arguments` is without the program's name. Files
/// are read (the token's); nothing is written. A value that cannot be used ends in exit code 2 and
/// one sentence that names the flag or variable, the value and the remedy.
Parsed parse_options(
    const std::vector<std::string>& arguments,
    const Environment& environment,
    const std::string& version,
    Options& options);

}  // namespace berth::agent
