#include "net/server.h"

#include <unistd.h>

#include <algorithm>

#include "net/listener.h"
#include "net/loop_clock.h"
#include "net/store/memory_store.h"

namespace berth::net {
namespace {

std::string bound_name(int socket) {
  sockaddr_storage address;
  if (!bound_address(socket, address)) return "?";
  return format_address(reinterpret_cast<const sockaddr*>(&address));
}

}  // namespace

Server::Server(const ServerConfig& config) : config_(config), tables_(config.settings) {
  identity_.software = kServerSoftware;
  identity_.token = config.token;
  // Every start of a server is a new life, and time only grows.
  identity_.epoch = static_cast<uint64_t>(LoopClock::wall_ms());
  identity_.max_frame_bytes = config.frame_bytes_max;
  tables_.counters.gauges.start_wall_ms.store(LoopClock::wall_ms(), std::memory_order_relaxed);
}

Server::~Server() {
  stop();
}

bool Server::start(std::string& problem) {
  std::vector<int> wire_sockets;
  int http_socket = -1;
  int console_socket = -1;
  if (!bind_wire(wire_sockets, problem) ||
      !bind_port("--http", config_.http, http_socket, http_address_, problem) ||
      !bind_port("--console", config_.console, console_socket, console_address_, problem) ||
      !open_store(problem)) {
    for (const int socket : wire_sockets)
      close(socket);
    if (http_socket >= 0) close(http_socket);
    if (console_socket >= 0) close(console_socket);
    return false;
  }
  build(wire_sockets, http_socket, console_socket);
  if (!load_jobs(problem)) {
    threads_.clear();
    return false;
  }
  if (store_ != nullptr) store_->start();
  for (LoopThread* thread : threads_)
    thread->start();
  return true;
}

bool Server::open_store(std::string& problem) {
  if (config_.store.path.empty()) return true;
  SqliteStore::Options options;
  options.path = config_.store.path;
  store_ = std::make_unique<StoreThread>(options, post_);
  store_->count_in(tables_.counters.of(core::OtherThread::Store));
  return store_->open(problem);
}

bool Server::bind_wire(std::vector<int>& sockets, std::string& problem) {
  sockaddr_storage address;
  if (!resolve(config_.listen, address, problem)) {
    problem = "--listen " + problem + "; name an address of this machine";
    return false;
  }
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  const uint16_t shards = config_.settings.shards;
  for (uint16_t shard = 0; shard < shards; ++shard) {
    const PortShare share = shards == 1  ? PortShare::None
                            : shard == 0 ? PortShare::First
                                         : PortShare::Next;
    const int socket = listen_on(name, share, problem);
    if (socket < 0) {
      problem = "--listen: " + problem;
      return false;
    }
    sockets.push_back(socket);
    // The others take the port that the first was given.
    if (shard == 0) (void)bound_address(socket, address);
  }
  wire_address_ = bound_name(sockets[0]);
  return true;
}

bool Server::bind_port(
    const char* flag,
    const std::optional<HostPort>& where,
    int& socket,
    std::string& name,
    std::string& problem) {
  if (!where) return true;
  sockaddr_storage address;
  if (!resolve(*where, address, problem)) {
    problem = flag + (" " + problem) + "; name an address of this machine, or 'off'";
    return false;
  }
  socket = listen_on(reinterpret_cast<const sockaddr*>(&address), PortShare::None, problem);
  if (socket < 0) {
    problem = flag + (": " + problem);
    return false;
  }
  name = bound_name(socket);
  return true;
}

HttpOptions Server::http_options(int socket) const {
  HttpOptions options;
  options.socket = socket;
  options.connections_max = config_.http_connections_max;
  options.bodies_bytes_max = config_.http_bodies_max;
  options.heartbeat_timeout = config_.heartbeat_timeout;
  options.rules.token = config_.token;
  options.rules.bound_host = host_name_of(http_address_);
  options.rules.hosts = config_.http_hosts;
  if (config_.http) options.rules.hosts.push_back(config_.http->host);
  return options;
}

void Server::build(const std::vector<int>& wire_sockets, int http_socket, int console_socket) {
  const uint16_t shards = config_.settings.shards;
  ShardLimits limits;
  limits.stream.frame_bytes_max = config_.frame_bytes_max;
  limits.connections_max = config_.connections_max;
  limits.handshake_ms = static_cast<uint32_t>(config_.handshake_timeout.ms());
  ledger_ =
      std::make_unique<LedgerThread>(tables_, config_.jobs, post_, store_.get(), identity_.epoch);
  planner_ = std::make_unique<PlannerThread>(post_);
  for (uint16_t shard = 0; shard < shards; ++shard) {
    shards_.push_back(std::make_unique<ShardLoop>(
        wire::ShardId{shard}, wire_sockets[shard], tables_, identity_, limits, post_));
    threads_.push_back(shards_.back().get());
    post_.shards.push_back(&shards_.back()->mailbox());
  }
  gateway_ = std::make_unique<Gateway>(
      wire::ShardId{shards}, console_socket, http_options(http_socket), tables_, identity_, post_);
  post_.shards.push_back(&gateway_->mailbox());
  post_.ledger = &ledger_->mailbox();
  post_.planner = &planner_->mailbox();
  if (store_ != nullptr) post_.store = &store_->mailbox();
  fix_typical_tasks();
  threads_.push_back(gateway_.get());
  threads_.push_back(ledger_.get());
  threads_.push_back(planner_.get());
  // In this order, which is that of OtherThread after the shards.
  for (uint32_t i = 0; i < threads_.size(); ++i)
    threads_[i]->count_in(tables_.counters.of(i));
}

bool Server::load_jobs(std::string& problem) {
  if (store_ != nullptr) return store_->load(ledger_->jobs(), problem);
  MemoryStore::load(ledger_->jobs(), LoopClock::wall_ms());
  return true;
}

void Server::fix_typical_tasks() {
  if (config_.typical_tasks.empty()) return;
  const std::vector<core::TypicalTask> tasks = typical_tasks(config_.typical_tasks, tables_.names);
  for (const std::unique_ptr<ShardLoop>& shard : shards_)
    shard->typical_tasks().fix(tasks);
  gateway_->typical_tasks().fix(tasks);
  ledger_->typical_tasks().fix(tasks);
}

void Server::stop() {
  if (threads_.empty()) return;
  // The shards first refuse new waits, so that none comes after the ledger has refused the old.
  for (Mailbox* shard : post_.shards)
    shard->post(Drain{});
  post_.ledger->post(Drain{});
  for (const std::unique_ptr<ShardLoop>& shard : shards_)
    shard->join();
  gateway_->join();
  post_.ledger->post(Stop{});
  ledger_->join();
  post_.planner->post(Stop{});
  planner_->join();
  if (store_ != nullptr) {
    // Last: what the others have handed over is committed before it ends.
    post_.store->post(Stop{});
    store_->join();
  }
  threads_.clear();
}

core::Duration Server::slowest_loop() const {
  const core::Instant now = LoopClock::mono();
  core::Duration slowest = {0};
  for (const LoopThread* thread : threads_)
    slowest = std::max(slowest, now - thread->alive_at());
  return slowest;
}

}  // namespace berth::net
