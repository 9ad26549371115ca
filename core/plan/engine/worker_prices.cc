#include "core/plan/engine/worker_prices.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace berth::core {

namespace {

// As many rounds as a few milliseconds have room for; what comes after these gains nothing.
constexpr size_t kPairRounds = 4'000'000;
constexpr size_t kRoundsMin = 40;
constexpr size_t kRoundsMax = 400;

/// The relaxed problem: each task goes where it is cheapest. Fills `loads`.
double relax(
    std::span<const Ticks> durations,
    const std::vector<double>& price,
    std::vector<double>& loads) {
  std::fill(loads.begin(), loads.end(), 0);
  double bound = 0;
  for (size_t row = 0; row < durations.size(); row += price.size()) {
    size_t chosen = 0;
    double cheapest = std::numeric_limits<double>::infinity();
    for (size_t worker = 0; worker < price.size(); ++worker) {
      const double cost = price[worker] * static_cast<double>(durations[row + worker]);
      if (cost >= cheapest) continue;
      cheapest = cost;
      chosen = worker;
    }
    bound += cheapest;
    loads[chosen] += static_cast<double>(durations[row + chosen]);
  }
  return bound;
}

}  // namespace

WorkerPrices price_workers(std::span<const Ticks> durations, uint32_t workers) {
  std::vector<double> price(workers, 1.0 / workers);
  std::vector<double> loads(workers);
  WorkerPrices best;
  const size_t rounds =
      std::clamp(kPairRounds / std::max<size_t>(1, durations.size()), kRoundsMin, kRoundsMax);
  for (size_t round = 0; round < rounds; ++round) {
    const double bound = relax(durations, price, loads);
    if (round == 0 || bound > best.bound) best = {price, bound};
    const double mean = std::accumulate(loads.begin(), loads.end(), 0.0) / workers;
    const double pace = 0.3 / (1 + 0.02 * static_cast<double>(round));
    for (uint32_t worker = 0; worker < workers; ++worker) {
      const double excess = std::clamp(loads[worker] / std::max(mean, 1.0) - 1, -1.0, 2.0);
      price[worker] *= std::exp(pace * excess);
    }
    const double sum = std::accumulate(price.begin(), price.end(), 0.0);
    for (double& one : price)
      one /= sum;
  }
  return best;
}

}  // namespace berth::core
