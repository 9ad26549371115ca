#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/jobs/dispatch_queue.h"
#include "core/plan/moments.h"

namespace berth::core {

/// When those that wait will start, if nothing but the order of the queue decides.
///
/// What runs now holds places; each place is free when what is on it ends, is taken by the next of
/// the queue, and is free again after what those in front take on the average. A job starts when
/// as many places have become free as stand in front of it, and one more. Jobs are counted, not
/// weighed by what they ask for, and a place is a place for anybody: where some fit on a few
/// workers alone their own start is told too early, and that of others too late.
///
/// Shape    a sample of what runs, the first of the queue with sums; made anew every second or so,
///          when somebody asks
/// Units    seconds from when it was made
/// Threads  one owner
/// Memory   `kFront` turns
class Outlook {
 public:
  static constexpr size_t kFront = 8'192;  ///< turns whose order is known exactly
  static constexpr size_t kPlaces = 32;    ///< in the sample of what runs, about

  struct Start {
    double at_s = 0;
    double early_s = 0;
    double late_s = 0;
  };

  /// `running`: jobs that hold a place. `last`: an id that no job has reached yet; `turns`: how
  /// many wait in all.
  void begin(double running, size_t turns, wire::JobId last);
  /// One of a sample of what runs: what is left of it.
  void add_running(const Forecast& left) { left_.push_back(left); }
  /// The first that wait, in their order; `jobs` of them (of an array), each of which takes `run`.
  void add_waiting(const JobTurn& turn, double jobs, const Forecast& run);
  /// The same of those whose spec was not looked at: like the ones before on the average.
  void add_waiting(const JobTurn& turn);

  /// `within`: how many of the same array stand before it. Nothing: nobody runs, so no place will
  /// become free.
  std::optional<Start> start_of(const JobTurn& turn, double within) const;
  double jobs_before(const JobTurn& turn) const;

 private:
  struct Front {
    JobTurn turn;
    double jobs = 0;  ///< before it
  };

  double at(double jobs, double Forecast::*part, double narrowed) const;

  double running_ = 0;
  size_t turns_ = 0;
  wire::JobId last_;
  std::vector<Forecast> left_;
  std::vector<Front> front_;
  double jobs_ = 0;       ///< of those in front that were looked at
  double looked_at_ = 0;  ///< turns
  double all_jobs_ = 0;   ///< of all in front
  Forecast runs_;         ///< sums over jobs
};

}  // namespace berth::core
