#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/base/time.h"
#include "net/api/asker.h"
#include "net/api/exchange.h"
#include "net/api/job_traits.h"
#include "net/api/route.h"

namespace berth::net {

/// Of routes that may answer with a stream of events.
inline constexpr std::array<RequestHeader, 1> kResumeHeaders = {
    {{"Last-Event-ID", "The last event that came: the stream goes on after it"}}};

/// The stream of events for whoever subscribes over HTTP: server-sent events, encoded once.
///
/// While anybody subscribes, and half a minute longer, one watch of the ledger's stream fills a
/// ring. Who resumes is checked by the ledger, which knows what was ever said; where the ring
/// begins later than that, it is filled again from there.
///
/// Shape    one watch; a ring of encoded events; each subscriber is a place in it and a filter. A
///          subscriber without a filter is sent the ring's bytes as they are
/// Threads  the gateway's
/// Memory   the ring, `kRingBytes` and its index; a few words for each of `kSubscribersMax`
/// Errors   who asks for events that are gone gets 410; who falls out of the ring is told so by a
///          last event, `cut`, and ended
class EventFeed {
 public:
  static constexpr size_t kRingBytes = 16u << 20;
  static constexpr size_t kSubscribersMax = 4'096;

  explicit EventFeed(Asker& asker);
  ~EventFeed();

  /// Takes the exchange over and streams to it until its client goes. `Last-Event-ID` or the
  /// parameter `after` says where to go on. A `job` range of 0: events of everything.
  struct Filter {
    wire::JobRange jobs;
    std::string_view worker;
    uint32_t kinds = ~0u;   ///< bit per wire::EventKind
    uint32_t states = ~0u;  ///< of jobs: bit per wire::JobState
    JobTraits traits;       ///< of jobs
  };
  void subscribe(Exchange& exchange, const Filter& filter);

  /// At the end of a turn: what is new goes to those who can take it.
  void on_turn_end();
  void on_tick(core::Now now);
  /// Ends every subscriber with a last event that says why.
  void on_drain();

  uint64_t subscribers() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::net
