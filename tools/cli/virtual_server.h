#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/rng.h"
#include "core/effects.h"
#include "core/jobs/job_ledger.h"
#include "core/tables/partition.h"
#include "core/tables/tables.h"
#include "wire/spec.h"

namespace berth::cli {

/// A job on its way into a VirtualServer. Texts are copied.
struct VirtualJob {
  std::string_view name;
  std::string_view user;
  std::string_view queue;
  int64_t slots = 1;
  int64_t estimated_s = 0;  ///< as its client thinks; 0: it does not say
  int64_t timeout_s = 0;    ///< 0, or beyond what a job can say (seven weeks): none
};

/// The ledger of a server with its planner and one worker, in virtual time: no thread, no socket,
/// no store. The worker accepts and starts at once, is never silent, and ends what it is told to.
///
/// A plan takes a number of steps and no time, so the same events and seed give the same starts. It
/// is asked for at the end of a second in which a job came or ended, or a planned start could not
/// be kept; while a pause goes on that happens again after each eighth of it.
///
/// Threads  one owner
/// Memory   the ledger's, for so many jobs; what ended long ago is forgotten
/// Errors   a job that the ledger refuses is a CHECK
class VirtualServer {
 public:
  static constexpr int64_t kSlotsMax = core::kSlotsMax;
  /// 150 years. The ledger counts nanoseconds; a clock before -1 or beyond this is a CHECK.
  static constexpr int64_t kClockMax_s = 5'000'000'000;

  struct Shape {
    int64_t slots = 1;
    size_t jobs = 0;  ///< that will be submitted in all
    core::PlanSettings planning;
    uint64_t seed = 1;
    uint64_t steps = 20'000;  ///< of each plan
  };
  VirtualServer(const Shape& shape, int64_t now_s);

  /// Time goes on. What follows happens then.
  void set_clock(int64_t now_s);
  void submit(const VirtualJob& job);
  /// `job` counts the submits, from 0 on; it runs.
  void complete(size_t job, int64_t ran_s);

  /// Ends the second: the jobs that start in it, in this order.
  std::vector<size_t> settle();
  /// When to settle again, if nothing happens before: a start is planned; INT64_MAX: none is.
  int64_t next_s() const;

 private:
  void attach_worker(int64_t slots);
  void ask(wire::ConnectionId from, const wire::Request& request);
  void end_turns();
  bool start_assigned();
  void plan();

  const Shape shape_;
  core::Rng rng_;  ///< a seed for each plan
  core::Tables tables_;
  core::Partition owner_;
  core::JobLedger ledger_;
  core::Effects effects_;
  wire::SpecEncoder encoder_;
  core::Now now_;
  int64_t now_s_;
  bool happened_ = false;  ///< in this second
  int64_t happened_s_ = 0;
  int64_t rests_until_s_ = 0;
  uint32_t requests_ = 0;
  std::vector<wire::AssignmentId> running_;  ///< of each job, once it has started
  std::vector<size_t> started_;              ///< in this second
  std::vector<int64_t> planned_s_;           ///< by the last plan, ascending
};

}  // namespace berth::cli
