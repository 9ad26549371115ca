#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace berth::core {

/// Cell i of a histogram counts the values in (2^(i-1), 2^i]; the first those up to 1, the last all
/// that are greater. In ns they reach to nine minutes.
inline constexpr size_t kHistogramCells = 41;

constexpr size_t histogram_cell(uint64_t value) {
  if (value <= 1) return 0;
  return std::min<size_t>(std::bit_width(value - 1), kHistogramCells - 1);
}

/// What the threads have counted, added up; or a histogram of one thread alone.
struct HistogramSum {
  std::array<uint64_t, kHistogramCells> cells{};
  uint64_t sum = 0;  ///< of the values

  void add(uint64_t value, uint64_t times = 1) {
    cells[histogram_cell(value)] += times;
    sum += value * times;
  }
  uint64_t count() const {
    uint64_t all = 0;
    for (const uint64_t cell : cells)
      all += cell;
    return all;
  }
  /// How many values are at most 2^exponent.
  uint64_t up_to(size_t exponent) const {
    uint64_t all = 0;
    for (size_t i = 0; i <= exponent && i + 1 < kHistogramCells; ++i)
      all += cells[i];
    return all;
  }
};

/// How often which values came.
///
/// Units    whole numbers of whatever is measured: ns, rows
/// Threads  one writer, who pays two plain loads and stores; anyone may read
/// Memory   336 bytes
class Histogram {
 public:
  void add(uint64_t value, uint64_t times = 1) {
    bump(cells_[histogram_cell(value)], times);
    bump(sum_, value * times);
  }

  void add_to(HistogramSum& total) const {
    for (size_t i = 0; i < kHistogramCells; ++i)
      total.cells[i] += cells_[i].load(std::memory_order_relaxed);
    total.sum += sum_.load(std::memory_order_relaxed);
  }

 private:
  static void bump(std::atomic<uint64_t>& value, uint64_t by) {
    value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::array<std::atomic<uint64_t>, kHistogramCells> cells_{};
  std::atomic<uint64_t> sum_{0};
};

}  // namespace berth::core
