#pragma once

#include <functional>

#include "wire/ids.h"
#include "wire/messages.h"

namespace berth::net {

/// Called once with the answer, which is valid during the call only.
using Then = std::function<void(const wire::Reply&)>;

/// Somebody of the gateway's thread whom the service answers: it has a ConnectionId, as a TCP
/// connection has, whether there is one behind it or not.
class Peer {
 public:
  virtual ~Peer() = default;
  /// An answer; or, with request 0, what was not asked for: Assignments, StopTasks, WantLog,
  /// events.
  virtual void on_reply(wire::RequestId request, const wire::Reply& reply) = 0;
  /// The service wants nothing more to do with it.
  virtual void on_ended() = 0;

  wire::ConnectionId id;
};

/// The service, as the HTTP API sees it: what the wire protocol offers, without a wire.
///
/// Threads  the gateway's
/// Errors   a request that cannot be done is answered `Refused`, like one that came over the wire
class Asker {
 public:
  virtual ~Asker() = default;

  /// The answer comes to `peer.on_reply` with this id: inside this call or in a later turn. What
  /// `request` points to is needed during the call only.
  virtual void ask(Peer& peer, wire::RequestId id, const wire::Request& request) = 0;

  // A peer without a TCP connection of its own: a worker that speaks HTTP, the feed of events.
  virtual void open(Peer& peer) = 0;
  virtual void close(Peer& peer) = 0;
};

}  // namespace berth::net
