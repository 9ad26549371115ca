#pragma once

#include <functional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "net/server.h"
#include "tests/net/support/wire_peer.h"

namespace berth::net {

/// A server in this process, on free ports of 127.0.0.1.
struct RunningServer {
  static ServerConfig quiet_config() {
    ServerConfig config;
    config.listen = {"127.0.0.1", 0};
    config.http = HostPort{"127.0.0.1", 0};
    config.console = HostPort{"127.0.0.1", 0};
    config.settings.shards = 2;
    config.store.path.clear();
    // No test may fail on a clock: nobody goes silent by accident.
    config.settings.suspicious_after = core::Duration::seconds(600);
    config.settings.offline_after = core::Duration::seconds(1200);
    return config;
  }

  explicit RunningServer(const ServerConfig& config = quiet_config()) : server(config) {
    std::string problem;
    EXPECT_TRUE(server.start(problem)) << problem;
  }

  uint64_t count(core::Counter counter) { return server.tables().counters.total(counter); }

  /// The answer to pasting `text` and ending the input.
  std::string console(const std::string& text) {
    WirePeer peer(server.console_address());
    peer.send(text);
    peer.end_sending();
    return peer.read_all();
  }

  /// Adds a worker over the wire.
  static void beat(
      WirePeer& peer, std::string_view worker, wire::TextList tags, int64_t slots = 4) {
    wire::Heartbeat beat;
    beat.worker = worker;
    beat.epoch = 1;
    beat.sequence = 1;
    beat.has_profile = true;
    beat.address = "127.0.0.1:9";
    beat.tags = tags;
    beat.capacity = {.slots = slots, .cpu_milli = 4000, .memory_mib = 4096};
    const WirePeer::Answer answer = peer.ask(beat);
    const auto* reply = std::get_if<wire::HeartbeatReply>(&answer.reply);
    ASSERT_TRUE(reply != nullptr && reply->accepted);
  }

  Server server;
};

/// Waits for an event, as long as it takes within reason.
inline bool eventually(const std::function<bool()>& happened) {
  for (int i = 0; i < WirePeer::kPatienceS * 100; ++i) {
    if (happened()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace berth::net
