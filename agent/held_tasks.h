#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "agent/runner/runner.h"

namespace berth::agent {

/// Where an assignment stands on its worker.
enum class TaskPhase : uint8_t {
  Refused,   ///< will not run; the server has to be told
  Offered,   ///< will run once the server has answered the ack
  Starting,  ///< given to the runner
  Running,
  Ended,   ///< and the server has not said that it knows
  Fenced,  ///< not ours any more: being stopped, not reported
};
inline constexpr size_t kTaskPhaseCount = 6;

/// Whether the server has to be told, on every connection, that this worker has it.
inline bool holds_lease(TaskPhase phase) {
  return phase != TaskPhase::Refused && phase != TaskPhase::Fenced;
}

/// A set of report kinds in one byte.
inline uint8_t bit(wire::ReportKind kind) {
  return static_cast<uint8_t>(1u << static_cast<uint8_t>(kind));
}

inline bool is_end(wire::ReportKind kind) {
  return kind == wire::ReportKind::Completed || kind == wire::ReportKind::Failed ||
         kind == wire::ReportKind::Checkpointed;
}

inline wire::ReportKind end_kind(const TaskResult& result) {
  if (result.checkpointed) return wire::ReportKind::Checkpointed;
  return result.error == wire::ErrorClass::None ? wire::ReportKind::Completed
                                                : wire::ReportKind::Failed;
}

/// One assignment that a JobSession has something to do with.
struct HeldTask {
  wire::AssignmentId id;
  TaskPhase phase = TaskPhase::Offered;
  bool queued = false;       ///< in the session's outbox
  bool given = false;        ///< the runner knows it
  bool was_started = false;  ///< the runner has said so
  uint8_t unsaid = 0;        ///< `bit`s of what is to be reported
  std::string refusal;       ///< while Refused
  TaskOrder order;           ///< while Offered
  TaskResult result;         ///< once Ended
};

/// The assignments that were refused or settled lately. One that is pushed again, or was overtaken
/// on its way, finds the same answer, and is not run a second time.
///
/// Memory   the last `kKept`
class PastTasks {
 public:
  static constexpr size_t kKept = 4'096;

  void add(wire::AssignmentId id, std::string refusal) {
    if (!refusals_.emplace(id, std::move(refusal)).second) return;
    order_.push_back(id);
    if (order_.size() <= kKept) return;
    refusals_.erase(order_.front());
    order_.pop_front();
  }

  bool knows(wire::AssignmentId id) const { return refusals_.contains(id); }

  /// Null: it was not refused here.
  const std::string* refusal_of(wire::AssignmentId id) const {
    auto found = refusals_.find(id);
    return found == refusals_.end() || found->second.empty() ? nullptr : &found->second;
  }

 private:
  std::map<wire::AssignmentId, std::string> refusals_;
  std::deque<wire::AssignmentId> order_;
};

/// Every assignment that a JobSession has something to do with.
///
/// Shape    ordered by job and epoch, so that the same events lead to the same messages; addresses
///          stay valid until `forget`
/// Threads  one
class HeldTasks {
 public:
  /// Null: unknown.
  HeldTask* find(wire::AssignmentId id);
  /// Its id must be unknown.
  HeldTask& add(wire::AssignmentId id, TaskPhase phase);
  void set_phase(HeldTask& task, TaskPhase phase);
  /// Removes it; `past` knows it from now on.
  void forget(HeldTask& task);

  size_t size() const { return tasks_.size(); }
  size_t count(TaskPhase phase) const { return counts_[static_cast<size_t>(phase)]; }
  size_t running() const { return count(TaskPhase::Starting) + count(TaskPhase::Running); }
  const PastTasks& past() const { return past_; }

  /// Calls `visit` with each of them, or with those of one job, in order; it may forget what it is
  /// called with.
  template <typename Visit>
  void for_each(Visit visit) {
    for (auto next = tasks_.begin(); next != tasks_.end();)
      visit((next++)->second);
  }
  template <typename Visit>
  void for_each_of(wire::JobId job, Visit visit) {
    auto next = tasks_.lower_bound({job, 0, 0});
    while (next != tasks_.end() && next->first.job == job)
      visit((next++)->second);
  }

 private:
  std::map<wire::AssignmentId, HeldTask> tasks_;
  size_t counts_[kTaskPhaseCount] = {};
  PastTasks past_;
};

}  // namespace berth::agent
