#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "loadgen/arrivals.h"
#include "loadgen/jobs/job_book.h"
#include "loadgen/jobs/job_specs.h"
#include "loadgen/jobs/job_submitter.h"
#include "loadgen/jobs/job_worker.h"
#include "loadgen/link.h"

namespace berth::loadgen {

struct JobFleetOptions {
  Link::Options client;
  Link::Options agent;
  uint64_t run = 0;  ///< unlike that of any other run
  uint32_t workers = 1;
  uint32_t slots = 1;  ///< of each
  uint32_t connections = 1;
  uint32_t depth = 1;
  uint32_t batch = 100;        ///< jobs in one submit, at most
  uint64_t in_flight_max = 1;  ///< jobs submitted and not known as completed
  double fail = 0;
  uint64_t seed = 1;
  bool reconnect = false;  ///< a lost connection is no failure: see `JobFleet`
};

/// The connections of a run of jobs: those that submit, and a worker on each of the others.
///
/// The calls of a run, in order: enroll, drive (once or more), dismiss. Each turns the loop until
/// it is done; while it turns, workers are kept alive.
///
/// With `reconnect` a lost connection is made again, every 100 ms for up to a minute: submits that
/// were not answered are made again under their request ids, workers attach with the leases they
/// hold.
///
/// Threads  the loop's
/// Errors   what ends the run is a Failure; wrong answers are counted in the book's tally
class JobFleet final : private LinkUser, private TurnUser {
 public:
  JobFleet(LinkLoop& loop, const JobSpecs& specs, const JobFleetOptions& options);
  ~JobFleet() override;

  /// Connects everything; until all workers are attached.
  Failure enroll(const std::atomic<bool>& stop);
  /// Submits what `plan` says and runs it, until all of it is done, or until 30 s without any
  /// progress. After `stop`, until what is under way is done, or 10 s without progress.
  Failure drive(const ArrivalPlan& plan, const std::atomic<bool>& stop);
  /// Makes the server forget the workers, as far as connections are left.
  Failure dismiss();

  const JobBook& book() const { return book_; }
  core::Instant done_at() const { return done_at_; }  ///< the last completion
  uint64_t reconnects() const { return reconnects_; }

 private:
  struct Client {
    std::unique_ptr<Link> link;
    std::unique_ptr<JobSubmitter> submitter;
    core::Instant again_at;  // when to connect again; 0: it is connected, or being so
  };
  struct Agent {
    std::unique_ptr<Link> link;
    std::unique_ptr<JobWorker> worker;
    core::Instant again_at;
    core::Instant beat_at;
  };
  enum class Phase : uint8_t { Enrolling, Idle, Driving, Dismissing };

  core::Instant on_turn(core::Instant now) override;
  void on_welcome(Link& link, const wire::Welcome&) override;
  void on_reply(Link& link, core::Instant now, wire::RequestId, const wire::Reply&) override;
  void on_lost(Link& link, const std::string& why) override;

  bool is_agent(const Link& link) const { return link.number() >= clients_.size(); }
  Agent& agent_of(const Link& link) { return agents_[link.number() - clients_.size()]; }
  std::unique_ptr<Link> new_client_link(uint32_t number);
  std::unique_ptr<Link> new_agent_link(uint32_t number);
  void submit_due(core::Instant now);
  void connect_again(core::Instant now);
  bool all_attached() const;
  bool all_done() const;
  Failure problem() const;
  /// Turns until `done`, or until for `patience` nothing has moved. False: the latter.
  bool run_while_moving(const std::function<bool()>& done, core::Duration patience);

  LinkLoop& loop_;
  JobFleetOptions options_;
  JobBook book_;
  Arrivals arrivals_{ArrivalPlan{}};
  std::vector<Client> clients_;
  std::vector<Agent> agents_;
  size_t next_client_ = 0;
  Phase phase_ = Phase::Enrolling;
  Failure failure_;
  core::Duration beat_every_;
  core::Instant done_at_;
  core::Instant moved_at_;    // the last answer that was not to a heartbeat
  core::Instant lost_since_;  // reconnecting; 0: not
  uint64_t reconnects_ = 0;
};

}  // namespace berth::loadgen
