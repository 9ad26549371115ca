#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace berth::core {

/// The cheapest way to give each of `size` rows a column of its own.
///
/// Source   J. Munkres, "Algorithms for the Assignment and Transportation Problems", 1957, in its
///          form with one shortest path for each row; O(size³)
/// Memory   some vectors of `size`, kept from call to call
class CheapestMatching {
 public:
  /// `cost` has a row of `size` numbers for each row. The sum of the cheapest matching.
  double operator()(std::span<const double> cost, size_t size);

 private:
  /// Gives one more row its column and moves those in its way.
  void take_in(std::span<const double> cost, size_t size, size_t row);

  // Column `size` stands for "none yet".
  std::vector<double> row_price_;
  std::vector<double> column_price_;
  std::vector<size_t> row_of_;
  std::vector<size_t> way_;  ///< the column before it on the path
  std::vector<double> distance_;
  std::vector<bool> seen_;
};

}  // namespace berth::core
