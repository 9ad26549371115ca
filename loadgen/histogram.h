#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/base/time.h"

namespace berth::loadgen {

/// How long things took: counts in buckets that are exact below 128 ns and then 128 to each power
/// of two, after the idea of HdrHistogram (Tene). A quantile is its bucket's upper edge, so it is
/// never below the true one and at most 1/128 (0.8 %) above it.
///
/// Shape    4,480 buckets, 35 KiB, up to 2^41 ns (37 minutes); longer ones count in the last
///          bucket, and `max` stays exact
/// Units    durations; below 0 counts as 0
/// Threads  one owner; `add` merges those of several threads when they are done
class Histogram {
 public:
  Histogram();

  void record(core::Duration took);
  void add(const Histogram& other);

  uint64_t count() const { return count_; }
  core::Duration max() const { return {max_ns_}; }

  /// The least duration that at least the fraction `q` of all records do not exceed; q in (0, 1].
  /// 0 when nothing is recorded.
  core::Duration quantile(double q) const;

 private:
  static constexpr int kSubBits = 7;  // 128 buckets in every power of two
  static constexpr int kRangeBits = 41;
  static constexpr size_t kBuckets = (kRangeBits - kSubBits + 1) << kSubBits;

  static size_t bucket_of(uint64_t ns);
  static int64_t upper_edge(size_t bucket);

  std::unique_ptr<std::array<uint64_t, kBuckets>> buckets_;
  uint64_t count_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace berth::loadgen
