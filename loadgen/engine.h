#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "loadgen/arrivals.h"
#include "loadgen/herd.h"
#include "loadgen/lane.h"
#include "loadgen/link.h"
#include "loadgen/workload.h"

namespace berth::loadgen {

/// What one thread drives.
struct EngineOptions {
  Link::Options link;
  LaneOptions lane;  ///< `number` is set for each lane
  PlaceFrames::Options place;
  uint64_t epoch = 0;
  uint32_t lanes = 1;
  uint32_t first_lane = 0;    ///< of the run; this engine has `first_lane` to `first_lane + lanes`
  uint32_t lanes_of_run = 1;  ///< of all engines
  bool own_workers = true;    ///< registers its part of the workload's workers, and forgets them
};

/// The connections of one thread: each with its requests under way and its part of the fleet.
///
/// The calls of a run, in order: connect, enroll, drive, dismiss. Each turns the loop until it is
/// done; while it turns, whatever has been enrolled is kept alive.
///
/// Threads  the loop's; `answered()` may be read by any
/// Errors   a lost connection or a refused registration ends the run as a Failure; a wrong answer
///          to a measured request is counted in the tally
class Engine final : private LinkUser, private TurnUser {
 public:
  Engine(LinkLoop& loop, const Workload& workload, const EngineOptions& options);
  ~Engine() override;

  Failure connect();
  Failure enroll(const std::atomic<bool>& stop);
  /// Drives the load that `plan` says until it is over or `stop` is set, then takes in what is
  /// under way. `done_at()` tells when the last measured answer came.
  Failure drive(const ArrivalPlan& plan, const std::atomic<bool>& stop);
  /// As far as connections are left, also after a failure.
  Failure dismiss();

  const Tally& tally() const { return tally_; }
  core::Instant done_at() const { return done_at_; }
  uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }
  /// How long the server trusts a worker that is silent; 0 before `connect`.
  core::Duration suspicious_after() const;

 private:
  struct Line {
    std::unique_ptr<Link> link;
    std::unique_ptr<Herd> herd;
    std::unique_ptr<Lane> lane;
  };
  enum class Phase : uint8_t { Connecting, Enrolling, Idle, Driving, Draining, Dismissing };

  core::Instant on_turn(core::Instant now) override;
  void on_welcome(Link&, const wire::Welcome&) override {}
  void on_reply(Link&, core::Instant now, wire::RequestId, const wire::Reply&) override;
  void on_turn_end(Link&, core::Instant now) override;
  void on_lost(Link&, const std::string& why) override;

  void work(Line& line, core::Instant now);
  void start_due(core::Instant now);
  bool all_settled() const;
  bool all_idle() const;
  Failure herd_problem() const;

  LinkLoop& loop_;
  EngineOptions options_;
  LaneFrames frames_;
  Tally tally_;
  Arrivals arrivals_{ArrivalPlan{}};
  std::vector<Line> lines_;
  size_t next_line_ = 0;  // in an open loop, whose turn it is
  Phase phase_ = Phase::Connecting;
  Failure failure_;
  core::Instant done_at_;
  std::atomic<uint64_t> answered_{0};
};

}  // namespace berth::loadgen
