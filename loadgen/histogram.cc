#include "loadgen/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace berth::loadgen {

Histogram::Histogram() : buckets_(std::make_unique<std::array<uint64_t, kBuckets>>()) {}

void Histogram::record(core::Duration took) {
  int64_t ns = std::max<int64_t>(took.ns, 0);
  ++(*buckets_)[bucket_of(static_cast<uint64_t>(ns))];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

void Histogram::add(const Histogram& other) {
  for (size_t i = 0; i < kBuckets; ++i)
    (*buckets_)[i] += (*other.buckets_)[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

core::Duration Histogram::quantile(double q) const {
  if (count_ == 0) return {0};
  double rank = std::ceil(q * static_cast<double>(count_));
  uint64_t wanted = std::clamp<uint64_t>(static_cast<uint64_t>(rank), 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += (*buckets_)[i];
    // The last bucket has no upper edge of its own; nowhere is the edge beyond the maximum.
    if (seen >= wanted) return {i + 1 == kBuckets ? max_ns_ : std::min(upper_edge(i), max_ns_)};
  }
  return {max_ns_};
}

size_t Histogram::bucket_of(uint64_t ns) {
  int magnitude = static_cast<int>(std::bit_width(ns)) - 1 - kSubBits;
  if (magnitude < 0) return ns;
  // The leading bit picks the power of two, the next seven the bucket in it.
  size_t bucket = (static_cast<size_t>(magnitude + 1) << kSubBits) + (ns >> magnitude) -
                  (size_t{1} << kSubBits);
  return std::min(bucket, kBuckets - 1);
}

int64_t Histogram::upper_edge(size_t bucket) {
  size_t octave = bucket >> kSubBits;
  if (octave == 0) return static_cast<int64_t>(bucket);
  int64_t sub = static_cast<int64_t>(bucket & ((size_t{1} << kSubBits) - 1)) + (1 << kSubBits);
  return ((sub + 1) << (octave - 1)) - 1;
}

}  // namespace berth::loadgen
