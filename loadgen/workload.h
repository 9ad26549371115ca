#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace berth::loadgen {

/// What the made-up fleet and the requests on it look like.
struct WorkloadOptions {
  uint64_t seed = 1;
  uint32_t workers = 1'000;
  uint32_t tags = 32;            ///< distinct tags, at least 2
  uint32_t tags_per_worker = 4;  ///< at least 2, at most `tags`
  double match = 0.2;            ///< of all workers, those that hold both tags of a query; 0..1
  uint32_t slots = 64;           ///< of each worker
};

/// One worker of the fleet.
struct WorkerProfile {
  std::string id;
  std::string address;
  std::vector<uint32_t> tags;  ///< numbers of tags, ascending
  int64_t current_tasks = 0;   ///< what it says it runs: below half of its slots
};

/// A query asks for both tags of a pair.
struct TagPair {
  uint32_t first = 0;
  uint32_t second = 0;
};

/// A fleet of workers and the queries asked of it. Pure: the same options, the same workload.
///
/// Each query's two tags are held together by round(match × workers) workers. To get there, tags
/// are paired off; each pair is given to that many workers, dealt evenly round a shuffled ring;
/// what room a worker has left is filled with tags that complete no pair, so that each tag alone
/// matches more workers than the pair does and the search has something to intersect.
///
/// Memory   everything is made in the constructor
class Workload {
 public:
  /// Every worker id has this width, so that one can be patched into an encoded frame.
  static constexpr size_t kWorkerIdBytes = 18;  // lg-1f2e3d4c-000123

  explicit Workload(const WorkloadOptions& options);

  const WorkloadOptions& options() const { return options_; }
  const std::vector<WorkerProfile>& workers() const { return workers_; }
  /// Every query there is; at least one.
  const std::vector<TagPair>& queries() const { return queries_; }
  /// How many workers hold both tags of any one query.
  uint32_t matching() const { return matching_; }
  const std::string& tag_name(uint32_t tag) const { return tag_names_[tag]; }

  /// What every worker id of this run begins with, and no other run's with another seed.
  const std::string& id_prefix() const { return id_prefix_; }

 private:
  void deal_pairs();
  void fill_up();

  WorkloadOptions options_;
  std::string id_prefix_;
  std::vector<std::string> tag_names_;
  std::vector<WorkerProfile> workers_;
  std::vector<TagPair> queries_;
  uint32_t matching_ = 0;
};

/// The sentence that refuses options out of range, empty when all is well.
std::string check(const WorkloadOptions& options);

}  // namespace berth::loadgen
