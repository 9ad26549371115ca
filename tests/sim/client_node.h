#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/network.h"
#include "tests/sim/world.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace berth::sim {

/// A client that asks at random, and knows what each answer may be.
class ClientNode {
 public:
  /// Told of every task that has got a place.
  using OnPlaced = std::function<void(const std::string& task, const std::string& worker)>;

  ClientNode(
      World& world,
      Network& network,
      std::string name,
      std::vector<std::string> servers,
      std::vector<std::string> workers,
      OnPlaced on_placed);

  void start();
  /// Asks nothing new from now on.
  void rest();
  /// Requests on the open connection that have no answer yet.
  size_t unanswered() const { return asked_.size(); }
  Process& process() { return process_; }

 private:
  enum class Kind : uint8_t { Hello, Place, Release, SetWorker, List, Ping };
  struct Asked {
    Kind kind;
    std::string task;  ///< of a Place
  };

  void connect();
  void on_bytes(std::span<const std::byte> bytes);
  void on_reply(wire::RequestId id, const wire::Reply& reply);
  void ask();
  void ask_place();
  void ask_release();
  void ask_set_worker();
  void send(Kind kind, const wire::Request& request, std::string task = {});
  const std::string& any_of(const std::vector<std::string>& names) {
    return names[world_.rng.below(names.size())];
  }

  World& world_;
  Network& network_;
  Process process_;
  const std::vector<std::string> servers_;
  const std::vector<std::string> workers_;
  const OnPlaced on_placed_;
  std::shared_ptr<Socket> socket_;
  FrameReader reader_;
  std::map<uint32_t, Asked> asked_;
  std::vector<std::string> tasks_;  ///< the latest
  std::vector<uint64_t> reservations_;
  uint32_t next_id_ = 1;
  uint32_t next_task_ = 1;
  bool resting_ = false;
  wire::Encoder encoder_;
  wire::Decoder decoder_;
};

}  // namespace berth::sim
