#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "loadgen/trace.h"

namespace berth::loadgen {

/// The server's answer to one task of a trace.
struct Answer {
  bool placed = false;
  std::string node;
  std::vector<uint16_t> gpus;  ///< device indexes
};

/// A second opinion on a replay: keeps its own books of every node and device, from the answers
/// alone, and knows nothing of how the server decides.
///
/// Shape    tasks are handed in in the order in which they were placed; they never leave
/// Errors   a broken rule is counted and the first one told; the books then follow the server
class Audit {
 public:
  explicit Audit(const Trace& trace);

  void check(const TraceTask& task, const Answer& answer) { check({&task, 1}, {&answer, 1}); }

  /// Tasks that were placed together: one is refused wrongly if it fits beside all of them.
  void check(std::span<const TraceTask> tasks, std::span<const Answer> answers);

  uint64_t placed() const { return placed_; }
  uint64_t refused() const { return refused_; }
  /// Placed where there was no room or on what was not allowed.
  uint64_t violations() const { return violations_; }
  /// Refused although some node had room.
  uint64_t wrong_refusals() const { return wrong_refusals_; }
  const std::string& first_problem() const { return first_problem_; }

  /// GPU thousandths in use in % of all, when the tasks handed in so far came to `arrived` % for
  /// the first time; nothing before that.
  const std::map<int, double>& allocated_percent() const { return allocated_percent_; }

 private:
  struct Books {
    int64_t cpu_milli = 0;
    int64_t memory_mib = 0;
    std::vector<int64_t> gpu_milli;  // free, of each device
    std::string model;
  };

  void check_placed(const TraceTask& task, const Answer& answer);
  void check_refused(const TraceTask& task);
  /// Empty if `answer`'s node and devices can take `task`.
  std::string misfit(
      const Books& node, const TraceTask& task, const std::vector<uint16_t>& gpus) const;
  bool fits(const Books& node, const TraceTask& task) const;
  void note(const TraceTask& task, const std::string& what);
  void mark_arrived();

  std::unordered_map<std::string, size_t> index_;
  std::vector<Books> nodes_;
  int64_t gpu_milli_capacity_ = 0;
  int64_t gpu_milli_arrived_ = 0;
  int64_t gpu_milli_used_ = 0;
  uint64_t placed_ = 0;
  uint64_t refused_ = 0;
  uint64_t violations_ = 0;
  uint64_t wrong_refusals_ = 0;
  std::string first_problem_;
  std::map<int, double> allocated_percent_;
};

}  // namespace berth::loadgen
