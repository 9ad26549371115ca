#pragma once

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/rng.h"
#include "core/placement/node.h"
#include "core/placement/score_cache.h"
#include "core/placement/typical_tasks.h"

namespace berth::core {

/// At most so many tasks are looked at together; longer queues are taken in pieces.
inline constexpr size_t kLookAheadTasksMax = 32;

/// A worker that a task may go to, with its score while nothing of the batch is placed.
struct Candidate {
  uint32_t worker = 0;
  bool suspicious = false;
  ScoredGpus scored;
};

/// The first `count`, ascending; equals stay in their order.
std::vector<Candidate> best_candidates(std::vector<Candidate> candidates, size_t count);

struct BatchTask {
  const NodeDemand* demand = nullptr;
  std::span<const Candidate> best;  ///< ascending; as many as there are tasks in the batch suffice
};

struct BatchPlace {
  uint32_t task = 0;
  uint32_t worker = 0;
  GpuSet gpus = 0;
};

/// Places tasks together where the policy `fgd` places them one by one: which goes first decides
/// what is left for the rest. Local search over the orders, from the one given: better is what
/// places more GPU milli, then more tasks, then what fragments less. Never worse than the order
/// given.
///
/// Shape    the first task stays the first, so that none waits for ever behind better ones
/// Threads  any; `scores` is the caller's
/// Memory   the candidates are borrowed; the nodes that a batch touches are copied
class LookAhead {
 public:
  /// Whether a task of the batch may go to a worker, as far as its amounts do not decide it.
  using Allowed = absl::FunctionRef<bool(uint32_t task, uint32_t worker)>;

  LookAhead(std::span<const NodeState> nodes, const TypicalTasks& typical, ScoreCache& scores)
      : nodes_(nodes), typical_(typical), scores_(scores) {}

  /// What goes where, in the order in which it is to be taken; what is left out fits nowhere.
  std::vector<BatchPlace> place(
      std::span<const BatchTask> tasks, Allowed allowed, uint32_t tries, Rng& rng);

 private:
  struct Outcome {
    int64_t gpu_milli = 0;
    double score = 0;
    std::vector<BatchPlace> places;
    bool better_than(const Outcome& other) const;
  };

  void follow(
      std::span<const uint32_t> order,
      std::span<const BatchTask> tasks,
      Allowed allowed,
      Outcome& outcome);
  Candidate best_of(uint32_t task, const BatchTask& batch_task, Allowed allowed, size_t& touched);

  struct Touched {
    uint32_t worker = 0;
    bool suspicious = false;
    NodeState node;
  };

  std::span<const NodeState> nodes_;
  const TypicalTasks& typical_;
  ScoreCache& scores_;
  std::vector<Touched> touched_;  ///< by what is placed so far of the order being followed
};

}  // namespace berth::core
