#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/plan/engine/engine.h"
#include "core/plan/job_problem.h"

namespace berth::core {

class Decoder;

/// Some of the jobs of a plan, neighbours in the queue, arranged around what is decided already.
///
/// It begins as greedy would place them, in the order of the queue and each where it ends first, or
/// as the plan before has them, whichever costs less, and may be searched from there; a job moves
/// to another worker only when that pays for `move_price`. In a repair the plan before stands, and
/// the search begins with the jobs that it has no place for. Of jobs that are alike the one that
/// stands earlier in the queue starts earlier: what a job costs is convex in its start and grows
/// with its age, so that changing places like this never costs more.
///
/// Threads  one owner
/// Memory   the problem of those jobs, and the engine's
class PlanPart {
 public:
  /// `decided`: the jobs before, as if they ran. Snapshot and problem outlive this.
  PlanPart(
      const JobSnapshot& snapshot,
      const JobProblem& whole,
      const std::vector<Problem::Busy>& decided,
      const JobRange& jobs);

  /// Whether these jobs are worth a search: in a repair, where some of them have lost their place.
  static bool is_searched(
      const JobSnapshot& snapshot, const JobProblem& whole, const JobRange& jobs);

  /// False: nothing better will be found.
  bool advance(uint64_t steps) { return engine_ != nullptr && engine_->advance(steps); }
  /// The best so far, of these jobs by their place in the range.
  Schedule choose() const;

  const Schedule& greedy() const { return greedy_; }
  /// With the devices of each, if they have any yet.
  void order_alike(Schedule& schedule, std::vector<GpuSet>* gpus = nullptr) const;
  /// No schedule of these jobs around what is decided costs less than this.
  double bound() const;
  const Problem& problem() const { return problem_; }
  /// See `search_name`; of a repair `repair`.
  std::string_view engine_name() const;

 private:
  const WaitingJob& job(uint32_t task) const;
  void make_greedy(Decoder& decoder);
  void limit_waiting();
  void make_standing(Decoder& decoder, bool in_queue_order);
  void begin_search(uint64_t seed);
  uint32_t home_of(uint32_t task) const;
  double price_of(const Schedule& schedule) const;
  double price_of_move() const;

  const JobSnapshot& snapshot_;
  const JobProblem& whole_;
  const uint32_t begin_;
  Problem problem_;
  Schedule greedy_;
  std::optional<Schedule> standing_;  ///< the plan before, if it costs no more than greedy
  Schedule before_;                   ///< what it was, whatever it costs; empty: none was
  std::unique_ptr<Engine> engine_;    ///< null: these are not searched
};

}  // namespace berth::core
