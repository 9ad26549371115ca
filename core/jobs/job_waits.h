#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/jobs/job_table.h"
#include "core/jobs/range_index.h"
#include "wire/job_messages.h"

namespace berth::core {

/// Clients that wait until all of some jobs have ended.
///
/// What a wait asks for is counted in passes over its ranges, a bounded part at a time, since they
/// may hold millions of jobs. After the first pass it knows how many of them still live; what ends
/// finds those it concerns by the index, and when none is left a second pass counts for the answer.
/// Changes behind the place where the first pass stands are not its business yet: it will see them.
///
/// Threads  one owner
/// Memory   about 300 bytes a wait
class JobWaits {
 public:
  struct Wait {
    wire::ConnectionId from;
    wire::RequestId request;
    std::vector<wire::JobRange> jobs;  ///< sorted, apart from each other
    Instant until;                     ///< then it is answered, whoever lives

    wire::JobCounts counts;  ///< of the pass
    size_t range = 0;        ///< where it stands: in `jobs`, and from which id on; the last is done
    uint64_t next = 0;
    uint64_t left = 0;       ///< elements that were counted and have not ended
    bool answering = false;  ///< the pass is for the answer
    bool changed = false;    ///< something that the pass had counted already
    bool indexed = false;

    bool counted() const { return range == jobs.size(); }
  };

  uint64_t add(Wait wait);
  Wait* find(uint64_t id);
  void remove(uint64_t id);

  /// Counts `wait` for its answer, from the beginning; nothing changes it any more but that.
  void answer(uint64_t id);

  /// A part of at most `limit` looks of the oldest pass; the others have their turn before it goes
  /// on. Takes from `limit`. The wait when its pass is at its end; nothing: `limit` is 0, or there
  /// is no pass.
  std::optional<uint64_t> count(JobTable& table, size_t& limit);
  bool counting() const { return !passes_.empty(); }

  /// From now on what ends is told to it, without a pass. Requires that it is counted.
  void listen(uint64_t id);

  std::vector<uint64_t> of(wire::ConnectionId connection) const;  ///< in order
  size_t count_of(wire::ConnectionId connection) const;
  std::vector<uint64_t> all() const;  ///< in order

  /// These jobs ended (`by` -1) or live again (1); appends the waits for which none is left.
  void on_change(wire::JobId first, uint32_t count, int by, std::vector<uint64_t>& over);

  size_t size() const { return waits_.size(); }

 private:
  void change(
      uint64_t id, wire::JobId first, wire::JobId last, int by, std::vector<uint64_t>& over);
  void drop_from_index(uint64_t id, Wait& wait);

  absl::flat_hash_map<uint64_t, Wait> waits_;
  absl::flat_hash_map<wire::ConnectionId, absl::flat_hash_set<uint64_t>> by_connection_;
  std::deque<uint64_t> passes_;  ///< under way, the next first; some are of waits that have gone
  RangeIndex index_;
  std::vector<uint64_t> found_;
  uint64_t last_ = 0;
};

}  // namespace berth::core
