#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/shard.h"
#include "core/tables/tables.h"
#include "net/config/server_config.h"
#include "net/gateway/gateway.h"
#include "net/ledger_thread.h"
#include "net/mailbox.h"
#include "net/planner_thread.h"
#include "net/shard_loop.h"
#include "net/store/store_thread.h"

namespace berth::net {

inline constexpr const char* kServerSoftware = "berthd " BERTH_VERSION;

/// The whole server, in this process: tables, shards, gateway, ledger, planner, store. `berthd` is
/// this and signals; tests run it on port 0.
///
/// Threads  `start`, `stop` and the destructor: one owner. It has N + 4 threads of its own
/// Errors   `start` says why not; after it has returned true only bugs stop it
class Server {
 public:
  explicit Server(const ServerConfig& config);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds every address, opens the store, reads jobs back and starts every thread. False: one
  /// sentence, and nothing is running.
  bool start(std::string& problem);

  /// Takes nothing new, answers what is in flight, ends every thread. Within 4.5 s. Idempotent.
  void stop();

  // What it is bound to, `127.0.0.1:40123`; but for the first, `off` when there is none.
  const std::string& wire_address() const { return wire_address_; }
  const std::string& http_address() const { return http_address_; }
  const std::string& console_address() const { return console_address_; }

  /// The longest time since one of the loops last turned; for the watchdog. Any thread.
  core::Duration slowest_loop() const;

  core::Tables& tables() { return tables_; }

 private:
  bool bind_wire(std::vector<int>& sockets, std::string& problem);
  bool bind_port(
      const char* flag,
      const std::optional<HostPort>& where,
      int& socket,
      std::string& name,
      std::string& problem);
  void fix_typical_tasks();
  void build(const std::vector<int>& wire_sockets, int http_socket, int console_socket);
  HttpOptions http_options(int socket) const;
  bool open_store(std::string& problem);
  bool load_jobs(std::string& problem);

  const ServerConfig config_;
  core::ServerIdentity identity_;
  core::Tables tables_;
  Post post_;
  std::vector<std::unique_ptr<ShardLoop>> shards_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<StoreThread> store_;  ///< null: jobs are kept in memory alone
  std::unique_ptr<LedgerThread> ledger_;
  std::unique_ptr<PlannerThread> planner_;
  std::vector<LoopThread*> threads_;  ///< but the store's: a slow disk is no hung loop
  std::string wire_address_;
  std::string http_address_ = "off";
  std::string console_address_ = "off";
};

}  // namespace berth::net
