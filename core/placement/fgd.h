#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/placement/node.h"

namespace berth::core {

/// One class of tasks and the share of all tasks that are like it.
struct TypicalTask {
  NodeDemand demand;
  double share = 0;
};

/// The tasks that fragmentation is measured against: learnt from the requests seen, or given.
///
/// Shape    at most `kClassesMax` classes, the rarest forgotten first
/// Threads  one owner
class TypicalTasks {
 public:
  static constexpr size_t kClassesMax = 128;

  TypicalTasks();
  ~TypicalTasks();

  /// Counts one request. Ignored once `fix` was called.
  void learn(const NodeDemand& demand);

  /// Uses these and learns no more.
  void fix(std::vector<TypicalTask> tasks);

  const std::vector<TypicalTask>& tasks() const;

  /// Changes whenever `tasks()` does: caches of scores are keyed by it.
  uint64_t version() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// GPU milli of `node` that the typical tasks could not use, weighted by their shares: F_n of the paper.
double fragmentation(const NodeState& node, const TypicalTasks& typical);

struct FgdChoice {
  double increase = 0;  ///< of fragmentation, if `demand` is put on these devices; may be negative
  GpuSet gpus = 0;
};

/// The devices of `node` that raise its fragmentation least. Requires that `demand` fits.
///
/// Source  fragmentation gradient descent: Weng et al., "Beware of Fragmentation: Scheduling
///         GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX ATC 2023
FgdChoice fgd_choose(const NodeState& node, const NodeDemand& demand, const TypicalTasks& typical);

}  // namespace berth::core
