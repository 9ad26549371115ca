#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "loadgen/histogram.h"
#include "loadgen/link.h"
#include "loadgen/templates.h"
#include "loadgen/workload.h"

namespace berth::loadgen {

/// Many agents, each on a connection of its own, that do nothing but heartbeat.
///
/// Every agent beats every 3 s, 10 % more or less, from a phase of its own. A beat is measured from
/// when it was due, and the next one is due whether or not it has been answered.
///
/// Threads  the loop's
/// Memory   a connection, and one beat under way, for each agent
/// Errors   a lost connection or an unacknowledged beat is counted, the first one in words
class Agents final : private LinkUser, private TurnUser {
 public:
  static constexpr core::Duration kInterval = core::Duration::seconds(3);

  /// One agent for each worker of `workload`.
  Agents(LinkLoop& loop, const Workload& workload, const Link::Options& link, uint64_t epoch);
  ~Agents() override;

  /// Connects and registers all of them; from then on they beat while the loop turns.
  Failure connect(const std::atomic<bool>& stop);
  /// Beats due from now on are measured.
  void start_measuring() { measuring_ = true; }
  void stop_measuring();
  bool all_lost() const { return lost_ == agents_.size(); }
  /// Makes the server forget all that it knows. Beats end here.
  Failure dismiss();

  const std::string& id_prefix() const { return workload_.id_prefix(); }
  const Histogram& latency() const { return latency_; }  ///< of acknowledged beats
  uint64_t beats() const { return beats_; }              ///< measured ones that were due
  uint64_t errors() const { return errors_; }
  const std::string& first_error() const { return first_error_; }

 private:
  struct Agent {
    std::unique_ptr<Link> link;
    core::Instant asked;  // when the beat under way was due; 0: none is
    uint64_t sequence = 0;
    bool measured = false;  // the beat under way is
    bool registered = false;
  };
  struct Due {
    core::Instant at;
    uint32_t agent;
    bool operator>(const Due& other) const { return at > other.at; }
  };

  core::Instant on_turn(core::Instant now) override;
  void on_welcome(Link& link, const wire::Welcome&) override;
  void on_reply(Link& link, core::Instant now, wire::RequestId, const wire::Reply&) override;
  void on_lost(Link& link, const std::string& why) override;

  void beat(const Due& due);
  void connect_some();
  void fail(const std::string& what);

  LinkLoop& loop_;
  const Workload& workload_;
  BeatFrames beats_frames_;
  uint64_t epoch_;
  core::Rng rng_;
  std::vector<Agent> agents_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  uint32_t connecting_from_ = 0;  // the next to be connected
  uint32_t connecting_ = 0;       // under way, or not yet registered
  uint32_t registered_ = 0;
  uint32_t forgetting_ = 0;
  uint32_t lost_ = 0;
  bool dismissing_ = false;
  bool measuring_ = false;
  Histogram latency_;
  uint64_t beats_ = 0;
  uint64_t errors_ = 0;
  std::string first_error_;
  Failure failure_;
};

}  // namespace berth::loadgen
