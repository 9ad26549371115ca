#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/hash.h"
#include "core/jobs/job.h"

namespace berth::core {

/// Whose fault a failure is: a worker that fails what others can run is to be left alone, one that
/// was given a job that fails everywhere is not.
///
/// Jobs with the same spec count as one, as the elements of an array do.
///
/// Shape    for each spec that failed and has completed nowhere since, the worker it failed on
/// first Threads  one owner Memory   at most 4,096 specs; then all are forgotten
class Blame {
 public:
  enum class On : uint8_t {
    Worker,       ///< the first failure of this spec anywhere
    WorkerAgain,  ///< it failed here before, and nowhere else
    Job,          ///< it failed on another worker first
  };

  On of_failure(std::span<const std::byte> spec, WorkerNumber worker) {
    if (first_.size() >= kSpecsMax) first_.clear();
    const auto [found, is_new] = first_.try_emplace(hash(spec), worker);
    if (is_new) return On::Worker;
    return found->second == worker ? On::WorkerAgain : On::Job;
  }

  void on_completion(std::span<const std::byte> spec) {
    if (!first_.empty()) first_.erase(hash(spec));
  }

 private:
  static constexpr size_t kSpecsMax = 4'096;

  static uint64_t hash(std::span<const std::byte> spec) {
    return hash_text({reinterpret_cast<const char*>(spec.data()), spec.size()});
  }

  absl::flat_hash_map<uint64_t, WorkerNumber> first_;
};

}  // namespace berth::core
