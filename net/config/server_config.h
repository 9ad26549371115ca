#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/jobs/job_ledger.h"
#include "core/settings.h"
#include "net/address.h"
#include "net/config/option_table.h"
#include "net/config/typical_tasks_file.h"
#include "net/log/log.h"

namespace berth::net {

inline constexpr uint16_t kWirePort = 7640;
inline constexpr uint16_t kHttpPort = 7641;
inline constexpr uint16_t kConsolePort = 7642;

/// Where jobs are kept.
struct StoreChoice {
  std::string path = "./berth-data/berth.db";  ///< of a SQLite file; empty: in memory alone

  friend bool operator==(const StoreChoice&, const StoreChoice&) = default;
};

/// What `--store` takes: `sqlite:PATH` or `memory`. False: `problem` says what it has to be.
bool parse_store(std::string_view text, StoreChoice& choice, std::string& problem);
std::string format_store(const StoreChoice& choice);

/// All that can be set about `berthd`.
struct ServerConfig {
  HostPort listen = {"127.0.0.1", kWirePort};
  std::optional<HostPort> console = HostPort{"127.0.0.1", kConsolePort};
  std::optional<HostPort> http = HostPort{"127.0.0.1", kHttpPort};
  std::vector<std::string> http_hosts;  ///< names that HTTP clients may ask for it by
  uint32_t http_connections_max = 2'048;
  size_t http_bodies_max = 256u << 20;
  core::Duration heartbeat_timeout = core::Duration::seconds(60);  ///< of HDCF workers
  core::Settings settings;
  StoreChoice store;
  core::JobSettings jobs;
  uint32_t connections_max = 16'384;
  uint32_t frame_bytes_max = 1u << 20;
  core::Duration handshake_timeout = core::Duration::seconds(5);
  std::string token_file;
  std::string token;  ///< what is in that file
  std::string fgd_tasks;
  std::vector<TypicalTaskLine> typical_tasks;  ///< what is in that file
  log::Level log_level = log::Level::Info;
  log::Format log_format = log::Format::Auto;

  ServerConfig();
};

/// The rows for `berthd`; they write to `config`, which must outlive the table.
OptionTable server_options(ServerConfig& config);

/// What no single row can know: that the values agree with each other, and that the files they name
/// can be read. False: one sentence.
bool finish_config(ServerConfig& config, std::string& problem);

}  // namespace berth::net
