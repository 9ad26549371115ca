#pragma once

#include <cstdint>
#include <vector>

#include "core/base/rng.h"
#include "core/placement/matches.h"
#include "core/placement/query.h"
#include "core/placement/score_cache.h"
#include "core/tables/fleet.h"
#include "core/tables/names.h"

namespace berth::core {

/// A worker to try, and the devices its policy wants there.
struct Choice {
  bool found = false;
  WorkerIndex worker;
  bool has_gpus = false;  ///< else the claim chooses
  GpuSet gpus = 0;
};

/// Finds the worker a policy likes best, and changes nothing.
///
/// Least-loaded walks the load index from low to high and compares exactly inside the first bucket
/// with a match; pack walks it from high to low. Best-fit, fgd and spread score every worker that
/// fits. Online workers come before suspicious ones in each.
///
/// Threads  one instance for each thread, on the shared fleet; an answer may be stale when it is
///          used, which the claim finds out
/// Memory   the matches of the last queries (MatchCache) and of scores (ScoreCache)
/// Source   spread: fewest tasks first, as Docker Swarm and Nomad spread; pack: the reverse, on
/// load,
///          as bin-packing schedulers do in one dimension
class Search {
 public:
  /// `start`: threads that begin at different segments seldom meet on a row.
  Search(const Fleet& fleet, const Names& names, uint32_t start, bool scatter, uint64_t seed);

  /// `skip`: rows found busy or stale during this request.
  Choice choose(
      const Query& query, const TypicalTasks& typical, const std::vector<WorkerIndex>& skip);

 private:
  struct Request {
    const Query& query;
    const TypicalTasks& typical;
    const std::vector<WorkerIndex>& skip;
    bool any_slot_fits;  ///< one slot and nothing else: whatever the load index lists will do
  };
  /// A segment that may hold a match.
  struct Part {
    const Segment* segment;
    uint32_t index;

    WorkerIndex worker(uint32_t row) const { return worker_index(index, row); }
  };
  struct Best {
    bool found = false;
    WorkerIndex worker;
    LoadKey key = 0;
  };

  ScoredGpus score_of(const NodeState& node, const Query& query);

  Choice choose_among(const Request& request);
  Choice least_loaded(const Request& request);
  Choice most_loaded(const Request& request);
  Choice scattered(const Request& request);
  Choice best_score(const Request& request);
  Choice least_loaded_value(const Request& request);

  void prepare(const Query& query);
  bool narrow();
  Best lowest_in(const Request& request, uint32_t bucket);
  Best highest_in(const Request& request, uint32_t bucket);
  uint32_t next_bucket(uint32_t from, uint32_t end) const;
  uint32_t previous_bucket(uint32_t from, uint32_t begin) const;
  static bool is_out(const Request& request, const Part& part, uint32_t row);
  template <typename Visit>
  bool each_among(const Part& part, const RowSet& among, Visit visit);
  template <typename Visit>
  void each_in_bucket(uint32_t bucket, Visit visit);
  template <typename Visit>
  void each_match(const Request& request, Visit visit);

  const Fleet& fleet_;
  const Names& names_;
  uint32_t start_;
  bool scatter_;
  Rng rng_;
  MatchCache cache_;
  QueryMatches* matches_ = nullptr;  ///< of this request
  std::vector<Part> parts_;          ///< where it may be met, in the order of the search
  ScoreCache scores_;
  uint32_t long_walks_ = 0;  ///< past many rows, without reaching the bound of their bucket
};

/// Whether the row has any label with this key.
bool has_label_key(const Segment& segment, uint32_t row, const Names& names, NameId key);

/// Whether this row's worker id is one of `excluded`.
bool is_excluded(const Segment& segment, uint32_t row, const Query& query);

}  // namespace berth::core
