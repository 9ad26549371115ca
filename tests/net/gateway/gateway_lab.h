#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/tables/tables.h"
#include "net/gateway/http_connections.h"

namespace berth::net {

/// A service with workers in it, and a plan with a job for each of them, which counts how it is
/// asked for them.
class FakeFleet final : public Asker {
 public:
  explicit FakeFleet(uint32_t workers);

  void ask(Peer& peer, wire::RequestId id, const wire::Request& request) override;
  void open(Peer& peer) override { peer.id = {++opened_}; }
  void close(Peer&) override {}

  size_t next_pages = 0;    ///< asked for, behind the first of their lists
  bool answers = true;      ///< false: no page behind the first is to be had
  std::string ids() const;  ///< of all of them: `w0 w1 …`

 private:
  bool withholds(Peer& peer, wire::RequestId id, uint64_t cursor);
  void list_workers(Peer& peer, wire::RequestId id, const wire::ListWorkers& list);
  void get_plan(Peer& peer, wire::RequestId id, const wire::GetPlan& get);

  uint64_t opened_ = 0;
  std::vector<std::string> ids_;
};

/// The HTTP port of a gateway, on a loop that the test turns itself.
class GatewayLab {
 public:
  explicit GatewayLab(uint32_t workers);
  ~GatewayLab();

  void turn();

  FakeFleet fleet;

 private:
  friend class LabClient;

  core::Tables tables_;
  const core::ServerIdentity identity_;
  uv_loop_t loop_;
  std::unique_ptr<StreamLoop> streams_;
  std::unique_ptr<HttpConnections> http_;
  sockaddr_storage address_ = {};
};

/// A client that reads what there is, and never waits for more.
class LabClient {
 public:
  LabClient(GatewayLab& lab, const std::string& target, const std::string& headers = "");
  ~LabClient();

  /// True: the answer is whole, or will never be. One client asks once.
  bool done();
  const std::string& answer() const { return answer_; }
  /// Without chunks and gzip.
  std::string body() const;
  void leave();

 private:
  int socket_;
  bool ended_ = false;
  std::string answer_;
};

}  // namespace berth::net
