#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/effects.h"
#include "core/jobs/job.h"
#include "core/placement/query.h"

namespace berth::core {

/// What the ledger knows of a worker that runs jobs, or ran one.
struct WorkerEntry {
  std::string name;

  // Its session: the connection on which it attached.
  wire::ConnectionId connection;
  bool attached = false;
  bool pulls = false;
  uint64_t life = 0;
  uint64_t nonce = 0;

  // What it asked for with NextJobs.
  wire::RequestId poll;
  uint32_t wants = 0;  ///< jobs; 0: it does not ask now

  uint32_t failures = 0;   ///< in a row, of different jobs
  uint32_t refusals = 0;   ///< in a row, of different jobs
  Instant cooldown_until;  ///< of either
  bool kept_away = false;  ///< its row was told to be left alone, because nobody speaks for it
  Instant heard;           ///< when it last said anything about its jobs
  Duration offline_after;  ///< of its own; 0: the ledger's
  bool row_known = false;  ///< `row` and `generation` are those of the table
  WorkerIndex row;
  uint32_t generation = 0;
  uint64_t kind = 0;     ///< what it has, as one number; 0: not known
  uint32_t kind_of = 0;  ///< the generation in whose row that was seen

  absl::flat_hash_map<uint64_t, Job*>
      leases;                                 ///< by id: jobs whose last attempt is here, and lives
  std::vector<wire::Assignment> assignments;  ///< of this turn, not sent yet
  size_t assignment_bytes = 0;

  /// Jobs can be handed to it now. What it pulls is one answer, which has to fit a frame.
  bool ready() const {
    return attached &&
           (!pulls || (assignments.size() < wants && assignment_bytes < kPulledBytesMax));
  }
  static constexpr size_t kPulledBytesMax = 256 * 1024;
};

/// Every worker the ledger has heard of, by number: names are kept once.
///
/// Shape    rows that never move, a hash table of names, one of connections
/// Threads  one owner
/// Memory   about 300 bytes a worker, kept for ever: jobs name workers that are long gone
class WorkerBook {
 public:
  WorkerNumber number_of(std::string_view name);
  /// kNoWorker: never heard of.
  WorkerNumber find(std::string_view name) const;
  size_t size() const { return entries_.size(); }
  WorkerEntry& at(WorkerNumber worker) { return entries_[worker]; }
  const WorkerEntry& at(WorkerNumber worker) const { return entries_[worker]; }
  std::string_view name(WorkerNumber worker) const {
    return worker == kNoWorker ? std::string_view{} : std::string_view(entries_[worker].name);
  }

  /// It speaks on this connection from now on, and on no other.
  void attach(WorkerNumber worker, wire::ConnectionId connection);
  /// Those that spoke on it; they are not attached any more.
  std::vector<WorkerNumber> detach_all(wire::ConnectionId connection);

 private:
  std::deque<WorkerEntry> entries_;
  absl::flat_hash_map<std::string_view, WorkerNumber> by_name_;
  absl::flat_hash_map<wire::ConnectionId, std::vector<WorkerNumber>> by_connection_;
};

/// Of `failures` in a row: doubles each time, from `base` to `cap`.
Duration cooldown_after(uint32_t failures, Duration base, Duration cap);

}  // namespace berth::core
