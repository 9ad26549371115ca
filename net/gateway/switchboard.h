#pragma once

#include <vector>

#include "net/api/asker.h"
#include "net/dispatcher.h"
#include "net/slot_table.h"

namespace berth::net {

/// Connects the gateway's peers, whatever they speak, with the service: each is to the core what a
/// TCP connection is to a shard.
///
/// Shape    a seat for each peer, named by its ConnectionId. Peers may ask, open and close from
///          inside an answer: what comes while the core is at work waits until it is not
/// Threads  the gateway's
/// Memory   a few words for each peer; what was asked from inside answers
/// Errors   as Asker says
class Switchboard final : public Asker, private Dispatcher::Local {
 public:
  Switchboard(
      wire::ShardId self,
      core::Tables& tables,
      const core::ServerIdentity& identity,
      const Post& post);

  void ask(Peer& peer, wire::RequestId id, const wire::Request& request) override;
  void open(Peer& peer) override;
  void close(Peer& peer) override;

  /// True: the letter was for the core or for a peer.
  bool on_letter(const Letter& letter);
  void on_tick();
  void on_turn_end() { dispatcher_.on_turn_end(); }
  void on_drain() { dispatcher_.on_drain(); }

  core::TypicalTasks& typical_tasks() { return dispatcher_.typical_tasks(); }
  core::ThreadCounters& counters() { return dispatcher_.counters(); }

 private:
  struct Seat {
    Peer* peer = nullptr;
    wire::ConnectionId id;
  };

  void deliver(wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) override;
  void deliver_frame(
      wire::ConnectionId to, std::span<const std::byte> frame, Dispatcher::Answer from) override;
  void end(wire::ConnectionId connection) override;

  template <typename Work>
  void at_work(Work&& work);
  void catch_up();

  Dispatcher dispatcher_;
  SlotTable<Seat> seats_;
  wire::Encoder encoder_;
  wire::Decoder reply_decoder_;
  wire::Decoder request_decoder_;
  wire::Reply reply_;
  wire::Request request_;
  std::vector<std::byte> frame_;
  bool working_ = false;
  std::vector<std::byte> asked_;  ///< records of what waits until the core is not at work
  std::vector<std::byte> asking_;
  std::vector<wire::ConnectionId> closed_;
};

}  // namespace berth::net
