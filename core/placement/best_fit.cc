#include "core/placement/best_fit.h"

namespace berth::core {
namespace {

constexpr std::array<double, kResourceCount> kScale = {65'535, 128'000, 1 << 20, 1 << 24, 100'000};

}  // namespace

double leftover(const NodeState& node, const NodeDemand& demand, double gpu_scale) {
  double sum = 0;
  for (size_t r = 0; r < kResourceCount; ++r) {
    sum += static_cast<double>(node.free[r] - demand.amounts[r]) / kScale[r];
  }
  int gpu_left = -int{demand.gpu_count} * demand.gpu_milli;
  for (size_t i = 0; i < node.gpu_count; ++i)
    gpu_left += node.gpu_free[i];
  return sum + gpu_left / gpu_scale;
}

double best_fit_leftover(const NodeState& node, const NodeDemand& demand) {
  return leftover(node, demand, kWholeGpu);
}

}  // namespace berth::core
