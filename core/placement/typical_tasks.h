#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/placement/node.h"

namespace berth::core {

class ClassTable;

/// One class of tasks and the share of all tasks that are like it.
struct TypicalTask {
  NodeDemand demand;
  double share = 0;
};

/// The tasks that fragmentation is measured against: learnt from the requests seen, or given.
///
/// Shape    at most `kClassesMax` classes; a new one takes over the rarest one's place and count
///          (Space-Saving: Metwally, Agrawal, El Abbadi, ICDT 2005). Old requests fade: counts are
///          halved every 32,768 requests
/// Threads  one owner
class TypicalTasks {
 public:
  static constexpr size_t kClassesMax = 128;

  TypicalTasks();
  ~TypicalTasks();
  TypicalTasks(TypicalTasks&&) noexcept;
  TypicalTasks& operator=(TypicalTasks&&) noexcept;

  /// Counts one request. Ignored once `fix` was called. `tasks()` follows in steps, whenever a
  /// sixteenth more has been learnt, so that scores can be remembered in between.
  void learn(const NodeDemand& demand);

  /// Uses these and learns no more. Shares need not sum to 1, and those <= 0 are dropped; of more
  /// than `kClassesMax` classes the largest shares are kept.
  void fix(std::vector<TypicalTask> tasks);

  /// Shares sum to 1, or there is none.
  const std::vector<TypicalTask>& tasks() const;

  /// Changes whenever `tasks()` does: caches of scores are keyed by it.
  uint64_t version() const;

  /// `tasks()` laid out for scoring.
  const ClassTable& table() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::core
