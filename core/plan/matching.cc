#include "core/plan/matching.h"

#include <limits>

namespace berth::core {

double CheapestMatching::operator()(std::span<const double> cost, size_t size) {
  row_price_.assign(size, 0);
  column_price_.assign(size + 1, 0);
  row_of_.assign(size + 1, size);
  for (size_t row = 0; row < size; ++row)
    take_in(cost, size, row);
  double sum = 0;
  for (size_t column = 0; column < size; ++column)
    sum += cost[row_of_[column] * size + column];
  return sum;
}

void CheapestMatching::take_in(std::span<const double> cost, size_t size, size_t row) {
  way_.assign(size, size);
  distance_.assign(size, std::numeric_limits<double>::infinity());
  seen_.assign(size + 1, false);
  size_t at = size;
  row_of_[at] = row;
  while (row_of_[at] != size) {
    seen_[at] = true;
    const size_t from = row_of_[at];
    size_t nearest = size;
    for (size_t column = 0; column < size; ++column) {
      if (seen_[column]) continue;
      const double there = cost[from * size + column] - row_price_[from] - column_price_[column];
      if (there < distance_[column]) {
        distance_[column] = there;
        way_[column] = at;
      }
      if (nearest == size || distance_[column] < distance_[nearest]) nearest = column;
    }
    const double step = distance_[nearest];
    for (size_t column = 0; column <= size; ++column) {
      if (seen_[column]) {
        row_price_[row_of_[column]] += step;
        column_price_[column] -= step;
      } else {
        distance_[column] -= step;
      }
    }
    at = nearest;
  }
  for (; at != size; at = way_[at])
    row_of_[at] = row_of_[way_[at]];
}

}  // namespace berth::core
