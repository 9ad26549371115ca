#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/session.h"
#include "tests/sim/job_guest.h"
#include "tests/sim/machine.h"
#include "tests/sim/network.h"
#include "tests/sim/world.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace berth::sim {

/// What a worker's state directory keeps between lives: the last epoch.
using LastEpoch = std::shared_ptr<uint64_t>;

/// berth-agent without sockets: a real session with each server, and tasks that come and go.
class AgentNode {
 public:
  AgentNode(
      World& world,
      Network& network,
      std::string name,
      std::string worker,
      LastEpoch last_epoch,
      agent::Profile profile,
      std::vector<std::string> servers);

  /// A new life; its epoch is larger than the last one's whatever the clock did.
  void start();
  void stop(bool silently);
  /// As on SIGTERM: says goodbye everywhere, then ends.
  void leave();
  void change_profile(agent::Profile profile);

  /// Jobs come from the first server: a guest for each life, and the machine whose tasks it runs.
  using MakeGuest = std::function<std::unique_ptr<JobGuest>(
      AgentNode& agent, uint64_t life, const JobGuest::Send& send)>;
  void host(Machine& machine, MakeGuest make_guest) {
    machine_ = &machine;
    make_guest_ = std::move(make_guest);
  }
  Machine* machine() { return machine_; }

  /// A client has been told that this task runs here.
  void run_task(const std::string& task, Duration length);

  Process& process() { return process_; }
  const std::string& name() const { return process_.name(); }
  const std::string& worker() const { return life_.worker; }
  const agent::Profile& profile() const { return profile_; }

 private:
  struct Link {
    std::unique_ptr<agent::Session> session;
    std::shared_ptr<Socket> socket;
    FrameReader reader;
    std::string server;
    std::optional<Instant> armed;
    agent::Effects effects;
  };

  void connect(Link& link);
  void on_bytes(Link& link, std::span<const std::byte> bytes);
  void carry_out(Link& link);
  void arm(Link& link);
  void start_guest();
  void send_job(wire::RequestId id, const wire::Request& message);
  void on_gone(bool power_lost);
  bool is_for_guest(Link& link, const wire::Frame& frame, const wire::Reply& reply);
  void refresh_vitals();
  void end_when_stopped();

  World& world_;
  Network& network_;
  Process process_;
  agent::Profile profile_;
  const std::vector<std::string> servers_;
  agent::Life life_;
  agent::Vitals vitals_;
  std::vector<std::unique_ptr<Link>> links_;
  std::map<std::string, Instant> tasks_;  ///< and when each is done
  LastEpoch last_epoch_;
  Machine* machine_ = nullptr;
  MakeGuest make_guest_;
  std::unique_ptr<JobGuest> guest_;
  wire::Encoder encoder_;
  wire::Decoder decoder_;
};

}  // namespace berth::sim
